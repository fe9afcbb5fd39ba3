// SPDX-License-Identifier: Apache-2.0
// No verdict without a row.
#include <gtest/gtest.h>

#include <map>
#include <set>

#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

struct Named {
  uint32_t number;
  std::string name;
};

std::vector<Named> List() {
  return {
#define OV6_NAMED(number, name, class_, sentence, remedy) {number, #name},
      OV6_VERDICTS(OV6_NAMED)
#undef OV6_NAMED
  };
}

// What no row can reach, and why.
const std::map<std::string, std::string> kNowhere = {
    {"UNSPECIFIED", "it would be a bug"},
    {"DROP_NO_ROOM", "test-run gives every packet its headroom"},
};
// What the TC programs do not end with in test-run.
const std::map<std::string, std::string> kNotInTc = {
    {"DROP_PUNT_LOOP", "slaves' frames reach TC only marked: veth_test"},
    {"DROP_PORT_HEADER", "the port's XDP program checks it"},
    {"DROP_PORT_SLAVE", "the port's XDP program checks it"},
    {"DROP_PORT_DISABLED", "the port's XDP program checks it"},
    {"DROP_PORT_STACK", "slaves' frames reach TC only marked"},
    {"DROP_OUTER_FRAGMENT", "slaves' frames reach TC only marked"},
    {"DROP_PORT_SOCKET", "the far end has XDP alone"},
};
const std::map<std::string, std::string> kNotInXdp = {
    {"DROP_PORT_UNMARKED", "it is TC that misses the mark"},
};

void CheckAll(Hook hook, const std::map<std::string, std::string>& exceptions) {
  std::set<uint32_t> reached;
  for (const Row& row : AllRows())
    if (RunsIn(row, hook)) reached.insert(row.verdict);
  for (const Named& verdict : List()) {
    const bool excepted = kNowhere.count(verdict.name) + exceptions.count(verdict.name) != 0;
    EXPECT_NE(reached.count(verdict.number) != 0, excepted) << verdict.name;
  }
}

TEST(Coverage, EveryVerdictHasARowInXdp) { CheckAll(Hook::kXdp, kNotInXdp); }
TEST(Coverage, EveryVerdictHasARowInTc) { CheckAll(Hook::kTc, kNotInTc); }

}  // namespace
}  // namespace ov6::packet
