// SPDX-License-Identifier: Apache-2.0
// A master and a slave port in memory, and frames to put into it.
#ifndef OV6_TESTS_UNIT_SLAVES_FAKES_H
#define OV6_TESTS_UNIT_SLAVES_FAKES_H

#include <deque>
#include <list>
#include <string>
#include <utility>
#include <vector>

#include "slaves/runtime/session.h"
#include "userspace/base/bytes.h"
#include "userspace/port/frame_port.h"

namespace ov6 {

class FakeSession : public Session {
 public:
  struct Asked {
    std::string method, argument;
    Result result;
  };
  struct Sent {
    std::vector<MappingChange> changes;
    Acknowledged acknowledged;
  };

  void Call(const std::string& method, const std::string& argument, Result result) override {
    calls.push_back({method, argument, std::move(result)});
  }
  void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) override {
    mappings.push_back({std::move(changes), std::move(acknowledged)});
  }
  void Advertise(const std::vector<Prefix>& prefixes) override { advertised.push_back(prefixes); }

  // Answers the oldest.
  void Return(absl::StatusOr<std::string> value) {
    const Asked asked = std::move(calls.front());
    calls.pop_front();
    asked.result(std::move(value));
  }
  void Acknowledge(absl::StatusOr<Refusals> refusals = Refusals{}) {
    const Sent sent = std::move(mappings.front());
    mappings.pop_front();
    sent.acknowledged(std::move(refusals));
  }

  std::deque<Asked> calls;
  std::deque<Sent> mappings;
  std::vector<std::vector<Prefix>> advertised;
};

class FakePort : public SendingPort {
 public:
  void Transmit(std::span<const Frame> frames) override {
    sent.insert(sent.end(), frames.begin(), frames.end());
  }
  void Release(const Frame& frame) override { released.push_back(frame.chunk); }
  bool Allocate(Frame* out) override {
    if (free == 0) return false;
    --free;
    own.emplace_back(1500);
    *out = {kOwnChunk + static_cast<uint32_t>(own.size()), own.back()};
    return true;
  }

  // The chunks sent, in order.
  std::vector<uint32_t> SentChunks() const {
    std::vector<uint32_t> chunks;
    for (const Frame& frame : sent) chunks.push_back(frame.chunk);
    return chunks;
  }

  static constexpr uint32_t kOwnChunk = 1000;
  std::vector<Frame> sent;
  std::vector<uint32_t> released;
  std::deque<Bytes> own;  // frames that were allocated
  size_t free = 1000;
};

inline Ipv6 Address(const std::string& text) { return Ipv6::Parse(text).value(); }
inline Prefix PrefixOf(const std::string& text) { return Prefix::Parse(text).value(); }

inline Bytes Ipv6Packet(const Ipv6& source, const Ipv6& destination) {
  ByteWriter out;
  out.U32(0x60000000).U16(0).U8(59).U8(64).Raw(source.bytes).Raw(destination.bytes);
  return out.Take();
}

inline Bytes Ipv4Packet(uint8_t protocol, const Bytes& payload) {
  ByteWriter out;
  out.U8(0x45).U8(0).U16(static_cast<uint16_t>(20 + payload.size())).U32(0).U8(64).U8(protocol).U16(0);
  return out.U32(0xc6336402).U32(0xc6336401).Raw(payload).Take();
}

// `station` is each byte of the MAC addresses.
inline Bytes PuntBytes(ov6_punt_reason reason, const Bytes& packet, uint8_t station = 0xee) {
  ByteWriter out;
  out.Raw(Bytes(12, station)).U16(OV6_ETH_P_PORT);
  out.U8(OV6_PORT_HEADER_VERSION).U8(OV6_PORT_PUNT).U8(static_cast<uint8_t>(reason)).U8(0);
  return out.U16(3).U16(0).U32(7).U32(42).Raw(packet).Take();
}

// Keeps the bytes of frames alive and numbers their chunks.
class Frames {
 public:
  Frame Punt(ov6_punt_reason reason, const Bytes& packet, uint8_t station = 0xee) {
    return Raw(PuntBytes(reason, packet, station));
  }
  Frame Miss(const std::string& destination) {
    return Punt(OV6_PUNT_MISS, Ipv6Packet(Address("fd01::1"), Address(destination)));
  }
  Frame Raw(Bytes bytes) {
    memory_.push_back(std::move(bytes));
    return Frame{next_++, std::span(memory_.back())};
  }

 private:
  std::list<Bytes> memory_;
  uint32_t next_ = 0;
};

inline uint8_t PortType(const Frame& frame) { return frame.bytes[15]; }
inline uint8_t PortSlave(const Frame& frame) { return frame.bytes[25]; }  // the low byte of the id

}  // namespace ov6

#endif
