// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/hmac.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

#include <cstdlib>

namespace ov6 {

std::array<uint8_t, 20> HmacSha1(std::string_view key, std::span<const uint8_t> bytes) {
  std::array<uint8_t, 20> mac;
  unsigned size = 0;
  // It fails only when memory is exhausted or OpenSSL's providers are broken.
  if (HMAC(EVP_sha1(), key.data(), static_cast<int>(key.size()), bytes.data(), bytes.size(), mac.data(),
           &size) == nullptr ||
      size != mac.size())
    std::abort();
  return mac;
}

bool EqualInConstantTime(std::span<const uint8_t> a, std::span<const uint8_t> b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

}  // namespace ov6
