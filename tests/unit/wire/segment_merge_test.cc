// SPDX-License-Identifier: Apache-2.0
// Segments that are joined and split again are the segments that they were.
#include "userspace/wire/segment_merge.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <random>

#include "userspace/wire/segment.h"

namespace ov6 {
namespace {

using Packet = std::vector<uint8_t>;
using Packets = std::vector<Packet>;

uint16_t Checksum(const Packet& packet) {  // RFC 1071 as it stands, over the pseudo header and TCP
  const size_t size = packet.size() - 40;
  uint32_t sum = static_cast<uint32_t>(6 + size);
  for (size_t i = 8; i < 40; i += 2) sum += static_cast<uint32_t>(packet[i] << 8 | packet[i + 1]);
  for (size_t i = 0; i < size; ++i) sum += static_cast<uint32_t>(packet[40 + i] << (i % 2 == 0 ? 8 : 0));
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}
void Finish(Packet& packet) {
  packet[4] = static_cast<uint8_t>((packet.size() - 40) >> 8);
  packet[5] = static_cast<uint8_t>(packet.size() - 40);
  packet[56] = packet[57] = 0;
  const uint16_t sum = Checksum(packet);
  packet[56] = static_cast<uint8_t>(sum >> 8);
  packet[57] = static_cast<uint8_t>(sum);
}
void PutSequence(Packet& packet, uint32_t sequence) {
  for (size_t i = 0; i < 4; ++i) packet[44 + i] = static_cast<uint8_t>(sequence >> (24 - 8 * i));
}

struct Segment {
  uint32_t sequence = 1000;
  size_t payload = 1408;
  uint8_t flags = 0x10;
  uint8_t flow = 1;
  size_t options = 12;
};
Packet Make(const Segment& s) {
  Packet packet(60 + s.options + s.payload);
  packet[0] = 0x60;
  packet[6] = 6;
  packet[7] = 60;
  packet[8] = packet[24] = 0xfd;
  packet[23] = s.flow;
  packet[39] = 2;
  packet[41] = 80;
  packet[43] = 81;
  PutSequence(packet, s.sequence);
  packet[51] = 7;  // acknowledged
  packet[52] = static_cast<uint8_t>((20 + s.options) / 4 << 4);
  packet[53] = s.flags;
  packet[54] = 0x20;  // window
  for (size_t i = 60; i < packet.size(); ++i) packet[i] = static_cast<uint8_t>(s.sequence + i * 7);
  for (size_t i = 60; i < 60 + s.options; ++i) packet[i] = static_cast<uint8_t>(i);
  Finish(packet);
  return packet;
}

// As a kernel splits it.
Packets Split(std::span<const uint8_t> framed) {
  const Packet whole(framed.begin() + kSegmentHeader, framed.end());
  if (IsWhole(framed)) return {whole};
  EXPECT_TRUE(IsSegmentOfIpv6(framed));
  Packet unfinished = whole;
  unfinished[56] = unfinished[57] = 0;
  const size_t headers = framed[2] | framed[3] << 8, segment = framed[4] | framed[5] << 8;
  const uint32_t sequence =
      uint32_t{whole[44]} << 24 | uint32_t{whole[45]} << 16 | uint32_t{whole[46]} << 8 | whole[47];
  Packets packets;
  for (size_t at = headers; at < whole.size(); at += segment) {
    const size_t end = std::min(whole.size(), at + segment);
    Packet packet(whole.begin(), whole.begin() + static_cast<ptrdiff_t>(headers));
    packet.insert(packet.end(), whole.begin() + static_cast<ptrdiff_t>(at),
                  whole.begin() + static_cast<ptrdiff_t>(end));
    PutSequence(packet, sequence + static_cast<uint32_t>(at - headers));
    if (end != whole.size()) packet[53] &= 0xf7;  // PSH is the last one's
    Finish(packet);
    packets.push_back(packet);
  }
  return packets;
}

struct Result {
  size_t written = 0;
  Packets packets;
};
Result Merge(const Packets& packets) {
  Result result;
  SegmentMerger merger([&](std::span<const uint8_t> framed) {
    ++result.written;
    for (Packet& packet : Split(framed)) result.packets.push_back(std::move(packet));
  });
  for (const Packet& packet : packets) merger.Add(packet);
  merger.Flush();
  return result;
}

Packets Stream(size_t count, Segment first) {
  Packets packets;
  for (size_t i = 0; i < count; ++i, first.sequence += static_cast<uint32_t>(first.payload))
    packets.push_back(Make(first));
  return packets;
}

TEST(SegmentMerger, AStreamIsOnePacket) {
  const Packets packets = Stream(40, {});
  const Result result = Merge(packets);
  EXPECT_EQ(result.written, 1u);
  EXPECT_EQ(result.packets, packets);
}

TEST(SegmentMerger, NoLargerThanAPacketMayBe) {
  const Packets packets = Stream(100, {0xffffff00});  // past the end of the sequence numbers too
  const Result result = Merge(packets);
  EXPECT_EQ(result.written, 3u);
  EXPECT_EQ(result.packets, packets);
}

TEST(SegmentMerger, TheHeaderByteForByte) {
  Packet framed;
  SegmentMerger merger([&](std::span<const uint8_t> bytes) { framed.assign(bytes.begin(), bytes.end()); });
  for (const Packet& packet : Stream(2, {})) merger.Add(packet);
  merger.Flush();
  framed.resize(16);
  EXPECT_EQ(framed, (Packet{1, 4, 72, 0, 0x80, 5, 40, 0, 16, 0, 0x60, 0, 0, 0, 0x0b, 0x20}));
}

TEST(SegmentMerger, WhatIsNotJoined) {
  const Segment first;
  const auto next = [&](auto change) {
    Segment segment = first;
    segment.sequence += 1408;
    change(segment);
    return Make(segment);
  };
  const auto touched = [&](size_t at, uint8_t value) {
    Packet packet = next([](Segment&) {});
    packet[at] = value;
    Finish(packet);
    return packet;
  };
  Packet broken = next([](Segment&) {});
  broken[100] ^= 1;
  Packet shorter = next([](Segment&) {});
  shorter.resize(50);
  const struct {
    const char* name;
    Packet packet;
    size_t written;
  } rows[] = {
      {"the next one", next([](Segment&) {}), 1},
      {"a shorter last one", next([](Segment& s) { s.payload = 7; }), 1},
      {"a pushed last one", next([](Segment& s) { s.flags = 0x18; }), 1},
      {"a longer one", next([](Segment& s) { s.payload = 1409; }), 2},
      {"a hole", next([](Segment& s) { s.sequence += 1; }), 2},
      {"the same again", Make(first), 2},
      {"an end", next([](Segment& s) { s.flags = 0x11; }), 2},
      {"an acknowledgement", next([](Segment& s) { s.payload = 0; }), 2},
      {"urgent", next([](Segment& s) { s.flags = 0x30; }), 2},
      {"congestion window reduced", next([](Segment& s) { s.flags = 0x90; }), 2},
      {"another flow", next([](Segment& s) { s.flow = 9; }), 2},
      {"other options", next([](Segment& s) { s.options = 0; }), 2},
      {"another time stamp", touched(70, 99), 2},
      {"another acknowledgement", touched(51, 8), 2},
      {"another window", touched(54, 0x21), 2},
      {"another hop limit", touched(7, 61), 2},
      {"another traffic class", touched(1, 0x20), 2},
      {"UDP", touched(6, 17), 2},
      {"no room for TCP", shorter, 2},
      {"a header past the end", touched(52, 0xf0), 2},
      {"a header that is none", touched(52, 0x10), 2},
      {"a broken checksum", broken, 2},
  };
  for (const auto& row : rows) {
    size_t written = 0;
    Packets whole;
    SegmentMerger merger([&](std::span<const uint8_t> framed) {
      ++written;
      if (IsWhole(framed)) whole.emplace_back(framed.begin() + kSegmentHeader, framed.end());
    });
    merger.Add(Make(first));
    merger.Add(row.packet);
    merger.Flush();
    EXPECT_EQ(written, row.written) << row.name;
    if (row.written != 2) continue;
    std::sort(whole.begin(), whole.end());
    Packets expected = {Make(first), row.packet};
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(whole, expected) << row.name;
  }
}

// As it comes from a sender on the same machine: the checksum field has the sum of the pseudo header.
Packet Unfinished(const Packet& packet) {
  Packet framed = {1, 0, 72, 0, 0, 0, 40, 0, 16, 0};
  framed.insert(framed.end(), packet.begin(), packet.end());
  framed[10 + 56] ^= 0xff;
  return framed;
}

TEST(SegmentMerger, UnfinishedOnesAreJoinedWithoutALook) {
  const Packets packets = Stream(3, {});
  std::vector<Packet> written;
  SegmentMerger merger(
      [&](std::span<const uint8_t> framed) { written.emplace_back(framed.begin(), framed.end()); });
  for (const Packet& packet : packets) merger.AddFramed(Unfinished(packet));
  merger.Flush();
  ASSERT_EQ(written.size(), 1u);
  EXPECT_EQ(Split(written[0]), packets);
  merger.AddFramed(Unfinished(packets[0]));
  merger.Flush();
  EXPECT_EQ(written.back(), Unfinished(packets[0]));
}

// What comes of many segments already goes on behind what waits of its flow.
TEST(SegmentMerger, LargeOnesKeepTheirPlace) {
  std::vector<Packet> written;
  SegmentMerger merger(
      [&](std::span<const uint8_t> framed) { written.emplace_back(framed.begin(), framed.end()); });
  for (const Packet& packet : Stream(2, {})) merger.Add(packet);
  merger.Flush();
  const Packet large = written.front();
  written.clear();
  merger.Add(Make({}));
  merger.AddFramed(large);
  ASSERT_EQ(written.size(), 2u);
  EXPECT_TRUE(IsWhole(written[0]));
  EXPECT_EQ(written[1], large);
}

// Any mixture of flows: each comes out as it was, in its order.
TEST(SegmentMerger, MixedFlowsKeepTheirOrder) {
  std::mt19937 random(7);
  const auto below = [&](uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random); };
  std::map<uint8_t, Segment> flows;
  Packets packets;
  for (int i = 0; i < 20000; ++i) {
    const auto flow = static_cast<uint8_t>(below(12));
    Segment& next = flows[flow];
    if (below(5) == 0) next.payload = 1 + below(1408);
    next.flags = below(8) == 0 ? 0x18 : 0x10;
    if (below(20) == 0) next.sequence += 1;
    next.flow = flow;
    packets.push_back(Make(next));
    next.sequence += static_cast<uint32_t>(next.payload);
  }
  const Result result = Merge(packets);
  EXPECT_LT(result.written, packets.size());
  std::map<uint8_t, Packets> sent, received;
  for (const Packet& packet : packets) sent[packet[23]].push_back(packet);
  for (const Packet& packet : result.packets) received[packet[23]].push_back(packet);
  EXPECT_TRUE(sent == received);
}

}  // namespace
}  // namespace ov6
