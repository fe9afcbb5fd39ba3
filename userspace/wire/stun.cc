// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/stun.h"

#include <algorithm>

#include "userspace/base/bytes.h"
#include "userspace/base/hmac.h"

namespace ov6 {
namespace {

// RFC 8489 section 18.3, RFC 8445 section 16.1.
enum Attribute : uint16_t {
  kUsername = 0x0006,
  kMessageIntegrity = 0x0008,
  kErrorCode = 0x0009,
  kXorMappedAddress = 0x0020,
  kPriority = 0x0024,
  kUseCandidate = 0x0025,
  kFingerprint = 0x8028,
};

constexpr uint16_t kComprehensionOptional = 0x8000;  // and above
constexpr size_t kAttributeHeader = 4;
constexpr size_t kIntegritySize = 20, kFingerprintSize = 4;
constexpr size_t kMaxUsername = 508;
constexpr uint32_t kFingerprintXor = 0x5354554e;
constexpr uint8_t kFamilyIpv4 = 1;

size_t Padded(size_t size) { return (size + 3) & ~size_t{3}; }

// ISO 3309, as section 14.7 says: zlib's, bit by bit, since a message is short.
uint32_t Crc32(std::span<const uint8_t> bytes) {
  uint32_t crc = 0xffffffff;
  for (const uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
  }
  return ~crc;
}

bool IsKind(uint16_t type) {
  using Kind = StunMessage::Kind;
  return type == static_cast<uint16_t>(Kind::kRequest) || type == static_cast<uint16_t>(Kind::kIndication) ||
         type == static_cast<uint16_t>(Kind::kSuccess) || type == static_cast<uint16_t>(Kind::kError);
}

// The header's length field as if the message ended at `end`; a checksum covers it so (sections 14.5, 14.7).
std::vector<uint8_t> UpTo(std::span<const uint8_t> bytes, size_t size, size_t end) {
  std::vector<uint8_t> head(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
  head[2] = static_cast<uint8_t>((end - kStunHeader) >> 8);
  head[3] = static_cast<uint8_t>(end - kStunHeader);
  return head;
}

bool TakeAddress(std::span<const uint8_t> value, StunMessage* out) {
  ByteReader reader(value);
  reader.U8();
  const uint8_t family = reader.U8();
  const auto port = static_cast<uint16_t>(reader.U16() ^ (kStunCookie >> 16));
  const uint32_t address = reader.U32() ^ kStunCookie;
  if (family != kFamilyIpv4) return reader.ok();  // IPv6: well formed, of no use here
  out->mapped = Endpoint{Ipv4{address}, port};
  return reader.ok() && reader.AtEnd();
}

bool TakeError(std::span<const uint8_t> value, StunMessage* out) {
  ByteReader reader(value);
  reader.U16();
  const int hundreds = reader.U8() & 7, rest = reader.U8();
  if (!reader.ok() || hundreds < 3 || hundreds > 6 || rest > 99) return false;
  out->error = static_cast<uint16_t>(hundreds * 100 + rest);
  return true;
}

// One attribute of those before MESSAGE-INTEGRITY; of several alike the first counts (section 14).
bool TakeAttribute(uint16_t type, std::span<const uint8_t> value, StunMessage* out) {
  switch (type) {
    case kUsername:
      if (!out->username) out->username.emplace(value.begin(), value.end());
      return value.size() <= kMaxUsername;
    case kXorMappedAddress:
      return out->mapped || TakeAddress(value, out);
    case kErrorCode:
      return out->error || TakeError(value, out);
    case kPriority:
    case kUseCandidate:
      return true;  // either end sends by the path it has checked itself
    default:
      if (type < kComprehensionOptional && !out->unknown) out->unknown = type;
      return true;
  }
}

class Parser {
 public:
  explicit Parser(std::span<const uint8_t> bytes) : bytes_(bytes), reader_(bytes) {}

  std::optional<StunMessage> Parse() {
    if (!TakeHeader()) return std::nullopt;
    while (!reader_.AtEnd()) {
      if (!TakeNext()) return std::nullopt;
    }
    return out_;
  }

 private:
  bool TakeHeader() {
    const uint16_t type = reader_.U16(), length = reader_.U16();
    const uint32_t cookie = reader_.U32();
    const auto transaction = reader_.Take(out_.transaction.size());
    if (!reader_.ok() || !IsKind(type) || cookie != kStunCookie || length % 4 != 0) return false;
    if (length != reader_.size() || bytes_.size() > kMaxStun) return false;
    out_.kind = static_cast<StunMessage::Kind>(type);
    std::copy(transaction.begin(), transaction.end(), out_.transaction.begin());
    return true;
  }

  bool TakeNext() {
    const size_t at = bytes_.size() - reader_.size();
    const uint16_t type = reader_.U16(), length = reader_.U16();
    const auto value = reader_.Take(length);
    reader_.Take(Padded(length) - length);
    if (!reader_.ok()) return false;
    if (type == kFingerprint) return TakeFingerprint(at, value);
    if (out_.integrity_at != 0) return true;  // what is behind it is not vouched for
    if (type != kMessageIntegrity) return TakeAttribute(type, value, &out_);
    out_.integrity_at = at;
    return length == kIntegritySize;
  }

  // It is the last one.
  bool TakeFingerprint(size_t at, std::span<const uint8_t> value) {
    if (value.size() != kFingerprintSize || !reader_.AtEnd()) return false;
    return ByteReader(value).U32() == (Crc32(bytes_.first(at)) ^ kFingerprintXor);
  }

  const std::span<const uint8_t> bytes_;
  ByteReader reader_;
  StunMessage out_;
};

// The header's length counts it and nothing behind it.
std::array<uint8_t, kIntegritySize> Integrity(std::span<const uint8_t> bytes, size_t at,
                                              std::string_view password) {
  return HmacSha1(password, UpTo(bytes, at, at + kAttributeHeader + kIntegritySize));
}

void Put(ByteWriter& out, uint16_t type, std::span<const uint8_t> value) {
  out.U16(type).U16(static_cast<uint16_t>(value.size())).Raw(value);
  for (size_t size = value.size(); size % 4 != 0; ++size) out.U8(0);
}

void PutAttributes(ByteWriter& out, const StunMessage& message) {
  if (message.username) {
    Put(out, kUsername,
        {reinterpret_cast<const uint8_t*>(message.username->data()), message.username->size()});
  }
  if (message.mapped) {
    ByteWriter value;
    value.U8(0).U8(kFamilyIpv4).U16(static_cast<uint16_t>(message.mapped->port ^ (kStunCookie >> 16)));
    value.U32(message.mapped->address.value ^ kStunCookie);
    Put(out, kXorMappedAddress, value.bytes());
  }
  if (message.error) {
    ByteWriter value;
    value.U16(0)
        .U8(static_cast<uint8_t>(*message.error / 100))
        .U8(static_cast<uint8_t>(*message.error % 100));
    Put(out, kErrorCode, value.bytes());
  }
}

}  // namespace

std::optional<StunMessage> ParseStun(std::span<const uint8_t> bytes) { return Parser(bytes).Parse(); }

bool HasIntegrity(std::span<const uint8_t> bytes, const StunMessage& message, std::string_view password) {
  if (message.integrity_at == 0) return false;
  const auto claimed = bytes.subspan(message.integrity_at + kAttributeHeader, kIntegritySize);
  return EqualInConstantTime(claimed, Integrity(bytes, message.integrity_at, password));
}

std::vector<uint8_t> WriteStun(const StunMessage& message, std::string_view password) {
  ByteWriter out;
  out.U16(static_cast<uint16_t>(message.kind)).U16(0).U32(kStunCookie).Raw(message.transaction);
  PutAttributes(out, message);
  if (!password.empty()) Put(out, kMessageIntegrity, Integrity(out.bytes(), out.size(), password));
  const size_t whole = out.size() + kAttributeHeader + kFingerprintSize;
  std::vector<uint8_t> bytes = UpTo(out.bytes(), out.size(), whole);
  ByteWriter fingerprint;
  fingerprint.U32(Crc32(bytes) ^ kFingerprintXor);
  ByteWriter tail;
  Put(tail, kFingerprint, fingerprint.bytes());
  bytes.insert(bytes.end(), tail.bytes().begin(), tail.bytes().end());
  return bytes;
}

}  // namespace ov6
