// SPDX-License-Identifier: Apache-2.0
// What a prefix that moves from one router to another needs of both and of who sends there (docs/peering.md).
// The new place finds the old one by the record that the DHT has, and notifies it, of an address that is only
// awaited too: so all that takes time is done when it comes. The old one has the master
// hand the prefix over, relays what still comes, names its correspondents to the new place and tells senders;
// the new one notifies the correspondents. Who has heard of none of it, because two moves crossed or the old
// place could not be reached, reads it in the DHT before it renews its record. A router whose own address
// changes notifies its own. Everybody takes a notification only of what he serves or sends to, and only with
// a valid record that is newer.
#ifndef OV6_SLAVES_DHT_MOBILITY_H
#define OV6_SLAVES_DHT_MOBILITY_H

#include <boost/json/fwd.hpp>
#include <deque>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "ov6/move.h"
#include "slaves/dht/dht_slave.h"
#include "slaves/dht/notifier.h"
#include "slaves/dht/record_query.h"
#include "slaves/dht/registrar.h"

namespace ov6 {

class Mobility {
 public:
  static constexpr size_t kMaxMoved = 64;                         // at once, from here
  static constexpr size_t kMaxNamed = 8192;                       // correspondents of what moved here
  static constexpr size_t kMaxAskers = 8192;                      // the last of them
  static constexpr double kVerifyRate = 200, kVerifyBurst = 100;  // notifications whose signatures are tried

  struct Counters {
    uint64_t formers = 0;      // prefixes of ours that were at another place before
    uint64_t handed_over = 0;  // prefixes that another place has now
    uint64_t gave_way = 0;     // of them, where the DHT told us and not that place
    uint64_t learned = 0;      // of others' prefixes, newer records than what was known
    uint64_t named = 0;        // correspondents that an old place named to us
    uint64_t told = 0;         // senders that came to the old place
    uint64_t old = 0;          // notifications of what is known already, or older
    uint64_t unasked = 0;      // .. of what is no concern of ours
    uint64_t refused = 0;      // .. whose record is not good, or not from where it says
    uint64_t limited = 0;
  };
  // `source`: the address of ours that it leaves from; absent: the route's. False: it did not leave.
  using Send = std::function<bool(const Endpoint& to, const Bytes&, std::optional<Ipv4> source)>;
  struct Parts {
    Session& session;
    Registrar& registrar;
    DhtSlave& slave;
    LocatorProver& prover;
    Notifier& notifier;
    RecordQuery& query;
    Send send;
    DhtClock clock;
  };

  Mobility(const DhtConfig& config, Parts parts);

  void Reconfigure(const DhtConfig& config);
  void OnJoined();
  // NOTIFY, NOTIFIED, NAME and NAMED, that came to the address `at` of ours.
  void OnMessage(const Endpoint& from, Ipv4 at, const PeeringMessage& message);
  // Whoever has our locator prove itself sends there from then on, though nothing of his may have come.
  void OnAsked(const Endpoint& from, const Prefix& prefix);
  void OnProofs();  // locators have been proven, or not
  void OnRelayed(const Ipv6& destination, Ipv4 peer);

  const Counters& counters() const { return counters_; }
  boost::json::object StateJson() const;

 private:
  struct Former {
    std::vector<Endpoint> places;
    BootTime until{};
    uint64_t above = 0;    // of the record of then
    bool awaited = false;  // it has not come yet: nothing is claimed
  };
  struct Moved {
    Endpoint to;
    Ipv4 at;                        // where it was said to us
    std::optional<uint64_t> nonce;  // absent: it was not said, but read
    Bytes record;
    Record decoded;
    BootTime until{};
    bool awaited = false;  // there, still
    bool asked = false;    // the master
    bool handed_over = false;
  };

  void FindFormers();
  void Claim(const Prefix& prefix);
  void OnFormer(const Prefix& prefix, const ResolveOutput& output);
  void OnFormerAccepted(const Prefix& prefix, uint64_t above, const std::vector<Endpoint>& places);
  void OnArrived();
  bool IsAwaited(const Prefix& prefix) const;
  void NotifyFormer(const Prefix& prefix);
  void NotifyCorrespondents(const Prefix& prefix);
  void OnSigned(const Prefix& prefix, bool elsewhere);
  void OnInstalled(const Record& record);
  void NotifyAskers(const Prefix& prefix, const Bytes& record);
  void NotifyOwner(const Record& correspondent, const Prefix& prefix, const Bytes& record);

  bool OnNotify(const Endpoint& from, const PeeringMessage& message);  // true: answered "of use"
  void OnDue(const Prefix& prefix);
  void OnRead(const Prefix& prefix, const std::set<Bytes>& values);
  void OnClaimed(const Endpoint& from, Ipv4 at, const PeeringMessage& message);
  void OnClaimedAgain(const Endpoint& from, Ipv4 at, const PeeringMessage& message, Moved* moved);
  bool MayTakeOver(const Endpoint& from, const Record& record) const;
  void HandOver(const Prefix& prefix);
  void OnHandedOver(const Prefix& prefix, const absl::Status& status);
  bool OnNews(const Endpoint& from, const PeeringMessage& message, const Record& known);
  void OnMovedOn(const Record& record, const Bytes& bytes);
  bool OnName(const Endpoint& from, const Prefix& prefix);
  std::optional<Record> Verify(const PeeringMessage& message);
  void Answer(const Endpoint& to, Ipv4 at, const PeeringMessage& message, bool yes);

  bool IsOurs(Ipv4 address) const;
  std::vector<Endpoint> PlacesElsewhere(const Record& record) const;
  std::vector<const Record*> Correspondents() const;
  void Expire();

  DhtConfig config_;
  Parts parts_;
  bool joined_ = false;
  std::set<Prefix> searching_;        // what was here or elsewhere before
  std::set<Prefix> reading_;          // before a renewal
  std::map<Prefix, Former> formers_;  // of our prefixes
  std::map<Prefix, BootTime> named_;  // correspondents, until when they are to be notified
  std::map<Prefix, Moved> moved_;     // from here
  using Asker = std::pair<Prefix, Endpoint>;
  std::map<Asker, BootTime> askers_;                 // until when the proof holds
  std::deque<std::pair<BootTime, Asker>> asked_at_;  // the same, the oldest first
  TokenBucket verify_budget_{kVerifyRate, kVerifyBurst};
  Counters counters_;
};

}  // namespace ov6

#endif
