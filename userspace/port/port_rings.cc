// SPDX-License-Identifier: Apache-2.0
#include "userspace/port/port_rings.h"

#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xdp/xsk.h>

#include <algorithm>
#include <bit>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace ov6 {
namespace {

constexpr uint32_t kEthernetHeader = 14;
constexpr uint32_t kKept = 64;        // chunks to send from, whatever waits to be received
constexpr uint32_t kSendBudget = 32;  // frames a sendto sends in copy mode
constexpr uint32_t kMaxChunks = 1u << 20;

// Where a chunk is.
enum class Place : uint8_t {
  kFree,
  kReceiving,  // in the fill or the receive ring
  kCaller,
  kSending,  // in the transmit ring, in the kernel's hands, or in the completion ring
};

absl::Status Errno(const std::string& what) { return absl::ErrnoToStatus(errno, what); }

// Kernel 6.1 maps no rings of a bound socket, and a port is bound by ov6d before its slave has it.
absl::Status RingsNotMapped() {
  if (errno != EBUSY) return Errno("mapping the port's rings");
  return absl::FailedPreconditionError(
      "this kernel does not let the rings of a bound AF_XDP socket be mapped: ov6d and its slaves need Linux "
      "6.6 or newer (6.1 has the doors, which can be loaded by hand)");
}

class Memory {
 public:
  Memory() = default;
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory() {
    if (size_ != 0) munmap(address_, size_);
  }
  bool Map(int fd, size_t size, off_t offset) {
    void* address = mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, offset);
    if (address == MAP_FAILED) return false;
    address_ = static_cast<uint8_t*>(address);
    size_ = size;
    return true;
  }
  uint8_t* at(size_t offset) const { return address_ + offset; }

 private:
  uint8_t* address_ = nullptr;
  size_t size_ = 0;
};

template <typename Ring>
void Point(Ring* ring, const Memory& memory, const xdp_ring_offset& offset, uint32_t size) {
  ring->producer = reinterpret_cast<uint32_t*>(memory.at(offset.producer));
  ring->consumer = reinterpret_cast<uint32_t*>(memory.at(offset.consumer));
  ring->flags = reinterpret_cast<uint32_t*>(memory.at(offset.flags));
  ring->ring = memory.at(offset.desc);
  ring->size = size;
  ring->mask = size - 1;
  ring->cached_prod = __atomic_load_n(ring->producer, __ATOMIC_ACQUIRE);
  ring->cached_cons = __atomic_load_n(ring->consumer, __ATOMIC_ACQUIRE);
}

template <typename Ring>
uint32_t Waiting(const Ring& ring) {
  return __atomic_load_n(ring.producer, __ATOMIC_ACQUIRE) - __atomic_load_n(ring.consumer, __ATOMIC_ACQUIRE);
}

absl::Status CheckGeometry(const PortCapsule& g, uint64_t umem_size) {
  const auto bad = [](const std::string& what) {
    return absl::InvalidArgumentError("the port's geometry is unusable: " + what);
  };
  for (const uint32_t size : {g.fill_size, g.completion_size, g.rx_size, g.tx_size, g.frame_size}) {
    if (!std::has_single_bit(size)) return bad(std::to_string(size) + " is not a power of two");
  }
  if (g.frame_size < 2048 || g.frame_size > 4096) {
    return bad("a chunk of " + std::to_string(g.frame_size) + " bytes is neither 2048 nor 4096");
  }
  if (g.frame_count == 0 || g.frame_count > kMaxChunks) {
    return bad(std::to_string(g.frame_count) + " chunks are not between 1 and " + std::to_string(kMaxChunks));
  }
  if (g.mtu + kEthernetHeader + kPortChunkHeadroom > g.frame_size) {
    return bad("an MTU of " + std::to_string(g.mtu) + " does not fit a chunk of " +
               std::to_string(g.frame_size));
  }
  const uint64_t need = uint64_t{g.frame_size} * g.frame_count;
  if (umem_size < need) {
    return bad("its packet memory has " + std::to_string(umem_size) + " bytes instead of " +
               std::to_string(need));
  }
  return absl::OkStatus();
}

