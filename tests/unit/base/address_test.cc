// SPDX-License-Identifier: Apache-2.0
#include "ov6/address.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace ov6 {
namespace {

TEST(Ipv4, ParsesDottedQuadsOnly) {
  EXPECT_EQ(Ipv4::Parse("198.51.100.1")->value, 0xc6336401u);
  for (const char* text : {"", "198.51.100", "198.51.100.256", "0x7f.1", "198.51.100.1 ", "::1"}) {
    EXPECT_FALSE(Ipv4::Parse(text)) << text;
  }
}

TEST(Ipv4, NetworkOrderRoundTrip) {
  const Ipv4 address{0xc6336401};
  const uint32_t be = address.ToBe();
  EXPECT_EQ(reinterpret_cast<const uint8_t*>(&be)[0], 198);
  EXPECT_EQ(Ipv4::FromBe(be), address);
}

TEST(Ipv4, Martians) {
  const struct {
    const char* address;
    bool martian;
  } rows[] = {{"0.0.0.0", true},         {"0.255.255.255", true},   {"1.0.0.0", false},
              {"127.0.0.1", true},       {"128.0.0.1", false},      {"169.253.255.255", false},
              {"169.254.0.1", true},     {"169.255.0.0", false},    {"223.255.255.255", false},
              {"224.0.0.1", true},       {"239.255.255.255", true}, {"240.0.0.1", true},
              {"255.255.255.255", true}, {"10.0.0.1", false},       {"198.51.100.1", false}};
  for (const auto& row : rows) EXPECT_EQ(Ipv4::Parse(row.address)->IsMartian(), row.martian) << row.address;
}

TEST(Ipv6, PrintsAsRfc5952) {
  const struct {
    const char *in, *out;
  } rows[] = {{"2001:0db8:0:0:0:0:0:1", "2001:db8::1"}, {"2001:db8::0:1", "2001:db8::1"},
              {"2001:DB8::A", "2001:db8::a"},           {"2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"},
              {"2001:0:0:1:0:0:0:1", "2001:0:0:1::1"},  {"::", "::"}};
  for (const auto& row : rows) EXPECT_EQ(Ipv6::Parse(row.in)->ToString(), row.out);
}

TEST(Ipv6, MasksAnyLength) {
  const Ipv6 all = *Ipv6::Parse("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
  EXPECT_EQ(all.Masked(0).ToString(), "::");
  EXPECT_EQ(all.Masked(1).ToString(), "8000::");
  EXPECT_EQ(all.Masked(49).ToString(), "ffff:ffff:ffff:8000::");
  EXPECT_EQ(all.Masked(128), all);
}

// The paper: "zeroing its last set bit, until zero".
TEST(Ipv6, ClearsTheLastSetBitUntilZero) {
  Ipv6 address = *Ipv6::Parse("fd12:0:8000::5");
  std::vector<std::string> steps;
  for (; !address.IsZero(); address = address.WithLastSetBitCleared()) steps.push_back(address.ToString());
  EXPECT_EQ(steps,
            (std::vector<std::string>{"fd12:0:8000::5", "fd12:0:8000::4", "fd12:0:8000::", "fd12::", "fd10::",
                                      "fd00::", "fc00::", "f800::", "f000::", "e000::", "c000::", "8000::"}));
  EXPECT_TRUE(Ipv6{}.WithLastSetBitCleared().IsZero());
}

TEST(Prefix, Parses) {
  const struct {
    const char *in, *out;
  } rows[] = {{"fd00::/8", "fd00::/8"},
              {"::/0", "::/0"},
              {"2001:db8::1", "2001:db8::1/128"},
              {"2001:db8::1/128", "2001:db8::1/128"}};
  for (const auto& row : rows) EXPECT_EQ(Prefix::Parse(row.in)->ToString(), row.out);
  for (const char* text :
       {"", "/8", "fd00::/", "fd00::/129", "fd00::/-1", "fd00::1/8", "fd00::/8x", "10.0.0.0/8"}) {
    EXPECT_FALSE(Prefix::Parse(text)) << text;
  }
}

TEST(Prefix, ContainsAndOverlaps) {
  const Prefix wide = *Prefix::Parse("fd00::/8"), narrow = *Prefix::Parse("fd12::/16");
  EXPECT_TRUE(wide.Contains(narrow));
  EXPECT_TRUE(wide.Contains(wide));
  EXPECT_FALSE(narrow.Contains(wide));
  EXPECT_TRUE(narrow.Overlaps(wide));
  EXPECT_FALSE(narrow.Overlaps(*Prefix::Parse("fd13::/16")));
  EXPECT_TRUE(narrow.Contains(*Ipv6::Parse("fd12:ffff::1")));
  EXPECT_FALSE(narrow.Contains(*Ipv6::Parse("fd13::1")));
}

TEST(Prefix, TextAndAbiRoundTrip) {
  EXPECT_TRUE(rc::check([](const std::array<uint8_t, 16>& bytes) {
    const Prefix prefix = Prefix::Of(Ipv6{bytes}, *rc::gen::inRange(0, 129));
    RC_ASSERT(Prefix::Parse(prefix.ToString()) == prefix);
    RC_ASSERT(Prefix::FromAbi(prefix.ToAbi()) == prefix);
  }));
}

TEST(Endpoint, ParsesAddressAndPort) {
  EXPECT_EQ(Endpoint::Parse("198.51.100.2:4646")->ToString(), "198.51.100.2:4646");
  for (const char* text :
       {"198.51.100.2", "198.51.100.2:", "198.51.100.2:65536", ":1", "host:1", "198.51.100.2:-1"}) {
    EXPECT_FALSE(Endpoint::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace ov6
