// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/reassembly.h"

#include <array>
#include <cerrno>
#include <utility>

namespace ov6 {
namespace {

using boost::asio::posix::stream_descriptor;
using boost::system::error_code;

constexpr double kBurst = 256;    // datagrams
constexpr int kReadsAtOnce = 32;  // before others get their turn
constexpr auto kPause = std::chrono::milliseconds(10);

}  // namespace

Reassembly::~Reassembly() {
  while (!opened_.empty()) Close(std::string(opened_.begin()->first));
}

absl::Status Reassembly::Open(const TunnelEnd& end) {
  const auto found = opened_.find(end.interface);
  if (found != opened_.end() && found->second.end != end) Close(end.interface);
  Opened& opened = opened_[end.interface];
  opened.end = end;
  absl::Status status = OpenOne(Encapsulation::k6in4, opened);
  status.Update(OpenOne(Encapsulation::kUdp, opened));
  return status;
}

absl::Status Reassembly::OpenOne(Encapsulation encapsulation, Opened& opened) {
  if (opened.readers.contains(encapsulation)) return absl::OkStatus();
  const TunnelEnd& end = opened.end;
  auto socket = TunnelSocket::Open(encapsulation, end.interface, {end.address, end.udp_port});
  if (!socket.ok()) return socket.status();
  const int fd = ::fcntl(socket->fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "duplicating a tunnel socket's descriptor");
  auto reader =
      std::make_shared<Reader>(env_.io, *std::move(socket), fd, end, TokenBucket(env_.rate, kBurst));
  opened.readers[encapsulation] = reader;
  Watch(reader);
  return absl::OkStatus();
}

void Reassembly::Close(const std::string& interface) {
  const auto found = opened_.find(interface);
  if (found == opened_.end()) return;
  for (const auto& [encapsulation, reader] : found->second.readers) {
    counters_.dropped += reader->socket.Dropped();
    reader->readable.close();
    reader->pause.cancel();
  }
  opened_.erase(found);
}

void Reassembly::Watch(const std::shared_ptr<Reader>& reader) {
  reader->readable.async_wait(stream_descriptor::wait_read, [this, reader](error_code error) {
    if (!error && reader->readable.is_open()) Read(reader);
  });
}

void Reassembly::Pause(const std::shared_ptr<Reader>& reader) {
  reader->pause.expires_after(kPause);
  reader->pause.async_wait([this, reader](error_code error) {
    if (!error && reader->readable.is_open()) Read(reader);
  });
}

void Reassembly::Read(const std::shared_ptr<Reader>& reader) {
  static thread_local std::array<uint8_t, 65536> buffer;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (!reader->bucket.Has(env_.clock())) return Pause(reader);
    TunnelDatagram datagram;
    const auto result = reader->socket.Receive(buffer, &datagram);
    if (result == TunnelSocket::Result::kNothing) break;
    reader->bucket.Charge(env_.clock(), 1);
    if (result == TunnelSocket::Result::kDatagram) Take(*reader, datagram);
    if (result == TunnelSocket::Result::kMalformed) ++counters_.malformed;
  }
  Watch(reader);
}

void Reassembly::Take(const Reader& reader, const TunnelDatagram& datagram) {
  // The UDP socket's filter lets no other kind in: IPv6, or STUN, whose first two bits are 0.
  const bool udp = datagram.outer.destination.port != 0;
  if (udp && !datagram.payload.empty() && datagram.payload[0] >> 6 == 0)
    return env_.stun(reader.interface, datagram.outer.source, datagram.payload);
  if (!datagram.reassembled) {
    ++counters_.not_fragmented;
    return;
  }
  const auto packet = WriteOuter(datagram.outer, datagram.payload);
  switch (packet ? env_.resubmit(reader.ingress, *packet) : Resubmitted::kTooBig) {
    case Resubmitted::kSent:
      ++counters_.resubmitted;
      break;
    case Resubmitted::kTooBig:
      ++counters_.too_big;
      break;
    case Resubmitted::kNoRoom:
      ++counters_.no_room;
      break;
  }
}

bool Reassembly::Send(const std::string& interface, const Endpoint& to,
                      std::span<const uint8_t> payload) const {
  const auto found = opened_.find(interface);
  if (found == opened_.end()) return false;
  const auto reader = found->second.readers.find(Encapsulation::kUdp);
  return reader != found->second.readers.end() && reader->second->socket.Send(to, payload);
}

ReassemblyCounters Reassembly::Counters() const {
  ReassemblyCounters all = counters_;
  for (const auto& [interface, opened] : opened_) {
    for (const auto& [encapsulation, reader] : opened.readers) all.dropped += reader->socket.Dropped();
  }
  return all;
}

}  // namespace ov6
