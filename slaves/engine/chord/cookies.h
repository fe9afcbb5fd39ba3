// SPDX-License-Identifier: Apache-2.0
// Who says that a datagram comes from an address it can read at (as RFC 7873 and QUIC's address validation):
// each node hands every asker a cookie that follows from the asker's address and a secret, and acts for who
// sends it back. Nothing is kept of askers; of those asked, their cookies, bounded.
#ifndef OV6_SLAVES_ENGINE_CHORD_COOKIES_H
#define OV6_SLAVES_ENGINE_CHORD_COOKIES_H

#include <array>
#include <cstdint>

#include "absl/container/flat_hash_map.h"
#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6::chord {

using Secret = std::array<uint8_t, 32>;

class Cookies {
 public:
  static constexpr Duration kEpoch = std::chrono::hours(1);  // a cookie is right in its own and the next
  static constexpr size_t kMaxKnown = 16384;

  explicit Cookies(const Secret& secret) : secret_(secret) {}

  uint64_t For(BootTime now, const Endpoint& asker) const;  // never 0
  bool Right(BootTime now, const Endpoint& asker, uint64_t cookie) const;

  void Learn(const Endpoint& peer, uint64_t cookie);
  uint64_t Known(const Endpoint& peer) const;  // 0: none

  // Ids of requests: nobody but who is asked can answer.
  uint64_t NextRpc();

 private:
  uint64_t Mac(char purpose, uint64_t number, const Endpoint& endpoint) const;

  Secret secret_;
  uint64_t rpcs_ = 0;
  absl::flat_hash_map<Endpoint, uint64_t> known_;
};

}  // namespace ov6::chord

#endif
