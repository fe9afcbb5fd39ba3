// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/site_tun.h"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>
#include <utility>

#include "userspace/base/netlink.h"
#include "userspace/wire/segment.h"

namespace ov6 {
namespace {

constexpr int kPacketsAtOnce = 64;
constexpr size_t kFrame = TunDevice::kHeader + TunDevice::kMaxPacket;

}  // namespace

SiteTun::SiteTun(Loop& loop, std::string name)
    : loop_(loop), name_(std::move(name)), merger_([this](PacketBytes framed) { Write(framed); }) {}

absl::Status SiteTun::Make(const GatewayConfig& config) {
  auto tun = TunDevice::Make(name_, config.segments, config.mtu);
  if (!tun.ok()) return tun.status();
  const auto link = netlink::GetLink(name_);
  if (!link.ok()) return link.status();
  const int fd = tun->fd();
  device_.reset(new Device{*std::move(tun), {loop_, fd}, link->ifindex});
  held_back_ = false;
  Watch();
  return netlink::WriteSysctl("net/ipv6/conf/" + name_ + "/forwarding", "1");
}

absl::Status SiteTun::Change(const GatewayConfig& config) {
  absl::Status status = device_->tun.SetSegments(config.segments);
  status.Update(netlink::SetLinkMtu(device_->ifindex, static_cast<uint32_t>(config.mtu)));
  status.Update(netlink::SetLinkUp(device_->ifindex, true));
  return status;
}

absl::StatusOr<uint32_t> SiteTun::Join(SessionClient* session, const GatewayConfig& config) {
  const absl::Status status = device_ == nullptr ? Make(config) : Change(config);
  if (!status.ok()) return status;
  config_ = config;
  // What the former did not take, this one may.
  if (std::exchange(session_, session) != session) OnDrained();
  return device_->ifindex;
}

void SiteTun::Leave() {
  if (device_ != nullptr) merger_.Flush();
  session_ = nullptr;
  OnDrained();
  if (device_ == nullptr) return;
  if (const absl::Status status = netlink::SetLinkUp(device_->ifindex, false); !status.ok())
    spdlog::warn("{}", std::string(status.message()));
}

void SiteTun::Watch() {
  device_->descriptor.WhenReadable([this] { OnReadable(); });
}

void SiteTun::OnDrained() {
  if (std::exchange(held_back_, false) && device_ != nullptr) Watch();
}

void SiteTun::OnReadable() {
  for (int i = 0; i < kPacketsAtOnce; ++i) {
    if (session_ != nullptr && !session_->TakesPackets()) {
      held_back_ = true;
      return session_->Push();
    }
    std::array<uint8_t, 64> nobody;
    const std::span<uint8_t> room = session_ == nullptr ? nobody : session_->PacketRoom(kFrame).first(kFrame);
    const auto size = device_->tun.Read(room);
    if (!size) break;
    if (session_ != nullptr) Send(room.first(*size));
  }
  if (session_ != nullptr) session_->Push();
  Watch();
}

void SiteTun::Send(PacketBytes framed) {
  const PacketBytes packet = framed.subspan(TunDevice::kHeader);
  const PacketCheck check = CheckFromSite(packet, config_.prefixes);
  ++from_site_[static_cast<size_t>(check)];
  if (check != PacketCheck::kGood) return;
  if (IsWhole(framed))
    session_->SendPacket(kPacketContext, TunDevice::kHeader, packet.size());
  else
    session_->SendPacket(kSegmentContext, 0, framed.size());
}

PacketCheck SiteTun::CheckDatagram(const DatagramView& datagram) const {
  if (datagram.context == kPacketContext) return CheckFromMaster(datagram.payload, config_.prefixes);
  if (datagram.context != kSegmentContext || !config_.segments) return PacketCheck::kUnknownContext;
  const PacketCheck segments = CheckSegments(datagram.payload, config_.mtu);
  return segments == PacketCheck::kGood
             ? CheckFromMaster(datagram.payload.subspan(TunDevice::kHeader), config_.prefixes)
             : segments;
}

void SiteTun::OnDatagram(const DatagramView& datagram) {
  if (session_ == nullptr) return;
  const PacketCheck check = CheckDatagram(datagram);
  ++from_master_[static_cast<size_t>(check)];
  if (check != PacketCheck::kGood) return;
  datagram.context == kSegmentContext ? merger_.AddFramed(datagram.payload) : merger_.Add(datagram.payload);
}

void SiteTun::Write(PacketBytes framed) { not_taken_ += !device_->tun.Write(framed); }

void SiteTun::AppendStatus(boost::json::object* status) const {
  (*status)["tun"] = name_;
  (*status)["segments"] = config_.segments;
  (*status)["from_site"] = CountsJson(from_site_);
  (*status)["from_master"] = CountsJson(from_master_);
  (*status)["not_taken"] = not_taken_;
}

}  // namespace ov6
