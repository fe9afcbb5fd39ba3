// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/capsule_codec.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "userspace/base/bytes.h"

namespace ov6 {
namespace {

// In front of a payload from 16 KiB on, in a context below 64: type, length in 4 bytes, context.
constexpr size_t kLongDatagramHead = 6;
constexpr size_t kMaxDatagramHead = 1 + 8 + 8;

constexpr size_t kRangeSize = 34;  // version, start, end, protocol
constexpr uint8_t kIpv6Version = 6;
constexpr uint8_t kEveryProtocol = 0;

enum ChangeKind : uint8_t { kAdd = 1, kNegative = 2, kWithdraw = 3 };

absl::Status Malformed(std::string sentence) { return absl::InvalidArgumentError(std::move(sentence)); }

// --- parts that several capsules have -------------------------------------

Ipv6 ReadAddress(ByteReader& in) {
  Ipv6 address;
  const auto bytes = in.Take(address.bytes.size());
  std::copy(bytes.begin(), bytes.end(), address.bytes.begin());
  return address;
}

void WritePrefix(const Prefix& prefix, ByteWriter& out) {
  out.U8(static_cast<uint8_t>(prefix.length)).Raw(prefix.address.bytes);
}

absl::StatusOr<Prefix> ReadPrefix(ByteReader& in) {
  const int length = in.U8();
  const Ipv6 address = ReadAddress(in);
  if (!in.ok()) return Malformed("a prefix is cut short: it takes 17 bytes");
  if (length > 128) return Malformed(fmt::format("prefix length {} is over 128", length));
  if (address.Masked(length) != address) {
    return Malformed(fmt::format("{}/{} has bits set past its length", address.ToString(), length));
  }
  return Prefix{address, length};
}

void WriteLocator(const Locator& locator, ByteWriter& out) {
  out.U32(locator.address.value).U16(locator.port).U8(static_cast<uint8_t>(locator.encapsulation));
  out.U8(locator.priority).U16(locator.mtu).U16(0);
}

absl::StatusOr<Locator> ReadLocator(ByteReader& in) {
  Locator locator;
  locator.address.value = in.U32();
  locator.port = in.U16();
  const uint8_t encapsulation = in.U8();
  locator.priority = in.U8();
  locator.mtu = in.U16();
  in.U16();
  if (!in.ok()) return Malformed("a locator is cut short: it takes 12 bytes");
  if (encapsulation > OV6_ENCAPSULATION_UDP) {
    return Malformed(fmt::format("encapsulation {} is not known; 0 is 6in4, 1 is UDP", encapsulation));
  }
  locator.encapsulation = static_cast<Encapsulation>(encapsulation);
  return locator;
}

// --- one function each way per capsule -------------------------------------

void EncodeValue(const DatagramCapsule& c, ByteWriter& out) { out.Varint(c.context).Raw(c.payload); }

absl::StatusOr<Capsule> DecodeDatagram(ByteReader& in) {
  DatagramCapsule c;
  c.context = in.Varint();
  if (!in.ok()) return Malformed("a DATAGRAM without a whole context id");
  const auto payload = in.Take(in.size());
  c.payload.assign(payload.begin(), payload.end());
  return c;
}

constexpr size_t kMappedBits = 96;

void WriteAssigned(const AssignedPrefix& entry, ByteWriter& out) {
  const std::span<const uint8_t> address(entry.prefix.address.bytes);
  out.Varint(entry.request).U8(entry.ipv4 ? 4 : 6).Raw(entry.ipv4 ? address.subspan(12) : address);
  out.U8(static_cast<uint8_t>(entry.prefix.length - (entry.ipv4 ? kMappedBits : 0)));
}

absl::StatusOr<AssignedPrefix> ReadAssigned(ByteReader& in) {
  AssignedPrefix entry;
  entry.request = in.Varint();
  const int version = in.U8();
  if (in.ok() && version != 4 && version != kIpv6Version)
    return Malformed(fmt::format("an address of IP version {}", version));
  entry.ipv4 = version == 4;
  const auto bytes = in.Take(entry.ipv4 ? 4 : 16);
  const int length = in.U8();
  if (!in.ok()) return Malformed("an address to assign is cut short");
  Ipv6 address;
  std::copy(bytes.begin(), bytes.end(), address.bytes.end() - static_cast<ptrdiff_t>(bytes.size()));
  if (entry.ipv4) address.bytes[10] = address.bytes[11] = 0xff;
  const int most = entry.ipv4 ? 32 : 128;
  if (length > most) return Malformed(fmt::format("prefix length {} is over {}", length, most));
  entry.prefix = {address, length + (128 - most)};
  if (address.Masked(entry.prefix.length) != address)
    return Malformed(fmt::format("{}/{} has bits set past its length", address.ToString(), length));
  return entry;
}

template <typename AddressCapsule>
absl::StatusOr<AddressCapsule> ReadAddresses(ByteReader& in) {
  AddressCapsule c;
  while (!in.AtEnd()) {
    const auto entry = ReadAssigned(in);
    if (!entry.ok()) return entry.status();
    c.prefixes.push_back(*entry);
    if (c.prefixes.size() > AddressRequestCapsule::kMaxRequested)
      return Malformed(fmt::format("more than {} addresses", AddressRequestCapsule::kMaxRequested));
  }
  return c;
}

void EncodeValue(const AddressAssignCapsule& c, ByteWriter& out) {
  for (const AssignedPrefix& entry : c.prefixes) WriteAssigned(entry, out);
}

absl::StatusOr<Capsule> DecodeAddressAssign(ByteReader& in) {
  return ReadAddresses<AddressAssignCapsule>(in);
}

void EncodeValue(const AddressRequestCapsule& c, ByteWriter& out) {
  for (const AssignedPrefix& entry : c.prefixes) WriteAssigned(entry, out);
}

// RFC 9484 section 4.7.2: at least one, each with an id.
absl::StatusOr<Capsule> DecodeAddressRequest(ByteReader& in) {
  auto c = ReadAddresses<AddressRequestCapsule>(in);
  if (!c.ok()) return c.status();
  if (c->prefixes.empty()) return Malformed("an ADDRESS_REQUEST for nothing");
  for (const AssignedPrefix& entry : c->prefixes) {
    if (entry.request == 0) return Malformed("an ADDRESS_REQUEST with request id 0");
  }
  return *std::move(c);
}

Ipv6 LastAddress(const Prefix& prefix) {
  Ipv6 last = prefix.address;
  for (int i = prefix.length; i < 128; ++i) last.bytes[i / 8] |= static_cast<uint8_t>(0x80 >> (i % 8));
  return last;
}

void EncodeValue(const RouteAdvertisementCapsule& c, ByteWriter& out) {
  std::vector<Prefix> sorted = c.prefixes;
  std::sort(sorted.begin(), sorted.end());
  const Prefix* before = nullptr;
  for (const Prefix& prefix : sorted) {
    if (before != nullptr && before->Contains(prefix)) continue;  // ranges must not overlap
    out.U8(kIpv6Version).Raw(prefix.address.bytes).Raw(LastAddress(prefix).bytes).U8(kEveryProtocol);
    before = &prefix;
  }
}

struct Range {
  Ipv6 first, last;
};

absl::StatusOr<Range> ReadRange(ByteReader& in) {
  const int version = in.U8();
  if (version != kIpv6Version)
    return Malformed(fmt::format("a range of IP version {}; only 6 is routed", version));
  const Ipv6 first = ReadAddress(in), last = ReadAddress(in);
  const int protocol = in.U8();
  if (!in.ok()) return Malformed(fmt::format("an address range is cut short: it takes {} bytes", kRangeSize));
  if (protocol != kEveryProtocol)
    return Malformed(fmt::format("a range of IP protocol {}; only 0, all, is routed", protocol));
  if (last < first)
    return Malformed(fmt::format("range {} to {} ends before it starts", first.ToString(), last.ToString()));
  return Range{first, last};
}

absl::StatusOr<Capsule> DecodeRouteAdvertisement(ByteReader& in) {
  RouteAdvertisementCapsule c;
  std::optional<Ipv6> before;
  while (!in.AtEnd()) {
    const auto range = ReadRange(in);
    if (!range.ok()) return range.status();
    if (before && range->first <= *before) {
      return Malformed(
          fmt::format("the range from {} is not behind the one before it", range->first.ToString()));
    }
    before = range->last;
    for (const Prefix& prefix : RangeToPrefixes(range->first, range->last)) c.prefixes.push_back(prefix);
    if (c.prefixes.size() > c.kMaxAdvertised) {
      return Malformed(fmt::format("the advertised ranges make more than {} prefixes", c.kMaxAdvertised));
    }
  }
  return c;
}

void WriteChange(const MappingAdd& change, ByteWriter& out) {
  WritePrefix(change.prefix, out);
  out.U32(change.soft_ttl_ms).U32(change.hard_ttl_ms).U8(static_cast<uint8_t>(change.locators.size()));
  for (const Locator& locator : change.locators) WriteLocator(locator, out);
  if (change.silent || change.age_ms != 0) out.U8(change.silent ? 1 : 0).U32(change.age_ms);
}

void WriteChange(const MappingNegative& change, ByteWriter& out) {
  WritePrefix(change.prefix, out);
  out.U32(change.ttl_ms).U8(change.icmp_code).U8(change.failed ? 1 : 0);
}

void WriteChange(const MappingWithdraw& change, ByteWriter& out) { WritePrefix(change.prefix, out); }

void EncodeValue(const MappingsCapsule& c, ByteWriter& out) {
  out.Varint(c.sequence);
  for (const MappingChange& change : c.changes) {
    ByteWriter body;
    std::visit([&body](const auto& kind) { WriteChange(kind, body); }, change);
    out.U8(static_cast<uint8_t>(kAdd + change.index())).Block(body.bytes());
  }
}

absl::StatusOr<MappingChange> ReadAdd(const Prefix& prefix, ByteReader& in) {
  MappingAdd add{.prefix = prefix, .locators = {}};
  add.soft_ttl_ms = in.U32();
  add.hard_ttl_ms = in.U32();
  const int count = in.U8();
  if (!in.ok()) return Malformed("a mapping to add is cut short before its locators");
  if (count < 1 || count > OV6_MAX_LOCATORS) {
    return Malformed(fmt::format("a mapping with {} locators; it has 1 to {}", count, OV6_MAX_LOCATORS));
  }
  for (int i = 0; i < count; ++i) {
    const auto locator = ReadLocator(in);
    if (!locator.ok()) return locator.status();
    add.locators.push_back(*locator);
  }
  if (in.AtEnd()) return add;
  const uint8_t silent = in.U8();
  add.age_ms = in.U32();
  if (!in.ok()) return Malformed("a mapping to add is cut short behind its locators");
  if (silent > 1) return Malformed(fmt::format("a mapping to add says silent {}; it is 0 or 1", silent));
  add.silent = silent == 1;
  return add;
}

absl::StatusOr<MappingChange> ReadNegative(const Prefix& prefix, ByteReader& in) {
  MappingNegative negative{.prefix = prefix};
  negative.ttl_ms = in.U32();
  negative.icmp_code = in.U8();
  const uint8_t failed = in.U8();
  if (!in.ok()) return Malformed("a negative is cut short: it takes 23 bytes");
  if (failed > 1) return Malformed(fmt::format("a negative's reason is {}; 0 is absent, 1 failed", failed));
  negative.failed = failed == 1;
  return negative;
}

absl::StatusOr<MappingChange> ReadChange(ByteReader& in) {
  const uint8_t kind = in.U8();
  ByteReader body(in.Block());
  if (!in.ok()) return Malformed("a change in MAPPINGS is cut short");
  const auto prefix = ReadPrefix(body);
  if (!prefix.ok()) return prefix.status();
  switch (kind) {
    case kAdd:
      return ReadAdd(*prefix, body);
    case kNegative:
      return ReadNegative(*prefix, body);
    case kWithdraw:
      return MappingWithdraw{*prefix};
  }
  return Malformed(fmt::format("a change of kind {}; 1 adds, 2 is a negative, 3 withdraws", kind));
}

absl::StatusOr<Capsule> DecodeMappings(ByteReader& in) {
  MappingsCapsule c;
  c.sequence = in.Varint();
  if (!in.ok()) return Malformed("a MAPPINGS without a whole sequence number");
  while (!in.AtEnd()) {
    auto change = ReadChange(in);
    if (!change.ok()) return change.status();
    c.changes.push_back(*std::move(change));
    if (c.changes.size() > c.kMaxChanges)
      return Malformed(fmt::format("more than {} changes in one MAPPINGS", c.kMaxChanges));
  }
  return c;
}

void EncodeValue(const MappingsAckCapsule& c, ByteWriter& out) {
  out.Varint(c.sequence);
  for (const auto& refusal : c.refused) out.Varint(refusal.index).String(refusal.reason);
}

absl::StatusOr<Capsule> DecodeMappingsAck(ByteReader& in) {
  MappingsAckCapsule c;
  c.sequence = in.Varint();
  while (!in.AtEnd()) {
    auto& refusal = c.refused.emplace_back();
    refusal.index = in.Varint();
    refusal.reason = in.String();
  }
  if (!in.ok()) return Malformed("a MAPPINGS_ACK is cut short");
  return c;
}

void EncodeValue(const RefreshCapsule& c, ByteWriter& out) {
  for (const Ipv6& address : c.addresses) out.Raw(address.bytes);
}

absl::StatusOr<Capsule> DecodeRefresh(ByteReader& in) {
  RefreshCapsule c;
  if (in.size() % 16 != 0) {
    return Malformed(fmt::format("a REFRESH of {} bytes; an address takes 16", in.size()));
  }
  while (!in.AtEnd()) c.addresses.push_back(ReadAddress(in));
  return c;
}

void EncodeValue(const PortCapsule& c, ByteWriter& out) {
  out.U16(c.slot).U16(c.mtu).U32(c.slave).U32(c.frame_size).U32(c.frame_count);
  out.U32(c.fill_size).U32(c.completion_size).U32(c.rx_size).U32(c.tx_size);
}

absl::StatusOr<Capsule> DecodePort(ByteReader& in) {
  PortCapsule c;
  c.slot = in.U16();
  c.mtu = in.U16();
  c.slave = in.U32();
  c.frame_size = in.U32();
  c.frame_count = in.U32();
  c.fill_size = in.U32();
  c.completion_size = in.U32();
  c.rx_size = in.U32();
  c.tx_size = in.U32();
  if (!in.ok()) return Malformed("a PORT is cut short: it takes 32 bytes");
  return c;
}

void EncodeValue(const StatusCapsule& c, ByteWriter& out) { out.Raw(c.json); }

absl::StatusOr<Capsule> DecodeStatus(ByteReader& in) { return StatusCapsule{in.RestAsString()}; }

void EncodeValue(const CallCapsule& c, ByteWriter& out) { out.Varint(c.id).String(c.method).Raw(c.argument); }

absl::StatusOr<Capsule> DecodeCall(ByteReader& in) {
  CallCapsule c;
  c.id = in.Varint();
  c.method = in.String();
  if (!in.ok()) return Malformed("a CALL is cut short");
  c.argument = in.RestAsString();
  return c;
}

void EncodeValue(const ReturnCapsule& c, ByteWriter& out) { out.Varint(c.id).Varint(c.code).Raw(c.result); }

absl::StatusOr<Capsule> DecodeReturn(ByteReader& in) {
  ReturnCapsule c;
  c.id = in.Varint();
  const uint64_t code = in.Varint();
  if (!in.ok()) return Malformed("a RETURN is cut short");
  if (code > UINT16_MAX) return Malformed(fmt::format("a RETURN with code {}; the highest is 65535", code));
  c.code = static_cast<uint16_t>(code);
  c.result = in.RestAsString();
  return c;
}

void EncodeValue(const PingCapsule& c, ByteWriter& out) { out.U8(c.reply ? 1 : 0).U64(c.nonce); }

absl::StatusOr<Capsule> DecodePing(ByteReader& in) {
  if (in.size() != 9) return Malformed(fmt::format("a PING of {} bytes; it takes 9", in.size()));
  const uint8_t reply = in.U8();
  if (reply > 1) return Malformed(fmt::format("a PING's reply is {}; it is 0 or 1", reply));
  return PingCapsule{.reply = reply == 1, .nonce = in.U64()};
}

void EncodeValue(const UnknownCapsule& c, ByteWriter& out) { out.Raw(c.value); }

struct Decoder {
  CapsuleType type;
  absl::StatusOr<Capsule> (*decode)(ByteReader& in);
};

constexpr Decoder kDecoders[] = {
    {CapsuleType::kDatagram, DecodeDatagram},
    {CapsuleType::kRouteAdvertisement, DecodeRouteAdvertisement},
    {CapsuleType::kAddressAssign, DecodeAddressAssign},
    {CapsuleType::kAddressRequest, DecodeAddressRequest},
    {CapsuleType::kMappings, DecodeMappings},
    {CapsuleType::kMappingsAck, DecodeMappingsAck},
    {CapsuleType::kRefresh, DecodeRefresh},
    {CapsuleType::kPort, DecodePort},
    {CapsuleType::kStatus, DecodeStatus},
    {CapsuleType::kCall, DecodeCall},
    {CapsuleType::kReturn, DecodeReturn},
    {CapsuleType::kPing, DecodePing},
};

uint64_t TypeOf(const DatagramCapsule&) { return static_cast<uint64_t>(CapsuleType::kDatagram); }
uint64_t TypeOf(const AddressAssignCapsule&) { return static_cast<uint64_t>(CapsuleType::kAddressAssign); }
uint64_t TypeOf(const AddressRequestCapsule&) { return static_cast<uint64_t>(CapsuleType::kAddressRequest); }
uint64_t TypeOf(const RouteAdvertisementCapsule&) {
  return static_cast<uint64_t>(CapsuleType::kRouteAdvertisement);
}
uint64_t TypeOf(const MappingsCapsule&) { return static_cast<uint64_t>(CapsuleType::kMappings); }
uint64_t TypeOf(const MappingsAckCapsule&) { return static_cast<uint64_t>(CapsuleType::kMappingsAck); }
uint64_t TypeOf(const RefreshCapsule&) { return static_cast<uint64_t>(CapsuleType::kRefresh); }
uint64_t TypeOf(const PortCapsule&) { return static_cast<uint64_t>(CapsuleType::kPort); }
uint64_t TypeOf(const StatusCapsule&) { return static_cast<uint64_t>(CapsuleType::kStatus); }
uint64_t TypeOf(const CallCapsule&) { return static_cast<uint64_t>(CapsuleType::kCall); }
uint64_t TypeOf(const ReturnCapsule&) { return static_cast<uint64_t>(CapsuleType::kReturn); }
uint64_t TypeOf(const PingCapsule&) { return static_cast<uint64_t>(CapsuleType::kPing); }
uint64_t TypeOf(const UnknownCapsule& c) { return c.type; }

absl::StatusOr<Capsule> DecodeValue(uint64_t type, std::span<const uint8_t> value) {
  for (const Decoder& decoder : kDecoders) {
    if (static_cast<uint64_t>(decoder.type) != type) continue;
    ByteReader in(value);
    return decoder.decode(in);
  }
  return UnknownCapsule{type, Bytes(value.begin(), value.end())};
}

size_t MostBytes(uint64_t type) {
  return type == static_cast<uint64_t>(CapsuleType::kDatagram) ? kMaxDatagramSize : kMaxCapsuleSize;
}

// --- ranges ----------------------------------------------------------------

using Number = unsigned __int128;

Number ToNumber(const Ipv6& address) {
  Number number = 0;
  for (const uint8_t byte : address.bytes) number = number << 8 | byte;
  return number;
}

Ipv6 FromNumber(Number number) {
  Ipv6 address;
  for (int i = 15; i >= 0; --i, number >>= 8) address.bytes[i] = static_cast<uint8_t>(number);
  return address;
}

// Host bits of the biggest prefix that starts at `first` and does not pass `last`.
int BiggestBlock(Number first, Number last) {
  int bits = 0;
  while (bits < 128) {
    const Number mask = bits == 127 ? ~Number{0} : (Number{1} << (bits + 1)) - 1;
    if ((first & mask) != 0 || last - first < mask) break;
    ++bits;
  }
  return bits;
}

}  // namespace

void EncodeCapsule(const Capsule& capsule, ByteQueue* out) {
  ByteWriter head, value;
  std::visit([&value](const auto& c) { EncodeValue(c, value); }, capsule);
  head.Varint(std::visit([](const auto& c) { return TypeOf(c); }, capsule)).Varint(value.size());
  out->Append(head.bytes());
  out->Append(value.bytes());
}

Bytes EncodeCapsule(const Capsule& capsule) {
  ByteQueue out;
  EncodeCapsule(capsule, &out);
  return {out.bytes().begin(), out.bytes().end()};
}

void EncodeDatagram(uint64_t context, std::span<const uint8_t> payload, ByteQueue* out) {
  const std::span<uint8_t> room = DatagramRoom(payload.size(), out);
  std::copy(payload.begin(), payload.end(), room.begin());
  CommitDatagram(context, 0, payload.size(), out);
}

std::span<uint8_t> DatagramRoom(size_t most, ByteQueue* out) {
  return out->Room(kMaxDatagramHead + most).subspan(kLongDatagramHead);
}

void CommitDatagram(uint64_t context, size_t skip, size_t size, ByteQueue* out) {
  std::array<uint8_t, kMaxDatagramHead> head;
  std::array<uint8_t, 8> contexts;
  const size_t context_size = WriteVarint(context, contexts.data());
  size_t head_size = WriteVarint(static_cast<uint64_t>(CapsuleType::kDatagram), head.data());
  head_size += WriteVarint(context_size + size, head.data() + head_size);
  std::copy_n(contexts.begin(), context_size, head.begin() + static_cast<ptrdiff_t>(head_size));
  head_size += context_size;
  uint8_t* room = out->Room(0).data();
  if (const size_t at = kLongDatagramHead + skip; at != head_size)
    std::memmove(room + head_size, room + at, size);
  std::copy_n(head.begin(), head_size, room);
  out->Commit(head_size + size);
}

absl::StatusOr<std::optional<Capsule>> CapsuleDecoder::Next() {
  if (!status_.ok()) return status_;
  ByteReader in(buffer_.bytes());
  const uint64_t type = in.Varint();
  const uint64_t size = in.Varint();
  if (!in.ok()) return std::nullopt;
  if (size > MostBytes(type)) {
    status_ = Malformed(fmt::format("a capsule of type {:#x} with {} bytes; at most {} are taken", type, size,
                                    MostBytes(type)));
    return status_;
  }
  if (size > in.size()) return std::nullopt;
  auto capsule = DecodeValue(type, in.Take(size));
  buffer_.Consume(buffer_.size() - in.size());
  if (!capsule.ok()) {
    status_ = capsule.status();
    return status_;
  }
  return *std::move(capsule);
}

std::optional<DatagramView> CapsuleDecoder::NextDatagram() {
  if (!status_.ok()) return std::nullopt;
  ByteReader in(buffer_.bytes());
  const uint64_t type = in.Varint();
  const uint64_t size = in.Varint();
  const bool whole = in.ok() && type == static_cast<uint64_t>(CapsuleType::kDatagram) &&
                     size <= kMaxDatagramSize && size <= in.size();
  if (!whole) return std::nullopt;
  ByteReader value(in.Take(size));
  const uint64_t context = value.Varint();
  if (!value.ok()) return std::nullopt;  // Next() says what is wrong
  buffer_.Consume(buffer_.size() - in.size());
  return DatagramView{context, value.Take(value.size())};
}

absl::Status CapsuleDecoder::Finish() const {
  if (!status_.ok()) return status_;
  if (buffer_.empty()) return absl::OkStatus();
  return Malformed(fmt::format("the stream ends inside a capsule, {} bytes into it", buffer_.size()));
}

std::vector<Prefix> RangeToPrefixes(const Ipv6& first, const Ipv6& last) {
  std::vector<Prefix> prefixes;
  Number at = ToNumber(first);
  const Number end = ToNumber(last);
  while (at <= end) {
    const int bits = BiggestBlock(at, end);
    prefixes.push_back({FromNumber(at), 128 - bits});
    const Number mask = bits == 128 ? ~Number{0} : (Number{1} << bits) - 1;
    if (end - at == mask) break;  // the last one; going on could wrap around
    at += mask + 1;
  }
  return prefixes;
}

}  // namespace ov6