// Frames the kernel has taken and not reported yet are reported within moments. Waiting for them keeps
// their chunks from being counted free; a device that holds them for longer sends chunks that may change.
void AwaitCompletions(const xsk_ring_prod& tx, const xsk_ring_cons& completion) {
  for (int i = 0; i < 50; ++i) {
    if (__atomic_load_n(tx.consumer, __ATOMIC_ACQUIRE) ==
        __atomic_load_n(completion.producer, __ATOMIC_ACQUIRE)) {
      return;
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

absl::Status Contradiction(const std::string& what) {
  return absl::DataLossError("the port's rings contradict themselves (" + what + "): make the port anew");
}

}  // namespace

struct PortRings::Rings {
  Memory umem, fill_memory, completion_memory, rx_memory, tx_memory;
  xsk_ring_prod fill{}, tx{};
  xsk_ring_cons completion{}, rx{};
  std::vector<Place> places;   // by chunk
  std::vector<uint32_t> free;  // chunks that are kFree

  void SetFree(uint32_t chunk) {
    places[chunk] = Place::kFree;
    free.push_back(chunk);
  }
};

PortRings::PortRings(const PortCapsule& geometry, int xsk_fd, int umem_fd)
    : geometry_(geometry), xsk_fd_(xsk_fd), umem_fd_(umem_fd), rings_(std::make_unique<Rings>()) {}

PortRings::~PortRings() {
  rings_.reset();
  close(xsk_fd_);
  close(umem_fd_);
}

absl::StatusOr<std::unique_ptr<PortRings>> PortRings::Map(const PortCapsule& geometry, int xsk_fd,
                                                          int umem_fd) {
  std::unique_ptr<PortRings> port(new PortRings(geometry, xsk_fd, umem_fd));
  if (auto status = port->MapMemory(); !status.ok()) return status;
  if (auto status = port->TakeStock(); !status.ok()) return status;
  port->Refill();
  port->Kick();
  return port;
}

absl::Status PortRings::MapMemory() {
  struct stat umem {};
  if (fstat(umem_fd_, &umem) != 0) return Errno("the port's packet memory");
  if (auto status = CheckGeometry(geometry_, static_cast<uint64_t>(umem.st_size)); !status.ok())
    return status;
  xdp_mmap_offsets offsets{};
  socklen_t size = sizeof(offsets);
  if (getsockopt(xsk_fd_, SOL_XDP, XDP_MMAP_OFFSETS, &offsets, &size) != 0) {
    return Errno("the port's descriptor is not an AF_XDP socket");
  }
  Rings& r = *rings_;
  const PortCapsule& g = geometry_;
  const bool mapped =
      r.umem.Map(umem_fd_, size_t{g.frame_size} * g.frame_count, 0) &&
      r.fill_memory.Map(xsk_fd_, offsets.fr.desc + g.fill_size * sizeof(uint64_t),
                        XDP_UMEM_PGOFF_FILL_RING) &&
      r.completion_memory.Map(xsk_fd_, offsets.cr.desc + g.completion_size * sizeof(uint64_t),
                              XDP_UMEM_PGOFF_COMPLETION_RING) &&
      r.rx_memory.Map(xsk_fd_, offsets.rx.desc + g.rx_size * sizeof(xdp_desc), XDP_PGOFF_RX_RING) &&
      r.tx_memory.Map(xsk_fd_, offsets.tx.desc + g.tx_size * sizeof(xdp_desc), XDP_PGOFF_TX_RING);
  if (!mapped) return RingsNotMapped();
  Point(&r.fill, r.fill_memory, offsets.fr, g.fill_size);
  Point(&r.completion, r.completion_memory, offsets.cr, g.completion_size);
  Point(&r.rx, r.rx_memory, offsets.rx, g.rx_size);
  Point(&r.tx, r.tx_memory, offsets.tx, g.tx_size);
  // As <xdp/xsk.h> keeps it: a producer's view of the consumer is a ring ahead.
  r.fill.cached_cons += r.fill.size;
  r.tx.cached_cons += r.tx.size;
  return absl::OkStatus();
}

// Finds where every chunk of a port that was in use is: what no ring holds was in the hands of the
// predecessor, and is free. The kernel goes on meanwhile: each ring is read before the one its
// chunks move to, so that a chunk is seen at least once, and may be seen in both.
absl::Status PortRings::TakeStock() {
  Rings& r = *rings_;
  if (Waiting(r.fill) > r.fill.size || Waiting(r.completion) > r.completion.size ||
      Waiting(r.rx) > r.rx.size || Waiting(r.tx) > r.tx.size) {
    return Contradiction("a ring holds more than it can");
  }
  r.places.assign(geometry_.frame_count, Place::kFree);
  bool consistent = true;
  const auto take = [&](uint64_t address, Place place, bool twice) {
    const uint64_t chunk = address / geometry_.frame_size;
    consistent = consistent && chunk < r.places.size() &&
                 (r.places[chunk] == Place::kFree || (twice && r.places[chunk] == place));
    if (consistent) r.places[chunk] = place;
  };
  const auto each = [](const auto& ring, const auto& visit) {
    const uint32_t first = __atomic_load_n(ring.consumer, __ATOMIC_ACQUIRE);
    for (uint32_t i = 0, n = Waiting(ring); i < n; ++i) visit(first + i);
  };
  each(r.fill, [&](uint32_t i) { take(*xsk_ring_prod__fill_addr(&r.fill, i), Place::kReceiving, false); });
  each(r.rx, [&](uint32_t i) { take(xsk_ring_cons__rx_desc(&r.rx, i)->addr, Place::kReceiving, true); });
  each(r.tx, [&](uint32_t i) { take(xsk_ring_prod__tx_desc(&r.tx, i)->addr, Place::kSending, false); });
  AwaitCompletions(r.tx, r.completion);
  each(r.completion,
       [&](uint32_t i) { take(*xsk_ring_cons__comp_addr(&r.completion, i), Place::kSending, true); });
  if (!consistent) return Contradiction("a chunk outside the memory or in two places");
  for (uint32_t chunk = geometry_.frame_count; chunk-- > 0;) {
    if (r.places[chunk] == Place::kFree) r.free.push_back(chunk);
  }
  return absl::OkStatus();
}

void PortRings::Reclaim() {
  Rings& r = *rings_;
  uint32_t index = 0;
  const uint32_t count = xsk_ring_cons__peek(&r.completion, r.completion.size, &index);
  for (uint32_t i = 0; i < count; ++i) {
    const uint64_t chunk = *xsk_ring_cons__comp_addr(&r.completion, index + i) / geometry_.frame_size;
    if (chunk < r.places.size() && r.places[chunk] == Place::kSending)
      r.SetFree(static_cast<uint32_t>(chunk));
  }
  if (count > 0) xsk_ring_cons__release(&r.completion, count);
}

void PortRings::Refill() {
  Rings& r = *rings_;
  const uint32_t room = xsk_prod_nb_free(&r.fill, r.fill.size);
  const size_t kept = std::min<size_t>(kKept, geometry_.frame_count / 2);
  const uint32_t count =
      r.free.size() < kept ? 0 : std::min(room, static_cast<uint32_t>(r.free.size() - kept));
  uint32_t index = 0;
  if (count == 0 || xsk_ring_prod__reserve(&r.fill, count, &index) != count) return;
  for (uint32_t i = 0; i < count; ++i) {
    const uint32_t chunk = r.free.back();
    r.free.pop_back();
    r.places[chunk] = Place::kReceiving;
    *xsk_ring_prod__fill_addr(&r.fill, index + i) = uint64_t{chunk} * geometry_.frame_size;
  }
  xsk_ring_prod__submit(&r.fill, count);
}

// One sendto sends at most kSendBudget frames; EAGAIN says that more wait. EBUSY and ENOBUFS mean that
// the device or the completion ring is full: what is left goes with the next call.
void PortRings::Kick() {
  Rings& r = *rings_;
  for (uint32_t calls = Waiting(r.tx) / kSendBudget + 2; calls > 0 && Waiting(r.tx) > 0; --calls) {
    if (sendto(xsk_fd_, nullptr, 0, MSG_DONTWAIT, nullptr, 0) < 0 && errno != EAGAIN) return;
    Reclaim();
  }
}

size_t PortRings::RxBurst(std::span<Frame> out) {
  Reclaim();
  Refill();
  Kick();
  Rings& r = *rings_;
  uint32_t index = 0;
  const uint32_t count = xsk_ring_cons__peek(&r.rx, static_cast<uint32_t>(out.size()), &index);
  size_t taken = 0;
  for (uint32_t i = 0; i < count; ++i) {
    const xdp_desc& desc = *xsk_ring_cons__rx_desc(&r.rx, index + i);
    const uint64_t chunk = desc.addr / geometry_.frame_size;
    const bool fits = desc.addr % geometry_.frame_size + desc.len <= geometry_.frame_size;
    if (chunk >= r.places.size() || r.places[chunk] != Place::kReceiving || !fits) continue;
    r.places[chunk] = Place::kCaller;
    out[taken++] = {static_cast<uint32_t>(chunk), {r.umem.at(desc.addr), desc.len}};
  }
  if (count > 0) xsk_ring_cons__release(&r.rx, count);
  return taken;
}

void PortRings::Release(const Frame& frame) {
  Rings& r = *rings_;
  if (frame.chunk >= r.places.size() || r.places[frame.chunk] != Place::kCaller) return;
  r.SetFree(frame.chunk);
  Refill();
}

bool PortRings::Allocate(Frame* out) {
  Rings& r = *rings_;
  if (r.free.empty()) Reclaim();
  if (r.free.empty()) return false;
  const uint32_t chunk = r.free.back();
  r.free.pop_back();
  r.places[chunk] = Place::kCaller;
  const size_t start = size_t{chunk} * geometry_.frame_size + kPortChunkHeadroom;
  *out = {chunk, {r.umem.at(start), geometry_.mtu + kEthernetHeader}};
  return true;
}

bool PortRings::Sendable(const Frame& frame) const {
  const Rings& r = *rings_;
  if (frame.chunk >= r.places.size() || r.places[frame.chunk] != Place::kCaller) return false;
  const uint8_t* begin = r.umem.at(size_t{frame.chunk} * geometry_.frame_size);
  return frame.bytes.data() >= begin &&
         frame.bytes.data() + frame.bytes.size() <= begin + geometry_.frame_size &&
         frame.bytes.size() >= kEthernetHeader;
}

size_t PortRings::TxBurst(std::span<const Frame> frames) {
  Reclaim();
  Rings& r = *rings_;
  size_t taken = 0;
  while (taken < frames.size()) {
    const Frame& frame = frames[taken];
    uint32_t index = 0;
    if (!Sendable(frame) || xsk_ring_prod__reserve(&r.tx, 1, &index) != 1) break;
    xdp_desc* desc = xsk_ring_prod__tx_desc(&r.tx, index);
    *desc = {static_cast<uint64_t>(frame.bytes.data() - r.umem.at(0)),
             static_cast<uint32_t>(frame.bytes.size()), 0};
    r.places[frame.chunk] = Place::kSending;
    ++taken;
  }
  if (taken > 0) xsk_ring_prod__submit(&r.tx, static_cast<uint32_t>(taken));
  Kick();
  return taken;
}

xdp_statistics PortRings::Statistics() const {
  xdp_statistics statistics{};
  socklen_t size = sizeof(statistics);
  if (getsockopt(xsk_fd_, SOL_XDP, XDP_STATISTICS, &statistics, &size) != 0) return {};
  return statistics;
}

size_t PortRings::free_chunks() const { return rings_->free.size(); }

}  // namespace ov6
