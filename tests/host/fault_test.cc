// SPDX-License-Identifier: Apache-2.0
// What no real kernel does on demand: it refuses room or marks, its rings are full, packets come without a
// link header or with a checksum still to be completed.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <linux/pkt_cls.h>

#include <algorithm>

#include "ov6/abi/monitor.h"
#include "tests/host/host_subject.h"
#include "tests/host/kernel.h"
#include "tests/model/headers.h"
#include "tests/packet/packet_builder.h"
#include "tests/packet/programs.h"
#include "tests/packet/world.h"

namespace ov6::host {
namespace {

using packet::Frame;

constexpr uint8_t kToStack = 2;

class Fault : public testing::Test {
 protected:
  Fault() : tables_(differential::MakeTables(kDevices)) {
    SetClock(std::nullopt);
    subject_.Load(tables_);
  }
  ~Fault() override { SetRefusals(false, false); }

  uint32_t Send(const std::string& program, uint32_t device, const Bytes& frame) {
    ran_ = host::Run(FindProgram(program), {.frame = frame, .ifindex = device});
    return ran_.code;
  }
  uint64_t Counted(ov6_verdict verdict) { return subject_.Count(verdict).packets; }
  // The datapath must drop it under that name, and nothing else may move.
  void Drops(const std::string& program, uint32_t device, const Bytes& frame, ov6_verdict verdict) {
    SCOPED_TRACE(program);
    const uint64_t before = Counted(verdict), all = subject_.AllPackets();
    const uint32_t drop = program[0] == 'x' ? uint32_t{XDP_DROP} : uint32_t{TC_ACT_SHOT};
    EXPECT_EQ(Send(program, device, frame), drop);
    EXPECT_EQ(Counted(verdict) - before, 1u);
    EXPECT_EQ(subject_.AllPackets() - all, 1u);
  }

