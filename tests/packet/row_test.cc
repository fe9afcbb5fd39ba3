// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/row.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include "tests/packet/front.h"

namespace ov6::packet {
namespace {

uint32_t CodeOf(End end, Hook hook) {
  const bool xdp = hook == Hook::kXdp;
  switch (end) {
    case End::kForward:
    case End::kPunt:
      return xdp ? uint32_t(XDP_REDIRECT) : TC_ACT_REDIRECT;
    case End::kStack:
      return xdp ? uint32_t(XDP_PASS) : TC_ACT_OK;
    case End::kDrop:
      return xdp ? uint32_t(XDP_DROP) : TC_ACT_SHOT;
  }
  return 0;
}

std::string NameOf(uint32_t verdict) {
  switch (verdict) {
#define OV6_CASE(number, name, class_, sentence, remedy) \
  case number:                                           \
    return #name;
    OV6_VERDICTS(OV6_CASE)
#undef OV6_CASE
  }
  return std::to_string(verdict);
}

std::string Moved() {
  std::string text;
  const auto counts = Verdicts();
  for (uint32_t verdict = 0; verdict < counts.size(); verdict++)
    if (counts[verdict].packets != 0)
      text += NameOf(verdict) + "=" + std::to_string(counts[verdict].packets) + " ";
  return text;
}

// The flow's hash is the kernel's business; its range is not.
void HideFlowPort(Bytes& bytes) {
  EXPECT_GE(bytes[34] << 8 | bytes[35], OV6_FLOW_PORT_FIRST);
  bytes[34] = bytes[35] = 0;
}

void SetWorld(const Row& row) {
  ResetWorld();
  if (row.tables) row.tables();
}

// The `time`th of the kind to come.
void Check(const Row& row, Hook hook, uint32_t time = 1) {
  const Bytes frame = row.frame();
  Outcome outcome = RunProgram(hook, row.door, row.device, frame, row.gso);
  EXPECT_EQ(outcome.code, CodeOf(row.end, hook));
  EXPECT_EQ(Moved(), NameOf(row.verdict) + "=" + std::to_string(time * (row.gso ? row.gso->first : 1)) + " ");
  if (row.flow_port) HideFlowPort(outcome.bytes);
  if (row.expected) {
    EXPECT_EQ(outcome.bytes, row.expected());
  } else if (row.end == End::kStack) {
    EXPECT_EQ(outcome.bytes, frame);
  }
}

class XdpRow : public testing::TestWithParam<Row> {};
class TcRow : public testing::TestWithParam<Row> {};
TEST_P(XdpRow, EndsAsItShould) {
  SetWorld(GetParam());
  Check(GetParam(), Hook::kXdp);
}
TEST_P(TcRow, EndsAsItShould) {
  SetWorld(GetParam());
  Check(GetParam(), Hook::kTc);
}

// What the front answers, once it knows it: XDP's what goes through a tunnel or is carried, TC's what goes on
// within the site, too.
bool IsForFront(const Row& row, Hook hook) {
  if (row.carried && hook == Hook::kXdp) return true;
  if (row.door == "port" || row.end != End::kForward || row.past_front != nullptr) return false;
  const bool plain = row.verdict == OV6_VERDICT_TUNNEL || row.verdict == OV6_VERDICT_SITE;
  return hook == Hook::kXdp ? plain && row.past_hit == nullptr : plain || row.verdict == OV6_VERDICT_LOCAL;
}

// Cold; once more, which admits it; and by the front, if that is what it is for.
void CheckThrice(const Row& row, Hook hook) {
  SetWorld(row);
  FrontOn();
  Check(row, hook, 1);
  Check(row, hook, 2);
  EXPECT_EQ(FrontHits(), 0u);
  Check(row, hook, 3);
  EXPECT_EQ(FrontHits(), IsForFront(row, hook) ? 1u : 0u);
}
TEST_P(XdpRow, EndsAsItShouldWhateverTheFrontKnows) { CheckThrice(GetParam(), Hook::kXdp); }
TEST_P(TcRow, EndsAsItShouldWhateverTheFrontKnows) { CheckThrice(GetParam(), Hook::kTc); }

std::vector<Row> Rows(Hook hook) {
  std::vector<Row> rows;
  for (const Row& row : AllRows())
    if (RunsIn(row, hook)) rows.push_back(row);
  return rows;
}

std::string Name(const testing::TestParamInfo<Row>& info) {
  std::string name = info.param.door + "_" + info.param.name;
  for (char& c : name)
    if (!isalnum(c)) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, XdpRow, testing::ValuesIn(Rows(Hook::kXdp)), Name);
INSTANTIATE_TEST_SUITE_P(Rows, TcRow, testing::ValuesIn(Rows(Hook::kTc)), Name);

}  // namespace
}  // namespace ov6::packet
