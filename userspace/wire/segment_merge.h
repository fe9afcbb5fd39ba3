// SPDX-License-Identifier: Apache-2.0
// Joins TCP segments over IPv6 that follow each other into packets of many segments (kSegmentContext), as the
// kernel's GRO does: what a stack then does once for all of them it need not do for each. Splitting them
// again gives the same segments. Only where the checksum was right, since it is made anew.
#ifndef OV6_USERSPACE_WIRE_SEGMENT_MERGE_H
#define OV6_USERSPACE_WIRE_SEGMENT_MERGE_H

#include <array>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace ov6 {

class SegmentMerger {
 public:
  // A segment header (userspace/wire/segment.h) and a packet.
  using Sink = std::function<void(std::span<const uint8_t> framed)>;

  explicit SegmentMerger(Sink sink);

  // A whole IPv6 packet of good shape. It comes out later, in its flow's order: at the latest with Flush().
  void Add(std::span<const uint8_t> packet);
  // The same with a segment header in front: unfinished, or of many segments already.
  void AddFramed(std::span<const uint8_t> framed);
  void Flush();

 private:
  static constexpr size_t kFlows = 8;
  struct Flow {
    std::vector<uint8_t> framed;  // empty: no flow
    size_t headers = 0;           // bytes of IPv6 and TCP header
    size_t segment = 0;           // payload of all segments but the last
    uint32_t next = 0;            // sequence number of what follows
    size_t count = 0;
  };

  Flow* Find(std::span<const uint8_t> packet);
  bool Continue(Flow& flow, std::span<const uint8_t> packet);
  void Begin(std::span<const uint8_t> framed, size_t headers);
  void PutOut(Flow& flow);

  Sink sink_;
  std::array<Flow, kFlows> flows_;
  size_t oldest_ = 0;  // where a new flow goes if all places are taken
  std::vector<uint8_t> framed_;
};

}  // namespace ov6

#endif
