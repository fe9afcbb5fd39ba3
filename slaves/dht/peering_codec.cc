// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/peering_codec.h"

#include <algorithm>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

bool IsPrefix(const Prefix& prefix) {
  return prefix.length <= 128 && Prefix::Of(prefix.address, prefix.length) == prefix;
}

bool IsWellFormed(uint8_t type, uint8_t flag, const PeeringMessage& message) {
  const bool answers = type % 2 == 0;
  const bool carries = message.type == PeeringType::kNotify;
  const bool known = type >= 1 && type <= 8 && flag <= (answers || carries ? 1 : 0);
  return known && carries == !message.record.empty() && IsPrefix(message.prefix);
}

// RFC 8445 section 5.3.
bool IsWord(std::string_view word, size_t shortest) {
  return word.size() >= shortest && word.size() <= kLongestWord &&
         std::all_of(word.begin(), word.end(), [](char c) {
           return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '+' ||
                  c == '/';
         });
}

void Write(const Prefix& prefix, ByteWriter* out) {
  out->U8(static_cast<uint8_t>(prefix.length)).Raw(prefix.address.bytes);
}

Prefix ReadPrefix(ByteReader* in) {
  Prefix prefix;
  prefix.length = in->U8();
  const auto address = in->Take(prefix.address.bytes.size());
  std::copy(address.begin(), address.end(), prefix.address.bytes.begin());
  return prefix;
}

void WriteWord(const std::string& word, ByteWriter* out) {
  out->U8(static_cast<uint8_t>(word.size())).Raw(std::string_view(word));
}

std::string ReadWord(ByteReader* in) {
  const auto word = in->Take(in->U8());
  return {word.begin(), word.end()};
}

void WriteCandidates(const std::vector<Endpoint>& candidates, ByteWriter* out) {
  out->U8(static_cast<uint8_t>(candidates.size()));
  for (const Endpoint& place : candidates) out->U32(place.address.value).U16(place.port);
}

// False: too many, or a place without a port.
bool ReadCandidates(ByteReader* in, std::vector<Endpoint>* candidates) {
  const size_t count = in->U8();
  if (count > kMostCandidates) return false;
  for (size_t i = 0; i < count; ++i) {
    const Ipv4 address{in->U32()};
    candidates->push_back({address, in->U16()});
    if (candidates->back().port == 0) return false;
  }
  return true;
}

// Which fields there are is said by type and flag.
enum class Part { kNone, kRecord, kMeet, kMet, kCookie };

Part PartOf(PeeringType type, bool yes) {
  switch (type) {
    case PeeringType::kNotify:
      return Part::kRecord;
    case PeeringType::kMeet:
      return Part::kMeet;
    case PeeringType::kMet:
      return yes ? Part::kMet : Part::kCookie;
    default:
      return Part::kNone;
  }
}

// Of a router that is behind NAT; a member of the ring is where it was asked.
bool HasCandidates(Part part, const Meeting& meeting) {
  return part == Part::kMeet || (part == Part::kMet && meeting.port == 0);
}

void WriteMeeting(Part part, const Meeting& meeting, ByteWriter* out) {
  if (part != Part::kMet) out->U64(meeting.cookie);
  if (part == Part::kMeet) Write(meeting.to, out);
  if (part == Part::kCookie) return;
  WriteWord(meeting.user, out);
  WriteWord(meeting.password, out);
  if (part == Part::kMet) out->U16(meeting.port);
  if (HasCandidates(part, meeting)) WriteCandidates(meeting.candidates, out);
}

bool ReadMeeting(Part part, ByteReader* in, Meeting* meeting) {
  if (part != Part::kMet) meeting->cookie = in->U64();
  if (part == Part::kMeet) meeting->to = ReadPrefix(in);
  if (part == Part::kCookie) return true;
  meeting->user = ReadWord(in);
  meeting->password = ReadWord(in);
  if (part == Part::kMet) meeting->port = in->U16();
  if (HasCandidates(part, *meeting) && !ReadCandidates(in, &meeting->candidates)) return false;
  return IsPrefix(meeting->to) && AreWords(meeting->user, meeting->password) &&
         (part == Part::kMeet || meeting->port != 0 || !meeting->candidates.empty());
}

}  // namespace

bool AreWords(std::string_view user, std::string_view password) {
  return IsWord(user, kShortestUser) && IsWord(password, kShortestPassword);
}

bool IsPeering(std::span<const uint8_t> datagram) {
  return !datagram.empty() && datagram.front() == kPeeringMark;
}

Bytes EncodePeering(const PeeringMessage& message) {
  ByteWriter out;
  out.U8(kPeeringMark).U8(kPeeringVersion).U8(static_cast<uint8_t>(message.type));
  out.U8(message.yes || message.awaited ? 1 : 0);
  out.U64(message.nonce);
  Write(message.prefix, &out);
  const Part part = PartOf(message.type, message.yes);
  if (part != Part::kNone && part != Part::kRecord) WriteMeeting(part, message.meeting, &out);
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
  message.prefix = ReadPrefix(&in);
  const Part part = PartOf(message.type, message.yes);
  if (part == Part::kRecord) {
    const auto record = in.Take(datagram.size() - kPeeringSize);
    message.record.assign(record.begin(), record.end());
  } else if (part != Part::kNone && !ReadMeeting(part, &in, &message.meeting)) {
    return std::nullopt;
  }
  if (!known || !in.ok() || !in.AtEnd() || !IsWellFormed(type, flag, message)) return std::nullopt;
  return message;
}

}  // namespace ov6
