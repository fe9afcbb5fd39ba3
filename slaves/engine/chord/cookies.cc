// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/cookies.h"

#include "slaves/engine/chord/evict.h"
#include "userspace/base/bytes.h"
#include "userspace/base/crypto.h"

namespace ov6::chord {
namespace {

uint64_t EpochOf(BootTime now) { return static_cast<uint64_t>(now.time_since_epoch() / Cookies::kEpoch); }

}  // namespace

// All that goes in is of a fixed length, so that nothing can be put behind it.
uint64_t Cookies::Mac(char purpose, uint64_t number, const Endpoint& endpoint) const {
  ByteWriter out;
  out.Raw(secret_)
      .U8(static_cast<uint8_t>(purpose))
      .U64(number)
      .U32(endpoint.address.value)
      .U16(endpoint.port);
  const auto hash = Sha256(out.bytes());
  const uint64_t mac = ByteReader(hash).U64();
  return mac == 0 ? 1 : mac;
}

uint64_t Cookies::For(BootTime now, const Endpoint& asker) const { return Mac('c', EpochOf(now), asker); }

bool Cookies::Right(BootTime now, const Endpoint& asker, uint64_t cookie) const {
  if (cookie == 0) return false;
  const uint64_t epoch = EpochOf(now);
  return cookie == Mac('c', epoch, asker) || (epoch > 0 && cookie == Mac('c', epoch - 1, asker));
}

void Cookies::Learn(const Endpoint& peer, uint64_t cookie) {
  if (cookie == 0) return;
  const auto known = known_.find(peer);
  if (known != known_.end()) return void(known->second = cookie);
  if (known_.size() >= kMaxKnown) EvictLowest(&known_);
  known_[peer] = cookie;
}

uint64_t Cookies::Known(const Endpoint& peer) const {
  const auto it = known_.find(peer);
  return it == known_.end() ? 0 : it->second;
}

uint64_t Cookies::NextRpc() { return Mac('r', ++rpcs_, {}); }

}  // namespace ov6::chord
