// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/port_driver.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

namespace ov6 {
namespace {

void CloseDescriptors(const PortDescriptors& descriptors) {
  ::close(descriptors.xsk);
  ::close(descriptors.umem);
}

}  // namespace

PortDriver::PortDriver(Loop& loop, int channel, Handlers handlers)
    : loop_(loop),
      channel_(channel),
      handlers_(std::move(handlers)),
      channel_watch_(std::make_unique<Descriptor>(loop, channel)) {
  channel_watch_->WhenReadable([this] { ReadChannel(); });
}

PortDriver::~PortDriver() {
  rings_watch_.reset();
  channel_watch_.reset();
  if (descriptors_) CloseDescriptors(*descriptors_);
  ::close(channel_);
}

void PortDriver::ReadChannel() {
  auto received = ReceivePortDescriptors(channel_);
  if (absl::IsUnavailable(received.status())) return;  // the session's own end is the one that counts
  channel_watch_->WhenReadable([this] { ReadChannel(); });
  if (!received.ok()) return handlers_.failed(received.status());
  if (!*received) return;
  if (descriptors_) CloseDescriptors(*descriptors_);
  descriptors_ = **received;
  MapWhenComplete();
}

void PortDriver::OnPortCapsule(const PortCapsule& capsule) {
  capsule_ = capsule;
  MapWhenComplete();
}

void PortDriver::MapWhenComplete() {
  if (!capsule_ || !descriptors_) return;
  if (capsule_->slot != descriptors_->slot) return;  // the other half of the newer one is on its way
  const PortCapsule capsule = *std::exchange(capsule_, std::nullopt);
  const PortDescriptors descriptors = *std::exchange(descriptors_, std::nullopt);
  rings_watch_.reset();
  rings_.reset();
  pending_.clear();
  waiting_ = false;
  auto rings = PortRings::Map(capsule, descriptors.xsk, descriptors.umem);
  if (!rings.ok()) return handlers_.failed(rings.status());
  rings_ = std::move(*rings);
  rings_watch_ = std::make_unique<Descriptor>(loop_, rings_->fd());
  handlers_.ready(capsule);
  WatchRx();
  loop_.Post([this] { Receive(); });  // what waited in the ring of a predecessor
}

void PortDriver::WatchRx() {
  rings_watch_->WhenReadable([this] {
    Receive();
    if (rings_) WatchRx();
  });
}

void PortDriver::Receive() {
  if (!rings_) return;
  std::array<Frame, kBurst> frames;
  const size_t count = rings_->RxBurst(frames);
  if (count == 0) return;
  counters_.received += count;
  ++counters_.bursts;
  handlers_.received(std::span(frames).first(count));
  if (count == kBurst) loop_.Post([this] { Receive(); });
}

void PortDriver::Transmit(std::span<const Frame> frames) {
  if (!rings_) return;
  if (!waiting_) frames = frames.subspan(Send(frames));
  pending_.insert(pending_.end(), frames.begin(), frames.end());
  if (!waiting_ && !pending_.empty()) WaitToSend();
}

size_t PortDriver::Send(std::span<const Frame> frames) {
  const size_t sent = rings_->TxBurst(frames);
  counters_.transmitted += sent;
  return sent;
}

void PortDriver::WaitToSend() {
  ++counters_.transmit_waits;
  waiting_ = true;
  rings_watch_->WhenWritable([this] {
    waiting_ = false;
    pending_.erase(pending_.begin(), pending_.begin() + static_cast<ptrdiff_t>(Send(pending_)));
    if (!pending_.empty()) WaitToSend();
  });
}

uint64_t PortDriver::lost() const {
  if (!rings_) return 0;
  const xdp_statistics statistics = rings_->Statistics();
  return statistics.rx_ring_full + statistics.rx_dropped;
}

void PortDriver::Release(const Frame& frame) {
  if (!rings_) return;
  ++counters_.released;
  rings_->Release(frame);
}

}  // namespace ov6