  HostSubject subject_;
  model::Tables tables_;
  Ran ran_{};
};

Bytes FromHost(const std::string& to) {
  return packet::FromHost().Ip6(packet::kHost, to).Tcp(1, 2, 30).Done();
}
Bytes FromPeer(const std::string& from, const std::string& to) {
  return packet::FromPeer().Ip4(packet::kPeer, packet::kWan).Ip6(from, to).Udp(1, 2, 30).Done();
}
Bytes Behind(const Bytes& frame) { return {frame.begin() + 14, frame.end()}; }

Bytes FromSlave(uint8_t type, uint32_t ingress, const Bytes& packet) {
  ov6_port_header header{};
  header.version = OV6_PORT_HEADER_VERSION;
  header.type = type;
  header.port = htons(packet::kDhtSlot);
  header.slave = htonl(packet::kDht);
  header.ingress = htonl(ingress);
  return Frame(packet::kPortMac, packet::kFarMac).Port(header).Raw(packet).EtherType(OV6_ETH_P_PORT).Done();
}

TEST_F(Fault, WithoutRoomEveryPacketIsDroppedUnderThatName) {
  SetRefusals(true, false);
  for (const std::string hook : {"xdp_", "tc_"}) {
    for (const std::string& to : {packet::kRemote, packet::kUnmapped, std::string("fd00:1:0:99::1")})
      Drops(hook + "site", kDevices.lan, FromHost(to), OV6_VERDICT_DROP_NO_ROOM);
    for (const std::string& to : {packet::kHost, std::string("2001:db8::1")})
      Drops(hook + "underlay", kDevices.wan, FromPeer(packet::kRemote, to), OV6_VERDICT_DROP_NO_ROOM);
  }
  // For the router itself TC takes it off, or without ov6-self whoever has it.
  const Bytes for_router = FromPeer(packet::kRemote, packet::kRouter);
  Drops("tc_underlay", kDevices.wan, for_router, OV6_VERDICT_DROP_NO_ROOM);
  tables_.devices.erase(kDevices.self);
  subject_.Load(tables_);
  for (const char* door : {"xdp_underlay", "tc_underlay"})
    Drops(door, kDevices.wan, for_router, OV6_VERDICT_DROP_NO_ROOM);
}

TEST_F(Fault, WithoutRoomASlavesFrameStaysWhereItIs) {
  SetRefusals(true, false);
  const Bytes frame = FromSlave(OV6_PORT_RESUBMIT_OUT, kDevices.lan, Behind(FromHost(packet::kRemote)));
  Drops("xdp_port", kDevices.port, frame, OV6_VERDICT_DROP_NO_ROOM);
}

TEST_F(Fault, WithoutAMarkAPacketIsTcsAndASlavesIsLost) {
  SetRefusals(false, true);
  EXPECT_EQ(Send("xdp_site", kDevices.lan, FromHost("fe80::1")), uint32_t{XDP_PASS});
  EXPECT_EQ(Counted(OV6_VERDICT_PASS_LINK_LOCAL), 0u);
  const Bytes unknown = Behind(FromPeer(packet::kRemote, "fd00:1:0:1::77"));
  Drops("xdp_port", kDevices.port, FromSlave(OV6_PORT_RESUBMIT_IN, kDevices.wan, unknown),
        OV6_VERDICT_DROP_NO_ROOM);
}

TEST_F(Fault, WhatXdpMarkedForTheStackTcLetsPass) {
  EXPECT_EQ(Send("xdp_site", kDevices.lan, FromHost("fe80::1")), uint32_t{XDP_PASS});
  ASSERT_EQ(ran_.packet.metadata.at(4), kToStack);
  for (const char* door : {"tc_site", "tc_underlay"})
    EXPECT_EQ(host::Run(FindProgram(door), ran_.packet).code, uint32_t{TC_ACT_OK});
  EXPECT_EQ(subject_.AllPackets(), 1u);
}

TEST_F(Fault, WhatFindsTheRingsFullIsCountedOrForgotten) {
  const uint32_t zero = 0;
  packet::SetEntry("monitor", zero,
                   ov6_monitor{.until = UINT64_MAX, .wanted = OV6_MONITOR_FORWARD, .lost = 0});
  tables_.mappings.at(*Prefix::Parse("fd00:2::/48")).soft_expiry = 1;
  subject_.Load(tables_);
  for (const char* ring : {"events", "sightings"}) FindMap(std::string(ring))->records.resize(1 << 18);
  EXPECT_EQ(Send("xdp_site", kDevices.lan, FromHost(packet::kRemote)), uint32_t{XDP_REDIRECT});
  ov6_monitor monitor{};
  bpf_map_lookup_elem(packet::Programs::Get().Map("monitor"), &zero, &monitor);
  EXPECT_EQ(monitor.lost, 1u);
  for (const char* ring : {"events", "sightings"}) FindMap(std::string(ring))->records.clear();
  packet::SetEntry("monitor", zero, ov6_monitor{});
}

// The field holds the pseudo header's sum until the stack completes it; the quote in the error must add up
// with what will stand there.
TEST_F(Fault, AnErrorAboutAnUnfinishedChecksumIsRight) {
  const Bytes whole = FromHost("fd00:1:0:99::1");
  Bytes pseudo(whole.begin() + 22, whole.begin() + 54);
  for (const uint8_t byte : {0, 0, 0, 50, 0, 0, 0, 6}) pseudo.push_back(byte);
  Bytes frame = whole;
  model::Put16(frame, 54 + 16, uint16_t(~model::Checksum(pseudo)));
  Packet packet{.frame = frame, .ifindex = kDevices.lan, .unfinished = {{54, 16}}};
  ran_ = host::Run(FindProgram("tc_site"), packet);
  ASSERT_EQ(ran_.code, uint32_t{TC_ACT_REDIRECT});
  Bytes message = ran_.packet.frame;
  std::copy(whole.begin() + 54 + 16, whole.begin() + 54 + 18, message.begin() + 62 + 40 + 16);
  Bytes summed(message.begin() + 22, message.begin() + 54);
  const size_t length = message.size() - 54;
  for (const size_t byte :
       {size_t{0}, size_t{0}, length >> 8, length & 255, size_t{0}, size_t{0}, size_t{0}, size_t{58}})
    summed.push_back(uint8_t(byte));
  summed.insert(summed.end(), message.begin() + 54, message.end());
  EXPECT_EQ(model::Checksum(summed), 0);
}

TEST_F(Fault, DoorsWithoutALinkHeader) {
  EXPECT_EQ(Send("tc_site_l3", kDevices.lan, Behind(FromHost(packet::kRemote))), uint32_t{TC_ACT_REDIRECT});
  const Bytes tunnelled = ran_.packet.frame;
  EXPECT_EQ(Counted(OV6_VERDICT_TUNNEL), 1u);
  EXPECT_EQ(Send("tc_site", kDevices.lan, FromHost(packet::kRemote)), uint32_t{TC_ACT_REDIRECT});
  EXPECT_EQ(tunnelled, ran_.packet.frame);
  const Bytes from_peer = FromPeer(packet::kRemote, packet::kHost);
  EXPECT_EQ(Send("tc_underlay_l3", kDevices.wan, Behind(from_peer)), uint32_t{TC_ACT_REDIRECT});
  const Bytes delivered = ran_.packet.frame;
  EXPECT_EQ(Send("tc_underlay", kDevices.wan, from_peer), uint32_t{TC_ACT_REDIRECT});
  EXPECT_EQ(delivered, ran_.packet.frame);
  SetRefusals(true, false);
  Drops("tc_site_l3", kDevices.lan, Behind(FromHost(packet::kHost2)), OV6_VERDICT_DROP_NO_ROOM);
}

TEST_F(Fault, ToADeviceWithoutALinkHeaderNoneIsWritten) {
  tables_.devices.at(kDevices.wan).flags |= OV6_DEVICE_NO_LINK;
  subject_.Load(tables_);
  const Bytes frame = FromHost(packet::kRemote);
  EXPECT_EQ(Send("tc_site", kDevices.lan, frame), uint32_t{TC_ACT_REDIRECT});
  EXPECT_TRUE(std::equal(frame.begin(), frame.begin() + 12, ran_.packet.frame.begin()));
}

}  // namespace
}  // namespace ov6::host
