// SPDX-License-Identifier: Apache-2.0
// Keeps this router's prefixes registered: a record for each, signed by the master (who
// has the key), put into the DHT when the node is a member, renewed at half its
// lifetime, at once when the locators change, and again whenever the node joins anew. A
// prefix can be held back until it is known whether it comes from another place, and each time before it is
// renewed until it is known whether it has gone to one.
// The sequence is Unix time in milliseconds, or one more than the last if the clock was
// set back, so that a restarted slave wins over what its predecessor stored.
#ifndef OV6_SLAVES_DHT_REGISTRAR_H
#define OV6_SLAVES_DHT_REGISTRAR_H

#include <algorithm>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "slaves/dht/dht_clock.h"
#include "slaves/dht/dht_config.h"
#include "slaves/runtime/session.h"

namespace ov6 {

class Registrar {
 public:
  static constexpr Duration kFirstRetry = std::chrono::seconds(1);
  static constexpr Duration kLongestRetry = std::chrono::seconds(30);
  // After joining, the same record is put again after 1, 2, 4, .. s: while a ring grows, a value can go to a
  // node that is just handing over its part of the ring.
  static constexpr Duration kFirstAgain = std::chrono::seconds(1);
  static constexpr Duration kLastAgain = std::chrono::seconds(32);
  // After the DHT has taken a prefix for the first time it is renewed early: had it just moved on when it
  // came here, nobody else would say so.
  static constexpr Duration kFirstRenewal = std::chrono::seconds(30);
  // Ids of its PutRequests count up from here; the resolver's start far above.
  static constexpr uint64_t kFirstRequest = 1;

  struct Counters {
    uint64_t signed_records = 0;
    uint64_t sign_refused = 0;
    uint64_t stored = 0;
    uint64_t store_failed = 0;
  };

  Registrar(const DhtConfig& config, Session& session, SubmitRequest submit, DhtClock clock);

  void OnJoined();  // the engine is a member: put all
  void OnPut(const PutOutput& output);
  using Respond = std::function<void(absl::StatusOr<std::string>)>;
  // From now on the record for the prefix has no locators: nobody is to send here for it. Also of a prefix
  // inside this router's own that a delegate registered. Lasts until Renew or a restart; answers when the DHT
  // holds it.
  void Revoke(const Prefix& prefix, Respond respond);
  void Renew(const Prefix& prefix, Respond respond);
  // Registrations, delegations or locators are others now: what is new is held back, what has gone is
  // signed no more, and what is left is signed at once if the locators changed.
  void Reconfigure(const DhtConfig& config);
  // From now on each prefix is held back, those there are too; and `due` is called, again and again, of what
  // is held back before it is renewed.
  void HoldBack(std::function<void(const Prefix&)> due);
  // Its record gets a sequence above that, and ..
  void Raise(const Prefix& prefix, uint64_t above);
  // .. is put.
  void Release(const Prefix& prefix, uint64_t above = 0);
  // Those that are held back since they came here.
  std::vector<Prefix> Held() const;
  // The DHT has taken a record of it from here.
  bool Settled(const Prefix& prefix) const;
  // Answers when the DHT holds the record, or on the next failure.
  void AwaitStored(const Prefix& prefix, Respond respond);
  // Called when there is a new record; `elsewhere`: the first, or with other locators than the last.
  void WhenSigned(std::function<void(const Prefix&, bool elsewhere)> then) { on_signed_ = std::move(then); }
  void OnTimer();
  BootTime NextDeadline() const;

  // Whether this router is where traffic for the prefix should come.
  bool Serves(const Prefix& prefix) const;
  // The longest such prefix around it.
  std::optional<Prefix> ServesAround(const Prefix& prefix) const;
  const Bytes* RecordOf(const Prefix& prefix) const;  // signed; nullptr: none
  // Records the DHT is known to hold, and those of them that revoke.
  size_t registered() const;
  size_t revoked() const;
  // Of what was signed last, to be handed to Resume after a restart: no record of then is newer than one from
  // now on, though the clock was set back.
  uint64_t last_sequence() const { return last_sequence_; }
  void Resume(uint64_t last_sequence) { last_sequence_ = std::max(last_sequence_, last_sequence); }
  const Counters& counters() const { return counters_; }

 private:
  struct Registration {
    Bytes record;  // signed; empty: none yet
    bool signing = false;
    bool outdated = false;  // what is being signed is no longer what is wanted
    bool stored = false;
    uint64_t put = 0;  // id of the put under way, 0: none
    BootTime next{};   // when to sign anew
    Duration retry = kFirstRetry;
    BootTime again = BootTime::max();  // when to put the same record once more
    Duration again_delay = kFirstAgain;
    bool revoked = false;
    bool held = false;
    bool due = false;      // .. before it is renewed
    bool at_once = false;  // what is signed next is no renewal
    bool settled = false;
    uint64_t sequence = 0;          // of the last record, or of the one being signed
    int replicas = 0;               // of what is stored
    std::vector<Locator> locators;  // that the last record names
    std::vector<Respond> waiting;   // for the next answer of the DHT
  };

  bool HoldsBack(const Registration& registration) const;
  void Hold(const Prefix& prefix);
  void Sign(const Prefix& prefix, Registration* registration);
  void OnSigned(const Prefix& prefix, const Bytes& unsigned_record,
                const absl::StatusOr<std::string>& result);
  void Put(const Prefix& prefix, Registration* registration);
  void PutAgain(const Prefix& prefix, Registration* registration);
  void Retry(Registration* registration);
  Record MakeRecord(const Prefix& prefix, bool revoked);
  const DelegationToken* TokenFor(const Prefix& prefix) const;
  void Answer(const Prefix& prefix, Registration* registration, const absl::StatusOr<std::string>& answer);
  void SignAnew(Registration* registration);

  DhtConfig config_;
  Session& session_;
  SubmitRequest submit_;
  DhtClock clock_;
  std::map<Prefix, Registration> registrations_;
  bool joined_ = false;
  std::function<void(const Prefix&)> on_due_;  // empty: nothing is held back
  uint64_t next_request_ = kFirstRequest;
  uint64_t last_sequence_ = 0;
  std::function<void(const Prefix&, bool elsewhere)> on_signed_ = [](const Prefix&, bool) {};
  Counters counters_;
};

}  // namespace ov6

#endif
