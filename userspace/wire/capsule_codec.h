// SPDX-License-Identifier: Apache-2.0
// Capsules to and from bytes (RFC 9297 section 3.2; docs/slave-protocol.md section 2).
#ifndef OV6_USERSPACE_WIRE_CAPSULE_CODEC_H
#define OV6_USERSPACE_WIRE_CAPSULE_CODEC_H

#include <optional>
#include <span>

#include "absl/status/statusor.h"
#include "ov6/capsule.h"
#include "userspace/base/byte_queue.h"

namespace ov6 {

inline constexpr size_t kMaxCapsuleSize = 65536;   // value, other than DATAGRAM
inline constexpr size_t kMaxDatagramSize = 65600;  // value

// Appends to `out`.
void EncodeCapsule(const Capsule& capsule, ByteQueue* out);
Bytes EncodeCapsule(const Capsule& capsule);

// Appends a DATAGRAM of these bytes.
void EncodeDatagram(uint64_t context, std::span<const uint8_t> payload, ByteQueue* out);
// The same of a payload that somebody puts there himself: room for `most` bytes of it, and then which of them
// it is. One of 16 KiB or more from the front of the room is not moved.
std::span<uint8_t> DatagramRoom(size_t most, ByteQueue* out);
void CommitDatagram(uint64_t context, size_t skip, size_t size, ByteQueue* out);

// A DATAGRAM where it lies in the decoder; good until the decoder is asked or fed again.
struct DatagramView {
  uint64_t context = kPacketContext;
  std::span<const uint8_t> payload;
};

// Takes fragments of any size; gives out whole capsules in order. After an error it stays failed.
class CapsuleDecoder {
 public:
  void Ingest(std::span<const uint8_t> bytes) { buffer_.Append(bytes); }
  // The same of bytes that somebody puts there himself.
  std::span<uint8_t> Room(size_t size) { return buffer_.Room(size); }
  void Commit(size_t size) { buffer_.Commit(size); }
  // nullopt: more bytes are needed. Error: a sentence; the session must end.
  absl::StatusOr<std::optional<Capsule>> Next();
  // If the next one is a whole DATAGRAM: that, without a copy. nullopt: ask Next().
  std::optional<DatagramView> NextDatagram();
  // At the end of the stream: an error if it stops inside a capsule.
  absl::Status Finish() const;

 private:
  ByteQueue buffer_;
  absl::Status status_;
};

// The smallest list of prefixes that makes up the range of addresses [first, last], in order.
std::vector<Prefix> RangeToPrefixes(const Ipv6& first, const Ipv6& last);

}  // namespace ov6

#endif
