// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/remote_site.h"

#include <net/if.h>

#include <algorithm>
#include <utility>

#include "userspace/wire/segment.h"

namespace ov6 {

// A datagram carries the header as the device gives and takes it.
static_assert(kSegmentHeader == TunDevice::kHeader);

RemoteSite::RemoteSite(boost::asio::io_context& io, TunDevice device)
    : device_(std::move(device)),
      ifindex_(if_nametoindex(device_.name().c_str())),
      descriptor_(io, device_.fd()),
      in_(TunDevice::kHeader + TunDevice::kMaxPacket) {}

// The descriptor is the device's to close.
RemoteSite::~RemoteSite() { descriptor_.release(); }

void RemoteSite::Attach(std::shared_ptr<SlaveSession> session, bool segments) {
  held_back_ = false;
  session_ = std::move(session);
  if (!session_) return descriptor_.cancel();
  if (device_.SetSegments(segments).ok()) segments_ = segments;
  for (int i = 0; i < kMostWaiting && device_.Read(in_); ++i) ++counters_.dropped_waiting;
  std::fill_n(in_.begin(), kSegmentHeader, uint8_t{0});  // in front of what a gateway sends without one
  Watch();
}

// One wait at a time. One that was cancelled may end behind the next session's Attach.
void RemoteSite::Watch() {
  if (std::exchange(watching_, true)) return;
  descriptor_.async_wait(boost::asio::posix::descriptor_base::wait_read,
                         [weak = weak_from_this()](boost::system::error_code error) {
                           const auto self = weak.lock();
                           if (!self) return;
                           self->watching_ = false;
                           if (self->session_ && !error) self->Drain();
                           if (self->session_ && !self->held_back_) self->Watch();
                         });
}

void RemoteSite::OnDrained() {
  if (std::exchange(held_back_, false) && session_) Watch();
}

// What the session has no room for waits in the device's queue; what that has none for the kernel drops.
void RemoteSite::Drain() {
  int packets = 0;
  carried_ = 0;
  for (; packets < kBurst; ++packets) {
    held_back_ = !session_->TakesPackets();
    if (held_back_) return session_->Flush();
    const auto room = session_->PacketRoom(TunDevice::kHeader + TunDevice::kMaxPacket);
    const auto size = device_.Read(room.first(TunDevice::kHeader + TunDevice::kMaxPacket));
    if (!size) break;
    ToGateway(room.first(*size));
  }
  if (packets > 0) return session_->Flush();
  // A device that is gone is readable for ever.
  if (device_.Gone()) session_->Close(absl::UnavailableError("the device " + device() + " is gone"));
}

void RemoteSite::ToGateway(std::span<const uint8_t> bytes) {
  const bool sent = IsWhole(bytes)
                        ? session_->SendPacket(kPacketContext, kSegmentHeader, bytes.size() - kSegmentHeader)
                        : session_->SendPacket(kSegmentContext, 0, bytes.size());
  ++(sent ? counters_.sent : counters_.dropped_queue);
}

// As much as of the device is taken. While that waits for room, or the session is as full, there is a little
// more, so that a download keeps no ping out, nor a flood the device.
void RemoteSite::Carry(std::span<const Frame> frames) {
  const auto session = session_;  // which may end when it sends
  if (!session) {
    counters_.dropped_waiting += frames.size();
    return;
  }
  for (const Frame& frame : frames) {
    const auto packet = PacketIn(frame);
    const bool free = !held_back_ && session->TakesPackets();
    if (free) carried_ = 0;
    const bool sent = (free || carried_ < kMostCarried) && session->SendDatagram(kPacketContext, packet);
    carried_ += sent && !free ? packet.size() : 0;
    ++(sent ? counters_.sent : counters_.dropped_queue);
  }
  session->Flush();
}

void RemoteSite::FromGateway(const DatagramView& datagram) {
  std::span<const uint8_t> bytes = datagram.payload;
  if (datagram.context == kPacketContext && bytes.size() <= TunDevice::kMaxPacket) {
    std::copy(bytes.begin(), bytes.end(), in_.begin() + kSegmentHeader);
    bytes = std::span<const uint8_t>(in_).first(kSegmentHeader + bytes.size());
  } else if (datagram.context != kSegmentContext || !segments_) {
    ++counters_.dropped_malformed;
    return;
  }
  if (!IsSegmentOfIpv6(bytes)) {
    ++counters_.dropped_malformed;
    return;
  }
  ++(device_.Write(bytes) ? counters_.received : counters_.dropped_device);
}

}  // namespace ov6
