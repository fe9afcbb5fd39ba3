// SPDX-License-Identifier: Apache-2.0
// Each row is one capsule, byte by byte as docs/slave-protocol.md section 2 says.
#include "userspace/wire/capsule_codec.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include "userspace/base/bytes.h"
#include "userspace/base/crypto.h"

namespace ov6 {
namespace {

// Bytes from hexadecimal text; blanks are free and "# ..." runs to the end of a line.
Bytes Annotated(std::string_view text) {
  std::string digits;
  bool comment = false;
  for (const char c : text) {
    comment = c == '#' || (comment && c != '\n');
    if (!comment && !isspace(static_cast<unsigned char>(c))) digits += c;
  }
  const auto bytes = FromHex(digits);
  EXPECT_TRUE(bytes.ok()) << text;
  return {bytes->begin(), bytes->end()};
}

Ipv6 Address(const char* text) { return *Ipv6::Parse(text); }
Prefix Pfx(const char* text) { return *Prefix::Parse(text); }

struct Row {
  const char* name;
  Capsule capsule;
  const char* bytes;
};

const Row kRows[] = {
    {"DATAGRAM, a packet", DatagramCapsule{kPacketContext, {0x60, 1, 2}}, R"(
      00          # type
      04          # length
      00          # context
      60 01 02    # packet)"},
    {"DATAGRAM, a frame of a port", DatagramCapsule{kPortContext, {0x01}}, "00 02 02 01"},
    {"ADDRESS_ASSIGN, unasked, and refused",
     AddressAssignCapsule{{{0, false, Pfx("fd12::/64")}, {7, false, Pfx("::/128")}}},
     R"(
      01 26       # 38 bytes
      00 06       # unasked, IPv6
      fd120000 00000000 00000000 00000000 40
      07 06       # request 7
      00000000 00000000 00000000 00000000 80)"},
    {"ADDRESS_ASSIGN, nothing any more", AddressAssignCapsule{}, "01 00"},
    {"ADDRESS_REQUEST, an IPv4 address and any /64",
     AddressRequestCapsule{{{1, true, Pfx("::ffff:192.0.2.1/128")}, {2, false, Pfx("::/64")}}},
     R"(
      02 1a       # 26 bytes
      01 04 c0000201 20
      02 06 00000000 00000000 00000000 00000000 40)"},
    {"ROUTE_ADVERTISEMENT, goodbye", RouteAdvertisementCapsule{}, "03 00"},
    {"ROUTE_ADVERTISEMENT, two ranges", RouteAdvertisementCapsule{{Pfx("2001:db8::/32"), Pfx("fd00::/8")}},
     R"(
      03 40 44    # 68 bytes
      06          # IPv6
      20010db8 00000000 00000000 00000000   # first
      20010db8 ffffffff ffffffff ffffffff   # last
      00          # every protocol
      06
      fd000000 00000000 00000000 00000000
      fdffffff ffffffff ffffffff ffffffff
      00)"},
    {"MAPPINGS, one past its lifetime",
     MappingsCapsule{6,
                     {MappingAdd{Pfx("fd12:3456:789a::/48"),
                                 {{.address = {0xc6336402}, .priority = 1}},
                                 30000,
                                 45000,
                                 true,
                                 345000}}},
     R"(
      af763601 2e      # type, 46 bytes
      06               # sequence
      01 2b            # add, 43 bytes
      30 fd123456789a 00000000000000000000   # /48
      00007530         # soft lifetime, ms
      0000afc8         # hard lifetime, ms
      01               # one locator
      c6336402 0000 00 01 0000 0000          # 198.51.100.2, 6in4, priority 1
      01               # who knows was silent
      000543a8)"},  // age, ms
    {"MAPPINGS, one of each kind",
     MappingsCapsule{5,
                     {MappingAdd{Pfx("fd12:3456:789a::/48"),
                                 {{.address = {0xc6336402}, .priority = 1},
                                  {.address = {0xc6336403},
                                   .encapsulation = Encapsulation::kUdp,
                                   .port = 6080,
                                   .priority = 2,
                                   .mtu = 1400}},
                                 30000,
                                 60000},
                      MappingNegative{Pfx("fd99::/48"), 5000, 3, true}, MappingWithdraw{Pfx("fd13::/48")}}},
     R"(
      af763601 40 61   # type, 97 bytes
      05               # sequence
      01 32            # add, 50 bytes
      30 fd123456789a 00000000000000000000   # /48
      00007530         # soft lifetime, ms
      0000ea60         # hard lifetime, ms
      02               # two locators
      c6336402 0000 00 01 0000 0000          # 198.51.100.2, 6in4, priority 1
      c6336403 17c0 01 02 0578 0000          # 198.51.100.3:6080, UDP, priority 2, MTU 1400
      02 17            # negative, 23 bytes
      30 fd990000 000000000000000000000000   # /48
      00001388         # lifetime, ms
      03               # ICMPv6 code
      01               # could not ask
      03 11            # withdraw, 17 bytes
      30 fd130000 000000000000000000000000)"},
    {"MAPPINGS_ACK, all well", MappingsAckCapsule{5, {}}, "af763602 01 05"},
    {"MAPPINGS_ACK, the second refused", MappingsAckCapsule{16384, {{1, "no"}}}, R"(
      af763602 08
      80004000    # sequence
      01          # index
      02 6e6f     # reason)"},
    {"REFRESH", RefreshCapsule{{Address("fd12::1"), Address("fd12::2")}}, R"(
      af763603 20
      fd120000 00000000 00000000 00000001
      fd120000 00000000 00000000 00000002)"},
    {"PORT",
     PortCapsule{.slot = 1,
                 .slave = 7,
                 .mtu = 1564,
                 .frame_size = 2048,
                 .frame_count = 4096,
                 .fill_size = 2048,
                 .completion_size = 1024,
                 .rx_size = 512,
                 .tx_size = 256},
     R"(
      af763604 20
      0001        # slot
      061c        # MTU
      00000007    # slave
      00000800    # frame size
      00001000    # frame count
      00000800    # fill
      00000400    # completion
      00000200    # rx
      00000100    # tx)"},
    {"STATUS", StatusCapsule{"{}"}, "af763605 02 7b7d"},
    {"CALL", CallCapsule{3, "state", ""}, "af763606 07 03 05 7374617465"},
    {"CALL with an argument", CallCapsule{3, "start", "{}"}, "af763606 09 03 05 7374617274 7b7d"},
    {"RETURN, well", ReturnCapsule{3, 0, "{}"}, "af763607 04 03 00 7b7d"},
    {"RETURN, an error", ReturnCapsule{3, 12, "no"}, "af763607 04 03 0c 6e6f"},
    {"PING", PingCapsule{false, 0x0102030405060708}, "af763608 09 00 0102030405060708"},
    {"PING, answered", PingCapsule{true, 1}, "af763608 09 01 0000000000000001"},
    {"unknown", UnknownCapsule{0x41, {9, 9}}, "40 41 02 09 09"},
};

std::vector<Capsule> DecodeAll(std::span<const uint8_t> bytes, size_t fragment) {
  CapsuleDecoder decoder;
  std::vector<Capsule> capsules;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(fragment, bytes.size()));
    bytes = bytes.subspan(part.size());
    decoder.Ingest(part);
    while (true) {
      auto capsule = decoder.Next();
      EXPECT_TRUE(capsule.ok()) << capsule.status();
      if (!capsule.ok() || !*capsule) break;
      capsules.push_back(**std::move(capsule));
    }
  }
  EXPECT_TRUE(decoder.Finish().ok());
  return capsules;
}

TEST(CapsuleCodec, BytesBothWays) {
  for (const Row& row : kRows) {
    SCOPED_TRACE(row.name);
    EXPECT_EQ(ToHex(EncodeCapsule(row.capsule)), ToHex(Annotated(row.bytes)));
    EXPECT_EQ(DecodeAll(Annotated(row.bytes), 1 << 20), std::vector<Capsule>{row.capsule});
  }
}

TEST(CapsuleCodec, FragmentsOfEverySize) {
  ByteQueue queue;
  std::vector<Capsule> expected;
  for (const Row& row : kRows) {
    EncodeCapsule(row.capsule, &queue);
    expected.push_back(row.capsule);
  }
  const Bytes stream(queue.bytes().begin(), queue.bytes().end());
  for (size_t size = 1; size <= stream.size(); ++size) EXPECT_EQ(DecodeAll(stream, size), expected) << size;
}

TEST(CapsuleCodec, AStreamCutAnywhereInsideACapsuleFails) {
  for (const Row& row : kRows) {
    const Bytes bytes = Annotated(row.bytes);
    for (size_t size = 1; size < bytes.size(); ++size) {
      CapsuleDecoder decoder;
      decoder.Ingest(std::span<const uint8_t>(bytes).first(size));
      const auto capsule = decoder.Next();
      ASSERT_TRUE(capsule.ok()) << row.name << " cut at " << size;
      EXPECT_FALSE(*capsule);
      EXPECT_FALSE(decoder.Finish().ok());
    }
  }
}

absl::Status Decode(const Bytes& bytes) {
  CapsuleDecoder decoder;
  decoder.Ingest(bytes);
  return decoder.Next().status();
}

Bytes WithLength(const Capsule& capsule, size_t size) {
  const Bytes whole = EncodeCapsule(capsule);
  ByteReader in(whole);
  const uint64_t type = in.Varint();
  in.Varint();
  const auto rest = in.Take(in.size());
  Bytes value(rest.begin(), rest.end());
  value.resize(size);
  return ByteWriter().Varint(type).Block(value).Take();
}

// Every length at which the value may end, per capsule; all others are refused.
TEST(CapsuleCodec, EveryWrongLengthIsRefused) {
  const struct {
    const char* name;
    size_t longest;
    std::vector<size_t> right;
  } rows[] = {
      {"DATAGRAM, a packet", 4, {1, 2, 3, 4}},
      {"ADDRESS_ASSIGN, unasked, and refused", 38, {0, 19, 38}},
      {"ROUTE_ADVERTISEMENT, two ranges", 68, {0, 34, 68}},
      {"MAPPINGS, one of each kind", 97, {1, 53, 78, 97}},
      {"MAPPINGS_ACK, the second refused", 8, {4, 8}},
      {"REFRESH", 32, {0, 16, 32}},
      {"PORT", 36, {32, 33, 34, 35, 36}},
      {"CALL", 7, {7}},
      {"RETURN, an error", 4, {2, 3, 4}},
      {"PING", 12, {9}},
  };
  for (const auto& row : rows) {
    const auto* found = std::find_if(std::begin(kRows), std::end(kRows),
                                     [&](const Row& r) { return std::string(r.name) == row.name; });
    ASSERT_NE(found, std::end(kRows)) << row.name;
    for (size_t size = 0; size <= row.longest; ++size) {
      const bool right = std::count(row.right.begin(), row.right.end(), size) > 0;
      EXPECT_EQ(Decode(WithLength(found->capsule, size)).ok(), right)
          << row.name << " with " << size << " bytes";
    }
  }
}

// Whatever the head's length, and wherever in the room the payload lies.
TEST(CapsuleCodec, ADatagramMadeInPlaceIsTheSame) {
  for (const uint64_t context : {kPacketContext, kSegmentContext, uint64_t{300}, uint64_t{1} << 40}) {
    for (const size_t size : {0, 1, 62, 63, 64, 16382, 16383, 16384, 65575}) {
      for (const size_t skip : {0, 10}) {
        ByteQueue queue;
        queue.Append(Bytes{1, 2, 3});
        const std::span<uint8_t> room = DatagramRoom(skip + size, &queue);
        ASSERT_GE(room.size(), skip + size);
        for (size_t i = 0; i < size; ++i) room[skip + i] = static_cast<uint8_t>(i * 7);
        CommitDatagram(context, skip, size, &queue);
        Bytes payload(size);
        for (size_t i = 0; i < size; ++i) payload[i] = static_cast<uint8_t>(i * 7);
        Bytes expected = {1, 2, 3};
        const Bytes capsule = EncodeCapsule(DatagramCapsule{context, payload});
        expected.insert(expected.end(), capsule.begin(), capsule.end());
        EXPECT_EQ(Bytes(queue.bytes().begin(), queue.bytes().end()), expected)
            << context << " " << size << " " << skip;
      }
    }
  }
}

// The way of packets: without a capsule made of each.
TEST(CapsuleCodec, DatagramsWhereTheyLie) {
  ByteQueue queue;
  EncodeDatagram(kPacketContext, Bytes{0x60, 1, 2}, &queue);
  EncodeCapsule(PingCapsule{false, 7}, &queue);
  EncodeDatagram(kSegmentContext, Bytes(300, 9), &queue);
  const Bytes stream(queue.bytes().begin(), queue.bytes().end());
  EXPECT_EQ(Bytes(stream.begin(), stream.begin() + 6),
            EncodeCapsule(DatagramCapsule{kPacketContext, {0x60, 1, 2}}));
  CapsuleDecoder decoder;
  std::vector<Bytes> packets;
  std::vector<uint64_t> contexts;
  size_t others = 0;
  for (const uint8_t byte : stream) {
    decoder.Ingest({&byte, 1});
    while (const auto datagram = decoder.NextDatagram()) {
      contexts.push_back(datagram->context);
      packets.emplace_back(datagram->payload.begin(), datagram->payload.end());
    }
    const auto other = decoder.Next();
    ASSERT_TRUE(other.ok());
    if (*other) ++others;
  }
  EXPECT_EQ(packets, (std::vector<Bytes>{{0x60, 1, 2}, Bytes(300, 9)}));
  EXPECT_EQ(contexts, (std::vector<uint64_t>{kPacketContext, kSegmentContext}));
  EXPECT_EQ(others, 1u);
  EXPECT_TRUE(decoder.Finish().ok());
}

TEST(CapsuleCodec, MalformedValues) {
  const struct {
    const char *name, *bytes, *sentence;
  } rows[] = {
      {"an address of IPv5", "01 07 00 05 c0000201 20", "version 5"},
      {"an IPv4 address of 33 bits", "01 07 00 04 c0000201 21", "33 is over 32"},
      {"host bits in an address", "01 07 00 04 c0000201 18", "past its length"},
      {"a request for nothing", "02 00", "for nothing"},
      {"a request without an id", "02 07 00 04 c0000201 20", "request id 0"},
      {"a range of IPv4", "03 22 04 00000000000000000000000000000000 00000000000000000000000000000000 00",
       "version 4"},
      {"a range of one protocol",
       "03 22 06 00000000000000000000000000000000 00000000000000000000000000000000 3a", "protocol 58"},
      {"a range backwards", "03 22 06 00000000000000000000000000000002 00000000000000000000000000000001 00",
       "ends before"},
      {"ranges that overlap",
       "03 40 44 06 00000000000000000000000000000000 00000000000000000000000000000001 00"
       "06 00000000000000000000000000000001 00000000000000000000000000000002 00",
       "not behind"},
      {"a change of kind 9", "af763601 14 01 09 11 30 fd130000000000000000000000000000", "kind 9"},
      {"a prefix of 129 bits", "af763601 14 01 03 11 81 fd130000000000000000000000000000", "129"},
      {"bits past the length", "af763601 14 01 03 11 08 fd130000000000000000000000000000", "past its length"},
      {"no locators", "af763601 1d 01 01 1a 30 fd130000000000000000000000000000 00000000 00000000 00",
       "0 locators"},
      {"five locators", "af763601 1d 01 01 1a 30 fd130000000000000000000000000000 00000000 00000000 05",
       "5 locators"},
      {"an encapsulation 2",
       "af763601 29 01 01 26 30 fd130000000000000000000000000000 00000000 00000000 01 c6336401 0000 02 01 "
       "0000 0000",
       "encapsulation 2"},
      {"a negative's reason 2", "af763601 1a 01 02 17 30 fd130000000000000000000000000000 00000000 00 02",
       "reason is 2"},
      {"a RETURN's code of 65536", "af763607 05 03 80010000", "65536"},
      {"a PING's reply of 2", "af763608 09 02 0000000000000000", "reply is 2"},
  };
  for (const auto& row : rows) {
    const auto status = Decode(Annotated(row.bytes));
    EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument) << row.name;
    EXPECT_NE(status.ToString().find(row.sentence), std::string::npos) << row.name << ": " << status;
  }
}

TEST(CapsuleCodec, BytesBehindTheFieldsOfAnEntryAreSkipped) {
  const Bytes bytes = Annotated("af763601 15 01 03 12 30 fd130000000000000000000000000000 ff");
  EXPECT_EQ(DecodeAll(bytes, 100),
            (std::vector<Capsule>{MappingsCapsule{1, {MappingWithdraw{Pfx("fd13::/48")}}}}));
}

TEST(CapsuleCodec, TooLongIsRefusedBeforeItsBytesCome) {
  const struct {
    const char* name;
    Bytes head;
    bool well;
  } rows[] = {
      {"DATAGRAM at its limit", ByteWriter().Varint(0).Varint(kMaxDatagramSize).Take(), true},
      {"DATAGRAM over it", ByteWriter().Varint(0).Varint(kMaxDatagramSize + 1).Take(), false},
      {"STATUS at its limit", ByteWriter().Varint(0x2f763605).Varint(kMaxCapsuleSize).Take(), true},
      {"STATUS over it", ByteWriter().Varint(0x2f763605).Varint(kMaxCapsuleSize + 1).Take(), false},
      {"unknown over it", ByteWriter().Varint(0x41).Varint(uint64_t{1} << 61).Take(), false},
  };
  for (const auto& row : rows) EXPECT_EQ(Decode(row.head).ok(), row.well) << row.name;
}

TEST(CapsuleCodec, StaysFailed) {
  CapsuleDecoder decoder;
  decoder.Ingest(Annotated("af763608 01 00"));
  EXPECT_FALSE(decoder.Next().ok());
  decoder.Ingest(EncodeCapsule(PingCapsule{}));
  EXPECT_FALSE(decoder.Next().ok());
  EXPECT_FALSE(decoder.Finish().ok());
}

TEST(CapsuleCodec, TooManyEntries) {
  MappingsCapsule mappings{1, std::vector<MappingChange>(257, MappingWithdraw{Pfx("fd13::/48")})};
  EXPECT_FALSE(Decode(EncodeCapsule(mappings)).ok());
  mappings.changes.pop_back();
  EXPECT_TRUE(Decode(EncodeCapsule(mappings)).ok());

  RouteAdvertisementCapsule routes;
  for (int i = 0; i < 257; ++i) {
    Ipv6 address = Address("fd00::");
    address.bytes[2] = static_cast<uint8_t>(i >> 8);
    address.bytes[3] = static_cast<uint8_t>(i);
    routes.prefixes.push_back(Prefix::Of(address, 32));
  }
  EXPECT_FALSE(Decode(EncodeCapsule(routes)).ok());
  routes.prefixes.pop_back();
  EXPECT_TRUE(Decode(EncodeCapsule(routes)).ok());
}

TEST(CapsuleCodec, AdvertisementIsSortedAndWithoutOverlap) {
  const RouteAdvertisementCapsule sent{
      {Pfx("fd00::/8"), Pfx("2001:db8::/32"), Pfx("fd12::/16"), Pfx("fd00::/8")}};
  EXPECT_EQ(DecodeAll(EncodeCapsule(sent), 7),
            (std::vector<Capsule>{RouteAdvertisementCapsule{{Pfx("2001:db8::/32"), Pfx("fd00::/8")}}}));
}

TEST(CapsuleCodec, GarbageNeverCrashes) {
  EXPECT_TRUE(rc::check([](const std::vector<uint8_t>& garbage, uint8_t last) {
    // Half of the cases start as one of ours, so that they come past the type.
    Bytes bytes;
    if (last % 2 == 0)
      bytes = {0xaf, 0x76, 0x36, static_cast<uint8_t>(last % 9), static_cast<uint8_t>(garbage.size() & 63)};
    bytes.insert(bytes.end(), garbage.begin(), garbage.end());
    CapsuleDecoder decoder;
    decoder.Ingest(bytes);
    while (true) {
      const auto capsule = decoder.Next();
      if (!capsule.ok() || !*capsule) break;
    }
  }));
}

}  // namespace
}  // namespace ov6
