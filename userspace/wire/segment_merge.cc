// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/segment_merge.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "userspace/wire/segment.h"

namespace ov6 {
namespace {

constexpr size_t kIpv6Header = 40, kTcpHeader = 20, kLargest = 65535, kSmallest = 64;
constexpr uint8_t kTcp = 6, kAck = 0x10, kPush = 0x08;
// Offsets from the IPv6 header on.
constexpr size_t kPayloadLength = 4, kNextHeader = 6, kHopLimit = 7, kAddresses = 8;
constexpr size_t kPorts = 40, kSequence = 44, kAcknowledged = 48, kDataOffset = 52, kFlags = 53, kWindow = 54,
                 kChecksum = 56, kUrgent = 58;

using Bytes = std::span<const uint8_t>;

uint32_t Big32(Bytes b, size_t at) {
  return uint32_t{b[at]} << 24 | uint32_t{b[at + 1]} << 16 | uint32_t{b[at + 2]} << 8 | b[at + 3];
}
void PutBig16(uint8_t* at, size_t value) {
  at[0] = static_cast<uint8_t>(value >> 8);
  at[1] = static_cast<uint8_t>(value);
}
void PutLittle16(uint8_t* at, size_t value) {
  at[0] = static_cast<uint8_t>(value);
  at[1] = static_cast<uint8_t>(value >> 8);
}

// The ones' complement sum of RFC 1071 as far as it goes in words of 32 bits of this machine's order.
uint64_t Sum(Bytes bytes) {
  uint64_t sum = 0;
  size_t at = 0;
  for (; at + 4 <= bytes.size(); at += 4) {
    uint32_t word;
    std::memcpy(&word, bytes.data() + at, 4);
    sum += word;
  }
  uint32_t rest = 0;
  std::memcpy(&rest, bytes.data() + at, bytes.size() - at);
  return sum + rest;
}

// Of the pseudo header too; in this machine's order.
uint16_t Folded(uint64_t sum) {
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(sum);
}
uint64_t PseudoHeader(Bytes packet, size_t size) {
  const std::array<uint8_t, 4> more{0, kTcp, static_cast<uint8_t>(size >> 8), static_cast<uint8_t>(size)};
  return Sum(packet.subspan(kAddresses, 32)) + Sum(more);
}
bool ChecksumIsRight(Bytes packet) {
  const Bytes tcp = packet.subspan(kIpv6Header);
  return Folded(PseudoHeader(packet, tcp.size()) + Sum(tcp)) == 0xffff;
}

// Its checksum is of the pseudo header alone so far.
bool IsUnfinishedTcp(Bytes framed) {
  return framed[0] == 1 && (framed[6] | framed[7] << 8) == kIpv6Header &&
         (framed[8] | framed[9] << 8) == kChecksum - kIpv6Header;
}

bool IsTcp(Bytes packet) { return packet.size() >= kIpv6Header + kTcpHeader && packet[kNextHeader] == kTcp; }

// Bytes of its headers if it is data and nothing else; 0: it goes by itself.
size_t HeadersOfData(Bytes packet) {
  const size_t headers = kIpv6Header + size_t{packet[kDataOffset]} / 16 * 4;
  const bool plain = (packet[kFlags] & ~kPush) == kAck && (packet[kDataOffset] & 0x0f) == 0;
  return plain && headers >= kIpv6Header + kTcpHeader && headers < packet.size() ? headers : 0;
}

bool Same(Bytes a, Bytes b, size_t from, size_t to) {
  return std::equal(a.begin() + static_cast<ptrdiff_t>(from), a.begin() + static_cast<ptrdiff_t>(to),
                    b.begin() + static_cast<ptrdiff_t>(from));
}

bool SameFlow(Bytes a, Bytes b) { return Same(a, b, kAddresses, kSequence); }

// All but lengths, sequence number, PSH and checksum.
bool SameHeaders(Bytes a, Bytes b, size_t headers) {
  return Same(a, b, 0, kPayloadLength) && a[kHopLimit] == b[kHopLimit] && Same(a, b, kAcknowledged, kFlags) &&
         Same(a, b, kWindow, kChecksum) && Same(a, b, kUrgent, headers);
}

}  // namespace

SegmentMerger::SegmentMerger(Sink sink) : sink_(std::move(sink)) {
  for (Flow& flow : flows_) flow.framed.reserve(kSegmentHeader + kLargest);
}

void SegmentMerger::Add(Bytes packet) {
  framed_.assign(kSegmentHeader, 0);
  framed_.insert(framed_.end(), packet.begin(), packet.end());
  AddFramed(framed_);
}

void SegmentMerger::AddFramed(Bytes framed) {
  const Bytes packet = framed.subspan(kSegmentHeader);
  if (!IsTcp(packet)) return sink_(framed);
  const size_t headers = framed[1] == 0 ? HeadersOfData(packet) : 0;
  const bool data = headers != 0 && (IsUnfinishedTcp(framed) || (IsWhole(framed) && ChecksumIsRight(packet)));
  Flow* flow = Find(packet);
  if (data && flow != nullptr && Continue(*flow, packet)) return;
  if (flow != nullptr) PutOut(*flow);
  data ? Begin(framed, headers) : sink_(framed);
}

SegmentMerger::Flow* SegmentMerger::Find(Bytes packet) {
  const auto found = std::find_if(flows_.begin(), flows_.end(), [&](const Flow& flow) {
    return !flow.framed.empty() && SameFlow(Bytes(flow.framed).subspan(kSegmentHeader), packet);
  });
  return found == flows_.end() ? nullptr : &*found;
}

bool SegmentMerger::Continue(Flow& flow, Bytes packet) {
  const Bytes first = Bytes(flow.framed).subspan(kSegmentHeader);
  const size_t headers = kIpv6Header + size_t{packet[kDataOffset]} / 16 * 4;
  const size_t payload = packet.size() - headers;
  if (headers != flow.headers || Big32(packet, kSequence) != flow.next || payload > flow.segment ||
      first.size() + payload > kLargest || !SameHeaders(first, packet, headers))
    return false;
  flow.framed.insert(flow.framed.end(), packet.begin() + static_cast<ptrdiff_t>(headers), packet.end());
  flow.next += static_cast<uint32_t>(payload);
  ++flow.count;
  flow.framed[kSegmentHeader + kFlags] |= packet[kFlags] & kPush;
  if (payload < flow.segment || (packet[kFlags] & kPush) != 0) PutOut(flow);
  return true;
}

// One that is pushed is waited for, and small ones have no others like them behind them.
void SegmentMerger::Begin(Bytes framed, size_t headers) {
  const Bytes packet = framed.subspan(kSegmentHeader);
  if ((packet[kFlags] & kPush) != 0 || packet.size() - headers < kSmallest) return sink_(framed);
  Flow* flow = std::find_if(flows_.begin(), flows_.end(), [](const Flow& f) { return f.framed.empty(); });
  if (flow == flows_.end()) {
    flow = &flows_[oldest_++ % kFlows];
    PutOut(*flow);
  }
  flow->framed.assign(framed.begin(), framed.end());
  flow->headers = headers;
  flow->segment = packet.size() - headers;
  flow->next = Big32(packet, kSequence) + static_cast<uint32_t>(flow->segment);
  flow->count = 1;
}

void SegmentMerger::PutOut(Flow& flow) {
  if (flow.count > 1) {
    uint8_t* const header = flow.framed.data();
    uint8_t* const packet = header + kSegmentHeader;
    const size_t tcp = flow.framed.size() - kSegmentHeader - kIpv6Header;
    PutBig16(packet + kPayloadLength, tcp);
    // Of the pseudo header alone: who splits it adds the rest.
    const uint16_t sum = Folded(PseudoHeader({packet, kIpv6Header}, tcp));
    std::memcpy(packet + kChecksum, &sum, 2);
    header[0] = 1;  // checksum to be finished
    header[1] = 4;  // TCP over IPv6
    PutLittle16(header + 2, flow.headers);
    PutLittle16(header + 4, flow.segment);
    PutLittle16(header + 6, kIpv6Header);
    PutLittle16(header + 8, kChecksum - kIpv6Header);
  }
  sink_(flow.framed);
  flow.framed.clear();
}

void SegmentMerger::Flush() {
  for (Flow& flow : flows_) {
    if (!flow.framed.empty()) PutOut(flow);
  }
}

}  // namespace ov6
