// SPDX-License-Identifier: Apache-2.0
// Prints the hostile packets that need no tables of their own, one a line, fields separated by tabs:
//   door, verdict, section of the RFC, name, frame in hex.
// With "good" the two packets that must get through. The addresses are those of tests/packet/world.h.
#include <gtest/gtest.h>

#include <cstdio>
#include <cstring>

#include "tests/hostile/hostile.h"

namespace ov6::packet {
namespace {

void Print(const Hostile& row) {
  std::printf("%s\t%s\t%s\t%s\t", row.door.c_str(), VerdictName(row.verdict).c_str(), row.rfc.c_str(),
              row.name.c_str());
  for (uint8_t byte : row.frame()) std::printf("%02x", byte);
  std::puts("");
}

void PrintGood() {
  Print({"-", "a good packet", "site", "lan", OV6_VERDICT_TUNNEL, GoodFromSite});
  Print({"-", "a good packet", "underlay", "wan", OV6_VERDICT_SITE, GoodFromUnderlay});
}

}  // namespace
}  // namespace ov6::packet

int main(int argc, char** argv) {
  if (argc == 2 && std::strcmp(argv[1], "good") == 0) return ov6::packet::PrintGood(), 0;
  for (const ov6::packet::Hostile& row : ov6::packet::AllHostiles())
    if (row.door != "port" && !row.tables) ov6::packet::Print(row);
  return 0;
}
