// SPDX-License-Identifier: Apache-2.0
// How a router behind NAT, which is no member of the ring, gets a direct path to one that is and sends to it
// by its master, or to a router behind NAT whose master that one is: its master tells that one by what to
// know the other's checks, and brings back what to name in its own (docs/peering.md, MEET). Both sides of
// that; the checks are ov6d's. A correspondent keeps nothing of who has not shown that he is at his address,
// and believes the master only of what its record names it for. Bounded. Pure: time, nonces and the way out
// are handed in.
#ifndef OV6_SLAVES_DHT_MEETINGS_H
#define OV6_SLAVES_DHT_MEETINGS_H

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <string>

#include "slaves/dht/dht_slave.h"
#include "slaves/dht/registrar.h"
#include "userspace/base/token_bucket.h"

namespace ov6 {

class Meetings {
 public:
  static constexpr Duration kFirstWait = std::chrono::milliseconds(250);  // for an answer; doubles
  static constexpr int kTries = 3;
  static constexpr size_t kMost = 256;                        // asked and not answered
  static constexpr double kRate = 20, kBurst = 50;            // that ov6d is told of, a second
  static constexpr double kFindRate = 2, kFindBurst = 10;     // looked up for a meeting, a second
  static constexpr Duration kTurn = std::chrono::minutes(1);  // cookies of the last two are good

  struct Counters {
    uint64_t asked = 0;       // by our ov6d, for a site elsewhere
    uint64_t agreed = 0;      // .. and answered well
    uint64_t unanswered = 0;  // .. given up on: an older router
    uint64_t unexpected = 0;  // answers to no question
    uint64_t met = 0;         // that others asked of us, and ov6d took
    uint64_t challenged = 0;  // .. without a good cookie
    uint64_t unknown = 0;     // .. of a prefix that we have to look up: not answered
    uint64_t refused = 0;     // .. by who is not what the prefix's record names, or by ov6d
    uint64_t limited = 0;
  };
  using Respond = std::function<void(absl::StatusOr<std::string>)>;
  using Send = std::function<bool(const Endpoint& to, const Bytes&, std::optional<Ipv4> source)>;
  struct Parts {
    Session& session;
    const Registrar& registrar;
    DhtSlave& slave;
    const LocatorProver* prover;  // nullptr: the domain asks for no proofs
    Send send;
    std::function<uint64_t()> nonce;
    DhtClock clock;
  };

  explicit Meetings(Parts parts);

  // The call `meet`: argument and result as docs/slave-protocol.md section 3.
  void OnCall(const std::string& argument, Respond respond);
  // MEET and MET, that came to the address `at` of ours.
  void OnMessage(const Endpoint& from, Ipv4 at, const PeeringMessage& message);
  void OnTimer();
  BootTime NextDeadline() const;

  const Counters& counters() const { return counters_; }
  boost::json::object StateJson() const;

 private:
  struct Question {
    Endpoint to;
    PeeringMessage message;
    Respond respond;
    int sent = 0;
    BootTime next{};
  };

  absl::StatusOr<PeeringMessage> QuestionIn(const std::string& argument) const;
  std::optional<Endpoint> PlaceOf(const Prefix& prefix) const;
  bool Find(const Prefix& prefix);
  void Say(Question& question);
  void OnAnswer(const Endpoint& from, const PeeringMessage& message);
  void OnQuestion(const Endpoint& from, Ipv4 at, const PeeringMessage& message);
  void Agree(const Endpoint& to, Ipv4 at, const PeeringMessage& question, const std::string& answer);
  void SayNo(const Endpoint& to, Ipv4 at, const PeeringMessage& question, uint64_t cookie = 0);
  uint64_t Cookie(const Endpoint& from, const Prefix& prefix, int64_t turn) const;
  int64_t Turn() const { return parts_.clock.boot().time_since_epoch() / kTurn; }

  Parts parts_;
  const std::string secret_;                // of the cookies
  std::map<uint64_t, Question> questions_;  // by nonce
  TokenBucket budget_{kRate, kBurst}, find_budget_{kFindRate, kFindBurst};
  Counters counters_;
};

}  // namespace ov6

#endif
