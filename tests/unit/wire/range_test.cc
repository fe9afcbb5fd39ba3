// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "userspace/wire/capsule_codec.h"

namespace ov6 {
namespace {

std::vector<std::string> Split(const char* first, const char* last) {
  std::vector<std::string> texts;
  for (const Prefix& prefix : RangeToPrefixes(*Ipv6::Parse(first), *Ipv6::Parse(last))) {
    texts.push_back(prefix.ToString());
  }
  return texts;
}

using Texts = std::vector<std::string>;

TEST(RangeToPrefixes, Rows) {
  EXPECT_EQ(Split("::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Texts{"::/0"});
  EXPECT_EQ(Split("fd00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Texts{"fd00::/8"});
  EXPECT_EQ(Split("::1", "::1"), Texts{"::1/128"});
  EXPECT_EQ(Split("::1", "::4"), (Texts{"::1/128", "::2/127", "::4/128"}));
  EXPECT_EQ(Split("8000::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"), Texts{"8000::/1"});
  EXPECT_EQ(Split("::2", "::1"), Texts{});
  EXPECT_EQ(Split("::1", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:fffe").size(), 254u);  // the most there can be
}

Ipv6 Last(const Prefix& prefix) {
  Ipv6 last = prefix.address;
  for (int i = prefix.length; i < 128; ++i) last.bytes[i / 8] |= static_cast<uint8_t>(0x80 >> (i % 8));
  return last;
}

Ipv6 Next(Ipv6 address) {
  for (int i = 15; i >= 0 && ++address.bytes[i] == 0; --i) {
  }
  return address;
}

TEST(RangeToPrefixes, CoversTheRangeOnceInOrder) {
  EXPECT_TRUE(rc::check([](const std::array<uint8_t, 16>& a, const std::array<uint8_t, 16>& b) {
    const Ipv6 first = std::min(Ipv6{a}, Ipv6{b}), last = std::max(Ipv6{a}, Ipv6{b});
    const auto prefixes = RangeToPrefixes(first, last);
    RC_ASSERT(!prefixes.empty());
    RC_ASSERT(prefixes.front().address == first);
    RC_ASSERT(Last(prefixes.back()) == last);
    for (size_t i = 1; i < prefixes.size(); ++i)
      RC_ASSERT(prefixes[i].address == Next(Last(prefixes[i - 1])));
  }));
}

TEST(RangeToPrefixes, APrefixComesBackAsItself) {
  EXPECT_TRUE(rc::check([](const std::array<uint8_t, 16>& bytes) {
    const Prefix prefix = Prefix::Of(Ipv6{bytes}, *rc::gen::inRange(0, 129));
    RC_ASSERT(RangeToPrefixes(prefix.address, Last(prefix)) == std::vector<Prefix>{prefix});
  }));
}

}  // namespace
}  // namespace ov6
