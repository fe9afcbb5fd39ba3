// SPDX-License-Identifier: Apache-2.0
#include "userspace/port/frame_port.h"

#include <gtest/gtest.h>

#include "tests/unit/slaves/fakes.h"

namespace ov6 {
namespace {

const Bytes kInner = Ipv6Packet(Address("fd01::1"), Address("fd02::2"));

Bytes WithUdp(const Bytes& inner) {
  Bytes out(8, 0);
  out.insert(out.end(), inner.begin(), inner.end());
  return out;
}

Bytes Changed(Bytes bytes, size_t at, uint8_t value) {
  bytes[at] = value;
  return bytes;
}

struct Row {
  const char* name;
  Bytes frame;
  std::optional<Ipv6> key;
};

TEST(ParsePunt, Rows) {
  const Bytes miss = PuntBytes(OV6_PUNT_MISS, kInner);
  const Bytes verify = PuntBytes(OV6_PUNT_VERIFY, Ipv4Packet(41, kInner));
  const std::vector<Row> rows = {
      {"a miss asks for the destination", miss, Address("fd02::2")},
      {"a route asks for the destination", PuntBytes(OV6_PUNT_ROUTE, kInner), Address("fd02::2")},
      {"6in4 to verify asks for the inner source", verify, Address("fd01::1")},
      {"UDP to verify asks for the inner source", PuntBytes(OV6_PUNT_VERIFY, Ipv4Packet(17, WithUdp(kInner))),
       Address("fd01::1")},
      {"another IPv4 protocol", PuntBytes(OV6_PUNT_VERIFY, Ipv4Packet(6, kInner)), std::nullopt},
      {"IPv6 where IPv4 should be", PuntBytes(OV6_PUNT_VERIFY, kInner), std::nullopt},
      {"IPv4 where IPv6 should be", PuntBytes(OV6_PUNT_MISS, Ipv4Packet(41, kInner)), std::nullopt},
      {"IPv4 header length past the end", Changed(verify, 30, 0x4f), std::nullopt},
      {"another EtherType", Changed(miss, 12, 0x86), std::nullopt},
      {"another version", Changed(miss, 14, 2), std::nullopt},
      {"not a punt", Changed(miss, 15, OV6_PORT_RESUBMIT_OUT), std::nullopt},
      {"another reason", Changed(miss, 16, 9), std::nullopt},
  };
  for (const Row& row : rows) {
    const auto punt = ParsePunt(row.frame);
    EXPECT_EQ(punt.has_value(), row.key.has_value()) << row.name;
    if (punt && row.key) {
      EXPECT_EQ(punt->key, *row.key) << row.name;
    }
  }
}

TEST(ParsePunt, EveryTruncationIsRefused) {
  for (const Bytes& whole :
       {PuntBytes(OV6_PUNT_MISS, kInner), PuntBytes(OV6_PUNT_VERIFY, Ipv4Packet(41, kInner))}) {
    for (size_t size = 0; size < whole.size(); ++size) {
      EXPECT_FALSE(ParsePunt(std::span(whole).first(size))) << size;
    }
  }
}

TEST(CarriedTo, IsTheDeviceOfWhatIsCarriedAndOfNothingElse) {
  const Bytes punt = PuntBytes(OV6_PUNT_MISS, kInner);
  Bytes carried = Changed(punt, 15, OV6_PORT_CARRY);
  const Bytes ingress = {1, 2, 3, 4};
  std::copy(ingress.begin(), ingress.end(), carried.begin() + 26);
  EXPECT_EQ(CarriedTo(carried), 0x01020304u);
  EXPECT_EQ(CarriedTo(punt), std::nullopt);
  EXPECT_EQ(CarriedTo(Changed(carried, 14, 2)), std::nullopt) << "another version";
  EXPECT_EQ(CarriedTo(Changed(carried, 30, 0x45)), std::nullopt) << "IPv4";
  EXPECT_FALSE(ParsePunt(carried).has_value());
  for (size_t size = 0; size < kPortHeaders + 40; ++size) {
    EXPECT_EQ(CarriedTo(std::span(carried).first(size)), std::nullopt) << size;
  }
}

TEST(Resubmit, ChangesTheTypeAndTheSlaveAlone) {
  Frames frames;
  const Frame frame = frames.Punt(OV6_PUNT_MISS, kInner);
  Bytes expected(frame.bytes.begin(), frame.bytes.end());
  expected[15] = OV6_PORT_RESUBMIT_OUT;
  expected[22] = 1, expected[23] = 2, expected[24] = 3, expected[25] = 4;
  Resubmit(frame, OV6_PORT_RESUBMIT_OUT, 0x01020304);
  EXPECT_EQ(Bytes(frame.bytes.begin(), frame.bytes.end()), expected);
}

}  // namespace
}  // namespace ov6
