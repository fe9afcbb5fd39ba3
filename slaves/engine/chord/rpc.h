// SPDX-License-Identifier: Apache-2.0
// Requests under way to peers: retransmission with back-off from each peer's own
// round-trip times (mean + 4 variations, as RFC 6298), and who may answer: only the
// endpoint that was asked, with the id and incarnation that were meant.
#ifndef OV6_SLAVES_ENGINE_CHORD_RPC_H
#define OV6_SLAVES_ENGINE_CHORD_RPC_H

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <utility>

#include "absl/container/flat_hash_map.h"
#include "slaves/engine/chord/codec.h"
#include "slaves/engine/chord/peer.h"

namespace ov6::chord {

struct RpcConfig {
  Duration initial = std::chrono::milliseconds(250);
  Duration min = std::chrono::milliseconds(150);
  Duration max = std::chrono::seconds(2);
  int tries = 3;
  size_t max_rpcs = 16384;
  size_t max_peers = 4096;  // whose round-trip times are remembered
};

// RFC 6298 with the minimum and maximum handed in.
class RoundTrip {
 public:
  void Add(Duration sample);
  Duration Timeout(const RpcConfig& config) const;
  // After which an answer is later than usual: a quarter more than the mean at least.
  Duration Late() const { return mean_ + std::max(4 * variation_, mean_ / 4); }
  Duration mean() const { return mean_; }
  bool any() const { return any_; }

 private:
  bool any_ = false;
  Duration mean_{}, variation_{};
};

class Rpcs {
 public:
  // The answer, or nullptr: the peer counts as dead, or another node answered in its place.
  using Done = std::function<void(const Message*)>;
  using Send = std::function<void(const Endpoint&, const Bytes&)>;
  struct Cost {  // datagrams both ways, and their payloads
    int messages = 0;
    size_t bytes = 0;
    void Add(size_t size) {
      ++messages;
      bytes += size;
    }
  };
  struct Options {
    int tries = 0;  // 0: as configured
    // Once, when the answer is late: by the peer's own round trips or, if it was never asked, by everybody's.
    std::function<void()> on_delay = nullptr;
    std::shared_ptr<Cost> cost = nullptr;  // kept up to date, if there is one
  };
  enum class Match { kMatched, kUnsolicited, kIdMismatch };

  Rpcs(RpcConfig config, Send send) : config_(config), send_(std::move(send)) {}

  // `to` without an id (all zero): whoever answers there. False: too many under way, `done` is not kept.
  bool Start(BootTime now, uint64_t id, const Peer& to, Bytes bytes, Done done, Options options);
  // Calls `done` last, when the request is forgotten already.
  Match OnReply(BootTime now, const Endpoint& from, const Message& reply, size_t size);
  // The bytes of a request to this endpoint that has not been challenged yet, else nullptr.
  const Bytes* Challenged(uint64_t id, const Endpoint& from) const;
  // In its place, and from now on: what it waits for is the answer to these.
  void SendAgain(BootTime now, uint64_t id, Bytes bytes);
  void OnTimer(BootTime now);
  BootTime NextDeadline() const;
  void Clear();
  // The mean round-trip time, if the peer has been asked before.
  std::optional<Duration> RoundTripOf(const Endpoint& peer) const;

  size_t size() const { return calls_.size(); }
  uint64_t retransmitted() const { return retransmitted_; }
  uint64_t timed_out() const { return timed_out_; }

 private:
  struct Call {
    Peer to;
    Bytes bytes;
    Done done;
    Options options;
    int sent = 1;
    bool challenged = false;
    BootTime first{};
    BootTime deadline{};
    Duration rto{};
    Duration patience{};              // before it is late
    BootTime late = BootTime::max();  // when it is; or it is already, or nobody wants to know
    BootTime Next() const { return std::min(deadline, late); }
  };

  void SendNow(const Call& call);
  void Arm(uint64_t id, Call* call, BootTime deadline, BootTime late);
  void TellLate(uint64_t id);
  void Expire(BootTime now, uint64_t id);
  Duration Patience(const Endpoint& peer, Duration rto) const;
  Call Take(uint64_t id);
  void Sample(const Endpoint& peer, Duration rtt);

  RpcConfig config_;
  Send send_;
  std::map<uint64_t, Call> calls_;
  std::set<std::pair<BootTime, uint64_t>> deadlines_;
  absl::flat_hash_map<Endpoint, RoundTrip> round_trips_;
  RoundTrip everybody_;
  uint64_t retransmitted_ = 0;
  uint64_t timed_out_ = 0;
};

}  // namespace ov6::chord

#endif
