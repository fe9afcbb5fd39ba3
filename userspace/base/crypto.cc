// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/crypto.h"

#include <openssl/evp.h>
#include <sys/random.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

namespace ov6 {
namespace {

struct FreeKey {
  void operator()(EVP_PKEY* key) const { EVP_PKEY_free(key); }
};
using EvpKey = std::unique_ptr<EVP_PKEY, FreeKey>;

struct FreeContext {
  void operator()(EVP_MD_CTX* context) const { EVP_MD_CTX_free(context); }
};
using EvpContext = std::unique_ptr<EVP_MD_CTX, FreeContext>;

// OpenSSL fails here only when memory is exhausted or its providers are broken.
void Require(bool well) {
  if (!well) std::abort();
}

// To be kept: looking an algorithm up by its name costs more than hashing a few dozen bytes.
const EVP_MD* Fetch(const char* name) {
  const EVP_MD* kind = EVP_MD_fetch(nullptr, name, nullptr);
  Require(kind != nullptr);
  return kind;
}

// Each thread keeps one context for each algorithm: making one costs as much as the hashing.
template <size_t N>
std::array<uint8_t, N> Digest(const EVP_MD* kind, std::span<const uint8_t> bytes) {
  thread_local const EvpContext context(EVP_MD_CTX_new());
  std::array<uint8_t, N> digest;
  unsigned size = 0;
  Require(context && EVP_DigestInit_ex2(context.get(), kind, nullptr) == 1 &&
          EVP_DigestUpdate(context.get(), bytes.data(), bytes.size()) == 1 &&
          EVP_DigestFinal_ex(context.get(), digest.data(), &size) == 1 && size == N);
  return digest;
}

int HexDigit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

}  // namespace

std::array<uint8_t, 20> Sha1(std::span<const uint8_t> bytes) {
  static const EVP_MD* const kind = Fetch("SHA1");
  return Digest<20>(kind, bytes);
}

std::array<uint8_t, 32> Sha256(std::span<const uint8_t> bytes) {
  static const EVP_MD* const kind = Fetch("SHA256");
  return Digest<32>(kind, bytes);
}

bool VerifySignature(const PublicKey& key, std::span<const uint8_t> message, const Signature& signature) {
  const EvpKey evp(EVP_PKEY_new_raw_public_key(EVP_PKEY_ED25519, nullptr, key.data(), key.size()));
  const EvpContext context(EVP_MD_CTX_new());
  if (!evp || !context) return false;
  if (EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, evp.get()) != 1) return false;
  return EVP_DigestVerify(context.get(), signature.data(), signature.size(), message.data(),
                          message.size()) == 1;
}

struct PrivateKey::Impl {
  EvpKey key;
};

PrivateKey::PrivateKey(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {
  size_t size = public_key_.size();
  Require(EVP_PKEY_get_raw_public_key(impl_->key.get(), public_key_.data(), &size) == 1);
}

PrivateKey::PrivateKey(PrivateKey&&) noexcept = default;
PrivateKey& PrivateKey::operator=(PrivateKey&&) noexcept = default;
PrivateKey::~PrivateKey() = default;

PrivateKey PrivateKey::Generate() {
  std::array<uint8_t, 32> seed;
  FillRandom(seed);
  return *FromSeed(seed);
}

absl::StatusOr<PrivateKey> PrivateKey::FromSeed(std::span<const uint8_t> seed) {
  if (seed.size() != 32) {
    return absl::InvalidArgumentError("an Ed25519 seed has 32 bytes, not " + std::to_string(seed.size()));
  }
  EvpKey key(EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, seed.data(), seed.size()));
  if (!key) return absl::InternalError("OpenSSL refuses Ed25519 keys");
  return PrivateKey(std::make_unique<Impl>(Impl{std::move(key)}));
}

std::array<uint8_t, 32> PrivateKey::Seed() const {
  std::array<uint8_t, 32> seed;
  size_t size = seed.size();
  Require(EVP_PKEY_get_raw_private_key(impl_->key.get(), seed.data(), &size) == 1);
  return seed;
}

Signature PrivateKey::Sign(std::span<const uint8_t> message) const {
  const EvpContext context(EVP_MD_CTX_new());
  Require(context && EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, impl_->key.get()) == 1);
  Signature signature;
  size_t size = signature.size();
  Require(EVP_DigestSign(context.get(), signature.data(), &size, message.data(), message.size()) == 1);
  return signature;
}

std::string ToHex(std::span<const uint8_t> bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const uint8_t byte : bytes) {
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

absl::StatusOr<std::string> FromHex(std::string_view text) {
  if (text.size() % 2 != 0)
    return absl::InvalidArgumentError("hexadecimal text has an even number of digits");
  std::string bytes;
  for (size_t i = 0; i < text.size(); i += 2) {
    const int high = HexDigit(text[i]), low = HexDigit(text[i + 1]);
    if (high < 0 || low < 0) {
      return absl::InvalidArgumentError("'" + std::string(text.substr(i, 2)) + "' is not hexadecimal");
    }
    bytes += static_cast<char>(high << 4 | low);
  }
  return bytes;
}

void FillRandom(std::span<uint8_t> bytes) {
  while (!bytes.empty()) {
    const ssize_t got = getrandom(bytes.data(), bytes.size(), 0);
    if (got < 0 && errno == EINTR) continue;
    Require(got > 0);
    bytes = bytes.subspan(static_cast<size_t>(got));
  }
}

}  // namespace ov6
