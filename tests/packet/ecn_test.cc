// SPDX-License-Identifier: Apache-2.0
// RFC 6040 section 4.2, figure 4: all sixteen pairs, in both programs.
#include <gtest/gtest.h>

#include "tests/packet/row.h"

namespace ov6::packet {
namespace {

constexpr uint8_t kNotEct = 0, kEct1 = 1, kEct0 = 2, kCe = 3, kDrop = 4;

struct Pair {
  uint8_t inner, outer, result;
};
constexpr Pair kPairs[] = {
    {kNotEct, kNotEct, kNotEct}, {kNotEct, kEct0, kNotEct}, {kNotEct, kEct1, kNotEct}, {kNotEct, kCe, kDrop},
    {kEct0, kNotEct, kEct0},     {kEct0, kEct0, kEct0},     {kEct0, kEct1, kEct1},     {kEct0, kCe, kCe},
    {kEct1, kNotEct, kEct1},     {kEct1, kEct0, kEct1},     {kEct1, kEct1, kEct1},     {kEct1, kCe, kCe},
    {kCe, kNotEct, kCe},         {kCe, kEct0, kCe},         {kCe, kEct1, kCe},         {kCe, kCe, kCe},
};

void Check(const Pair& pair, Hook hook) {
  SCOPED_TRACE("inner " + std::to_string(pair.inner) + " outer " + std::to_string(pair.outer));
  ResetWorld();
  const Bytes frame =
      FromPeer().Ip4(kPeer, kWan).Ecn(pair.outer).Ip6(kRemote, kHost).Ecn(pair.inner).Echo(8).Done();
  const Outcome outcome = RunProgram(hook, "underlay", "wan", frame);
  const auto verdicts = Verdicts();
  EXPECT_EQ(verdicts[OV6_VERDICT_DROP_ECN].packets, pair.result == kDrop ? 1u : 0u);
  if (pair.result == kDrop) return;
  EXPECT_EQ(outcome.bytes, ToHost().Ip6(kRemote, kHost).Ecn(pair.result).HopLimit(63).Echo(8).Done());
}

TEST(Ecn, SixteenPairsAtTheXdpDoor) {
  for (const Pair& pair : kPairs) Check(pair, Hook::kXdp);
}
TEST(Ecn, SixteenPairsAtTheTcDoor) {
  for (const Pair& pair : kPairs) Check(pair, Hook::kTc);
}

}  // namespace
}  // namespace ov6::packet
