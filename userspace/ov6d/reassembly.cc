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

absl::Status Reassembly::Open(const TunnelEnd& end) {
  Close(end.interface);
  absl::Status status = OpenOne(Encapsulation::k6in4, end);
  status.Update(OpenOne(Encapsulation::kUdp, end));
  return status;
}

absl::Status Reassembly::OpenOne(Encapsulation encapsulation, const TunnelEnd& end) {
  auto socket = TunnelSocket::Open(encapsulation, end.interface, {end.address, end.udp_port});
  if (!socket.ok()) return socket.status();
  const int fd = ::fcntl(socket->fd(), F_DUPFD_CLOEXEC, 0);
  if (fd < 0) return absl::ErrnoToStatus(errno, "duplicating a tunnel socket's descriptor");
  auto reader =
      std::make_shared<Reader>(env_.io, *std::move(socket), fd, end.ifindex, TokenBucket(env_.rate, kBurst));
  readers_[end.interface].push_back(reader);
  Watch(reader);
  return absl::OkStatus();
}

void Reassembly::Close(const std::string& interface) {
  const auto found = readers_.find(interface);
  if (found == readers_.end()) return;
  for (const auto& reader : found->second) {
    counters_.dropped += reader->socket.Dropped();
    reader->readable.close();
    reader->pause.cancel();
  }
  readers_.erase(found);
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

ReassemblyCounters Reassembly::Counters() const {
  ReassemblyCounters all = counters_;
  for (const auto& [interface, readers] : readers_) {
    for (const auto& reader : readers) all.dropped += reader->socket.Dropped();
  }
  return all;
}

}  // namespace ov6
