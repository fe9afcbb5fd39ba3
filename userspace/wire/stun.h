// SPDX-License-Identifier: Apache-2.0
// STUN (RFC 8489) as far as direct paths need it: the Binding method, short-term credentials, FINGERPRINT.
// Bytes to values and back; what is taken has right lengths, and a right FINGERPRINT if it has one.
// Attributes that are not understood are skipped if that is allowed, else named by `unknown`.
#ifndef OV6_USERSPACE_WIRE_STUN_H
#define OV6_USERSPACE_WIRE_STUN_H

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "ov6/address.h"

namespace ov6 {

inline constexpr uint32_t kStunCookie = 0x2112a442;
inline constexpr size_t kStunHeader = 20;
inline constexpr size_t kMaxStun = 548;  // bytes; RFC 8489 section 6.1

using StunTransaction = std::array<uint8_t, 12>;

struct StunMessage {
  enum class Kind : uint16_t { kRequest = 0x0001, kIndication = 0x0011, kSuccess = 0x0101, kError = 0x0111 };

  Kind kind = Kind::kRequest;
  StunTransaction transaction{};
  std::optional<std::string> username;  // at most 508 bytes (section 14.3)
  std::optional<Endpoint> mapped;       // XOR-MAPPED-ADDRESS; IPv4 alone
  std::optional<uint16_t> error;        // ERROR-CODE, 300 to 699
  std::optional<uint16_t> unknown;      // the first attribute that must be understood and is not
  size_t integrity_at = 0;              // of MESSAGE-INTEGRITY; 0: there is none
  bool operator==(const StunMessage&) const = default;
};

// nullopt: no STUN message, or one that contradicts itself.
std::optional<StunMessage> ParseStun(std::span<const uint8_t> bytes);
// Whether the message, which ParseStun took, was written by one who knows the password.
bool HasIntegrity(std::span<const uint8_t> bytes, const StunMessage& message, std::string_view password);
// With MESSAGE-INTEGRITY unless the password is empty, and FINGERPRINT; `unknown` and `integrity_at` are not
// written.
std::vector<uint8_t> WriteStun(const StunMessage& message, std::string_view password = {});

}  // namespace ov6

#endif
