// SPDX-License-Identifier: Apache-2.0
// HMAC-SHA1 (RFC 2104), as STUN's MESSAGE-INTEGRITY asks for it. Its strength does not rest on what SHA-1 has
// lost.
#ifndef OV6_USERSPACE_BASE_HMAC_H
#define OV6_USERSPACE_BASE_HMAC_H

#include <array>
#include <cstdint>
#include <span>
#include <string_view>

namespace ov6 {

std::array<uint8_t, 20> HmacSha1(std::string_view key, std::span<const uint8_t> bytes);
// Takes as long for the first wrong byte as for the last.
bool EqualInConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b);

}  // namespace ov6

#endif
