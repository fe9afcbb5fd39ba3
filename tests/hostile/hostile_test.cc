// SPDX-License-Identifier: Apache-2.0
// Every hostile packet by itself, in the XDP and the TC program of its door, between two good ones.
#include "tests/hostile/hostile.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <map>
#include <set>

namespace ov6::packet {
namespace {

uint32_t CodeOf(End end, Hook hook) {
  const bool xdp = hook == Hook::kXdp;
  if (end == End::kStack) return xdp ? uint32_t(XDP_PASS) : TC_ACT_OK;
  if (end == End::kDrop) return xdp ? uint32_t(XDP_DROP) : TC_ACT_SHOT;
  return xdp ? uint32_t(XDP_REDIRECT) : TC_ACT_REDIRECT;
}

// name -> packets, of those that moved
std::map<std::string, uint64_t> Moved() {
  std::map<std::string, uint64_t> moved;
  const auto counts = Verdicts();
  for (uint32_t verdict = 0; verdict < counts.size(); verdict++)
    if (counts[verdict].packets != 0) moved[VerdictName(verdict)] = counts[verdict].packets;
  return moved;
}

void GoodPacketsGetThrough(Hook hook) {
  EXPECT_EQ(RunProgram(hook, "site", "lan", GoodFromSite()).code, CodeOf(End::kForward, hook));
  EXPECT_EQ(RunProgram(hook, "underlay", "wan", GoodFromUnderlay()).code, CodeOf(End::kForward, hook));
}

// test-run makes no skb of a frame that ends within its IP header; the wire does (wire_test.cc).
bool RunsIn(const Hostile& row, Hook hook) {
  if (hook == Hook::kXdp) return true;
  if (row.door == "port") return false;  // TC sees only what the port's XDP program marked
  const Bytes frame = row.frame();
  const size_t header = frame[12] == 0x86 ? 40 : frame[12] == 0x08 && frame[13] == 0 ? 20 : 1;
  return frame.size() >= 14 + header;
}

void Check(const Hostile& row, Hook hook) {
  ResetWorld();
  GoodPacketsGetThrough(hook);
  if (row.tables) row.tables();
  EXPECT_EQ(RunProgram(hook, row.door, row.device, row.frame()).code, CodeOf(EndOf(row.verdict), hook));
  std::map<std::string, uint64_t> wanted{{"TUNNEL", 1}, {"SITE", 1}};
  wanted[VerdictName(row.verdict)]++;
  EXPECT_EQ(Moved(), wanted);
  if (row.tables) ResetWorld();
  GoodPacketsGetThrough(hook);
}

class HostileInXdp : public testing::TestWithParam<Hostile> {};
class HostileInTc : public testing::TestWithParam<Hostile> {};
TEST_P(HostileInXdp, EndsUnderItsName) { Check(GetParam(), Hook::kXdp); }
TEST_P(HostileInTc, EndsUnderItsName) { Check(GetParam(), Hook::kTc); }

std::vector<Hostile> Rows(Hook hook) {
  std::vector<Hostile> rows;
  for (const Hostile& row : AllHostiles())
    if (RunsIn(row, hook)) rows.push_back(row);
  return rows;
}

std::string Name(const testing::TestParamInfo<Hostile>& info) {
  std::string name = info.param.door + "_" + info.param.name;
  for (char& c : name)
    if (!isalnum(c)) c = '_';
  return name;
}

INSTANTIATE_TEST_SUITE_P(Rows, HostileInXdp, testing::ValuesIn(Rows(Hook::kXdp)), Name);
INSTANTIATE_TEST_SUITE_P(Rows, HostileInTc, testing::ValuesIn(Rows(Hook::kTc)), Name);

TEST(Hostiles, AreManyAndHaveNamesOfTheirOwn) {
  std::set<std::string> names;
  for (const Hostile& row : AllHostiles()) EXPECT_TRUE(names.insert(row.door + row.name).second) << row;
  EXPECT_GE(names.size(), 150u);
}

}  // namespace
}  // namespace ov6::packet
