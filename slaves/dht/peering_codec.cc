// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/peering_codec.h"

#include <algorithm>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

bool IsWellFormed(uint8_t type, uint8_t flag, const PeeringMessage& message) {
  const bool answers = type % 2 == 0;
  const bool carries = message.type == PeeringType::kNotify;
  const bool known = type >= 1 && type <= 6 && flag <= (answers || carries ? 1 : 0);
  return known && carries == !message.record.empty() && message.prefix.length <= 128 &&
         Prefix::Of(message.prefix.address, message.prefix.length) == message.prefix;
}

}  // namespace

bool IsPeering(std::span<const uint8_t> datagram) {
  return !datagram.empty() && datagram.front() == kPeeringMark;
}

Bytes EncodePeering(const PeeringMessage& message) {
  ByteWriter out;
  out.U8(kPeeringMark).U8(kPeeringVersion).U8(static_cast<uint8_t>(message.type));
  out.U8(message.yes || message.awaited ? 1 : 0);
  out.U64(message.nonce).U8(static_cast<uint8_t>(message.prefix.length)).Raw(message.prefix.address.bytes);
  return out.Raw(message.record).Take();
}

std::optional<PeeringMessage> DecodePeering(std::span<const uint8_t> datagram) {
  if (datagram.size() < kPeeringSize || datagram.size() > kPeeringSize + kMaxRecordSize) return std::nullopt;
  ByteReader in(datagram);
  const bool known = in.U8() == kPeeringMark && in.U8() == kPeeringVersion;
  const uint8_t type = in.U8(), flag = in.U8();
  PeeringMessage message;
  message.type = static_cast<PeeringType>(type);
  message.awaited = message.type == PeeringType::kNotify && flag == 1;
  message.yes = message.type != PeeringType::kNotify && flag == 1;
  message.nonce = in.U64();
  message.prefix.length = in.U8();
  const auto address = in.Take(message.prefix.address.bytes.size());
  std::copy(address.begin(), address.end(), message.prefix.address.bytes.begin());
  const auto record = in.Take(datagram.size() - kPeeringSize);
  message.record.assign(record.begin(), record.end());
  if (!known || !IsWellFormed(type, flag, message)) return std::nullopt;
  return message;
}

}  // namespace ov6
