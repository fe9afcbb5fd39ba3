// SPDX-License-Identifier: Apache-2.0
#include "slaves/uplink/carrier.h"

#include <algorithm>
#include <utility>

namespace ov6 {
namespace {

constexpr size_t kBurst = 64;
constexpr size_t kIpv6Header = 40, kHopLimit = 7;

// Without what the frame holds behind it. ParsePunt has seen a whole header.
std::span<uint8_t> Trimmed(std::span<uint8_t> packet) {
  const size_t length = kIpv6Header + static_cast<size_t>(packet[4] << 8 | packet[5]);
  return length < packet.size() ? packet.first(length) : packet;
}

Ipv6 SourceOf(PacketBytes packet) {
  Ipv6 source;
  std::copy_n(packet.begin() + 8, source.bytes.size(), source.bytes.begin());
  return source;
}

}  // namespace

void Carrier::OnPort(const PortCapsule& capsule) {
  capsule_ = capsule;
  out_.clear();
}

void Carrier::Join(std::vector<Prefix> site, Send send) {
  site_ = std::move(site);
  send_ = std::move(send);
}

void Carrier::OnFrames(std::span<const Frame> frames) {
  for (const Frame& frame : frames) {
    OnFrame(frame);
    port_.Release(frame);
  }
}

void Carrier::OnFrame(const Frame& frame) {
  const auto punt = ParsePunt(frame.bytes);
  if (!punt || punt->reason == OV6_PUNT_VERIFY) {
    ++bad_punt_;
    return;
  }
  if (!send_) {
    ++without_session_;
    return;
  }
  const std::span<uint8_t> packet = Trimmed(PacketIn(frame));
  const PacketCheck check = CheckFromSite(packet, site_);
  ++to_master_[static_cast<size_t>(check)];
  if (check != PacketCheck::kGood) return;
  // The datapath has answered those that end here.
  if (packet[kHopLimit] <= 1) {
    ++hop_limit_;
    return;
  }
  --packet[kHopLimit];
  if (!send_(packet)) ++session_full_;
  met_(punt->key);
}

void Carrier::OnPacket(PacketBytes packet) {
  const PacketCheck check = CheckFromMaster(packet, site_);
  ++from_master_[static_cast<size_t>(check)];
  if (check != PacketCheck::kGood) return;
  Frame frame;
  if (!port_.Allocate(&frame)) {
    ++port_full_;
    return;
  }
  if (!WriteDelivery(capsule_, packet, &frame)) {
    ++port_full_;
    return port_.Release(frame);
  }
  out_.push_back(frame);
  met_(SourceOf(packet));
  if (out_.size() == kBurst) Flush();
}

void Carrier::Flush() {
  if (!out_.empty()) port_.Transmit(out_);
  out_.clear();
}

void Carrier::AppendStatus(boost::json::object* status) const {
  (*status)["to_master"] = CountsJson(to_master_);
  (*status)["from_master"] = CountsJson(from_master_);
  (*status)["dropped"] = {{"bad_punt", bad_punt_},
                          {"hop_limit", hop_limit_},
                          {"without_session", without_session_},
                          {"session_full", session_full_},
                          {"port_full", port_full_}};
}

}  // namespace ov6
