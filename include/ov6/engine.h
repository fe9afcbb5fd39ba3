// SPDX-License-Identifier: Apache-2.0
// A protocol engine: messages, timers and requests in, outputs out. It has no
// socket, no clock and no randomness but the seed it was given: the same seed and
// the same calls give the same outputs, byte for byte. Single-threaded; the owner
// drains NextOutput() after every call and calls OnTimer() at NextDeadline().
#ifndef OV6_ENGINE_H
#define OV6_ENGINE_H

#include <array>
#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <variant>
#include <vector>

#include "ov6/address.h"
#include "ov6/time.h"

namespace ov6 {

using Bytes = std::vector<uint8_t>;
using Key = std::array<uint8_t, 20>;  // 160 bits, network byte order

// --- requests -------------------------------------------------------------
// Store `value` under `key` on the responsible nodes and keep it there (the engine
// re-publishes) until `expires` or a Remove. A newer value of the same owner replaces it.
struct PutRequest {
  uint64_t id = 0;
  Key key{};
  Bytes value;
};
struct RemoveRequest {  // stop re-publishing; what is stored runs out
  uint64_t id = 0;
  Key key{};
};
struct GetRequest {
  uint64_t id = 0;
  Key key{};
};
struct LeaveRequest {};  // hand everything over and say goodbye

using Request = std::variant<PutRequest, RemoveRequest, GetRequest, LeaveRequest>;

// --- outputs --------------------------------------------------------------
struct SendOutput {
  Endpoint to;
  Bytes bytes;
};
enum class GetOutcome { kFound, kAbsent, kUnreachable };  // "absent" and "could not ask" differ
struct GetOutput {
  uint64_t id = 0;
  GetOutcome outcome = GetOutcome::kUnreachable;
  std::vector<Bytes> values;  // every value stored under the key, deduplicated
  int hops = 0;               // nodes asked, the owner included
  bool overflowed = false;    // the key had no room for all: others lie at their ValueInfo::next
  int messages = 0;           // datagrams sent and received for it, repeated ones included
  size_t bytes = 0;           // of their payloads
};
struct PutOutput {
  uint64_t id = 0;
  bool stored = false;  // at least one responsible node holds it
  int replicas = 0;
  bool overflowed = false;  // not under the key that was asked for: that one was full
};
// Members from all around the ring; who keeps them finds it again after a restart. At most one in 30 s.
struct PeersOutput {
  std::vector<Endpoint> peers;
};
struct JoinedOutput {};  // the node is a member of a ring of more than itself, or founded one

// Others agree that this node is at another address than was last said (at first: than it believes): it is
// behind a NAT, or its address has changed. `at` may also be where it believes to be, again.
struct SeenOutput {
  Endpoint at, believed;
};

// Another node, `twin`, has this one's place in the ring: the same address and slot. This one comes in again
// with `slot`, and another JoinedOutput tells when; absent: all are taken, and it stays out until one is
// free.
struct TwinOutput {
  Endpoint twin;
  std::optional<uint8_t> slot;
};

using Output =
    std::variant<SendOutput, GetOutput, PutOutput, JoinedOutput, PeersOutput, SeenOutput, TwinOutput>;

// --- values ---------------------------------------------------------------
// The engine never judges a value itself; whoever makes it hands this in. Called for
// every value that arrives, before it is stored or given out.
struct ValueInfo {
  Bytes owner;            // values of one key compare by sequence only within one owner
  uint64_t sequence = 0;  // higher replaces lower
  Duration lifetime{};    // from now
  uint32_t rank = 0;      // when a key is full the highest rank gives way (of equals, the last owner)
  std::optional<Key> next = std::nullopt;  // where it goes then; nullopt: nowhere
};
using ValueChecker =
    std::function<std::optional<ValueInfo>(const Key&, std::span<const uint8_t> value, BootTime now)>;

class Engine {
 public:
  virtual ~Engine() = default;
  virtual void Start(BootTime now) = 0;
  virtual void OnMessage(BootTime now, const Endpoint& from, std::span<const uint8_t> bytes) = 0;
  virtual void OnTimer(BootTime now) = 0;
  virtual BootTime NextDeadline() const = 0;
  virtual void Submit(BootTime now, Request request) = 0;
  virtual std::optional<Output> NextOutput() = 0;
  // JSON for `ov6ctl slave call NAME state`: position, neighbours, counters.
  virtual std::string StateJson(BootTime now) const = 0;
};

}  // namespace ov6

#endif
