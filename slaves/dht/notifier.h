// SPDX-License-Identifier: Apache-2.0
// Tells other routers' slaves what they should know, each until he says that he has heard it: NOTIFY and
// NAME of docs/peering.md. Paced and bounded; what is newer replaces what was still to be said. Pure: time,
// nonces and the way out are handed in.
#ifndef OV6_SLAVES_DHT_NOTIFIER_H
#define OV6_SLAVES_DHT_NOTIFIER_H

#include <functional>
#include <map>
#include <set>
#include <tuple>
#include <utility>

#include "slaves/dht/peering_codec.h"
#include "userspace/base/token_bucket.h"

namespace ov6 {

class Notifier {
 public:
  static constexpr Duration kFirstWait = std::chrono::milliseconds(250);  // for an answer; doubles
  static constexpr int kTries = 4;
  // What did not leave is tried again so soon: a new address comes before the route.
  static constexpr Duration kUnsentWait = std::chrono::milliseconds(10);
  static constexpr int kMostUnsent = 200;
  static constexpr size_t kMost = 8192;                            // to be said or not yet answered
  static constexpr double kRate = 1000, kBurst = 200;              // datagrams a second
  static constexpr Duration kPace = std::chrono::milliseconds(5);  // until the next look at the budget

  struct Counters {
    uint64_t sent = 0;        // datagrams, repeated ones included
    uint64_t heard = 0;       // answered "of use"
    uint64_t useless = 0;     // answered "of no use"
    uint64_t unanswered = 0;  // given up on
    uint64_t overflow = 0;    // not said: too much was to be said
  };
  using Send = std::function<bool(const Endpoint&, const Bytes&)>;  // false: it did not leave

  Notifier(Send send, std::function<uint64_t()> nonce) : send_(std::move(send)), nonce_(std::move(nonce)) {}

  // `awaited`: that it is about to come. To be followed by that it has.
  void Notify(BootTime now, const Endpoint& to, const Prefix& prefix, const Bytes& record,
              bool awaited = false);
  void Name(BootTime now, const Endpoint& to, const Prefix& correspondent);
  // A NOTIFIED or NAMED. Anything that answers nothing is ignored.
  void OnAnswer(const Endpoint& from, const PeeringMessage& message);
  void OnTimer(BootTime now);
  BootTime NextDeadline() const;
  const Counters& counters() const { return counters_; }

 private:
  using Place = std::tuple<Endpoint, PeeringType, Prefix>;
  struct Said {
    PeeringMessage message;
    int sent = 0, unsent = 0;
    BootTime next{};
  };

  void Say(BootTime now, const Endpoint& to, PeeringMessage message);
  void Forget(std::map<Place, Said>::iterator said);

  Send send_;
  std::function<uint64_t()> nonce_;
  std::map<Place, Said> said_;
  std::set<std::pair<BootTime, Place>> due_;
  TokenBucket budget_{kRate, kBurst};
  BootTime paced_{};  // not before
  Counters counters_;
};

}  // namespace ov6

#endif
