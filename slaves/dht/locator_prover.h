// SPDX-License-Identifier: Apache-2.0
// Locators prove themselves before traffic goes to them: whoever answers at a record's
// control port is asked whether the prefix is his. So a record can't turn our traffic on
// somebody who never asked for it (RFC 9301's RLOC-probe; the return routability of RFC
// 9000 section 8.2). All locators of a record are asked at once; what was proven holds for
// kProofLifetime and is asked about again when it is used in the second half of that. Pure:
// time, nonces and the way out are handed in.
#ifndef OV6_SLAVES_DHT_LOCATOR_PROVER_H
#define OV6_SLAVES_DHT_LOCATOR_PROVER_H

#include <functional>
#include <map>
#include <utility>
#include <vector>

#include "slaves/dht/peering_codec.h"
#include "userspace/wire/record.h"

namespace ov6 {

class LocatorProver {
 public:
  static constexpr Duration kProofLifetime = std::chrono::minutes(10);
  static constexpr Duration kFailureLifetime = std::chrono::seconds(2);   // not asked again before
  static constexpr Duration kFirstWait = std::chrono::milliseconds(250);  // for an answer; doubles
  static constexpr int kTries = 3;
  static constexpr Duration kPresumed = std::chrono::milliseconds(250);
  static constexpr Duration kPresumedAgain = std::chrono::minutes(10);  // if it was not proven since
  static constexpr size_t kMaxPresumed = 1024;
  static constexpr size_t kMaxQuestions = 1024;  // under way
  static constexpr size_t kMaxProofs = 16384;

  struct Counters {
    uint64_t probes = 0;      // sent, repetitions included
    uint64_t proven = 0;      // locators
    uint64_t denied = 0;      // "not mine", from whom we asked
    uint64_t unanswered = 0;  // given up on
    uint64_t unexpected = 0;  // answers to no question, or from somebody else
    uint64_t overflow = 0;    // not asked: too many questions under way
    uint64_t presumed = 0;    // prefixes whose traffic followed before the proof
  };
  using Send = std::function<void(const Endpoint&, const Bytes&)>;

  LocatorProver(Send send, std::function<uint64_t()> nonce) : send_(std::move(send)), nonce_(nonce) {}

  enum class State { kProven, kAsking, kFailed };
  // kProven: some locator of the record is; kAsking: its prefix will be among TakeSettled().
  State Prove(BootTime now, const Record& record);
  bool Asking(const Prefix& prefix) const;
  bool Proven(BootTime now, const Prefix& prefix, Ipv4 address) const;
  // The owner of the prefix, whose former place was proven, says from a new one that he is there now: traffic
  // follows him for kPresumed, while he is asked (as RFC 4866's credit, bounded by time).
  void Presume(BootTime now, const Prefix& prefix, const Endpoint& place);
  bool Presumed(BootTime now, const Prefix& prefix, Ipv4 address) const;

  void OnProbed(BootTime now, const Endpoint& from, const PeeringMessage& message);
  void OnTimer(BootTime now);
  BootTime NextDeadline() const;
  // Prefixes of which a locator was proven or given up on since the last call.
  std::vector<Prefix> TakeSettled() { return std::exchange(settled_, {}); }

  const Counters& counters() const { return counters_; }

 private:
  using Place = std::pair<Prefix, Endpoint>;  // at the control port
  struct Question {
    uint64_t nonce = 0;
    int sent = 0;
    BootTime next{};
  };
  struct Verdict {
    bool proven = false;
    BootTime until{};
  };

  State Ask(BootTime now, const Place& place);
  State StateOf(BootTime now, const Place& place) const;
  void SendProbe(BootTime now, const Place& place, Question* question);
  void Settle(const Place& place, Verdict verdict);

  Send send_;
  std::function<uint64_t()> nonce_;
  std::map<Place, Question> questions_;
  std::map<Place, Verdict> verdicts_;
  std::map<Prefix, std::pair<Ipv4, BootTime>> presumed_;  // since when
  std::vector<Prefix> settled_;
  Counters counters_;
};

}  // namespace ov6

#endif
