// SPDX-License-Identifier: Apache-2.0
// The cryptography ov6 uses, all of it OpenSSL's EVP: Ed25519 (RFC 8032), SHA-1 for
// Chord's ring positions only, SHA-256 for everything that must resist an attacker.
#ifndef OV6_USERSPACE_BASE_CRYPTO_H
#define OV6_USERSPACE_BASE_CRYPTO_H

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace ov6 {

using PublicKey = std::array<uint8_t, 32>;
using Signature = std::array<uint8_t, 64>;

std::array<uint8_t, 20> Sha1(std::span<const uint8_t> bytes);
std::array<uint8_t, 32> Sha256(std::span<const uint8_t> bytes);
bool VerifySignature(const PublicKey& key, std::span<const uint8_t> message, const Signature& signature);

// An Ed25519 key pair. The seed is the 32 bytes of RFC 8032 section 5.1.5.
class PrivateKey {
 public:
  static PrivateKey Generate();
  static absl::StatusOr<PrivateKey> FromSeed(std::span<const uint8_t> seed);
  PrivateKey(PrivateKey&&) noexcept;
  PrivateKey& operator=(PrivateKey&&) noexcept;
  ~PrivateKey();

  const PublicKey& public_key() const { return public_key_; }
  std::array<uint8_t, 32> Seed() const;
  Signature Sign(std::span<const uint8_t> message) const;

 private:
  struct Impl;
  explicit PrivateKey(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
  PublicKey public_key_{};
};

std::string ToHex(std::span<const uint8_t> bytes);
absl::StatusOr<std::string> FromHex(std::string_view text);  // bytes as a string
void FillRandom(std::span<uint8_t> bytes);                   // from the kernel; aborts if it cannot

}  // namespace ov6

#endif
