// SPDX-License-Identifier: Apache-2.0
// The judge an engine asks about every value: a signed record of this domain, stored
// under a key it belongs to. Owner: the claim (ClaimOf). Of two claims to one prefix by different roots the
// first that was seen stays for as long as its records hold, and the other is refused and counted: an alarm.
#ifndef OV6_SLAVES_DHT_RECORD_CHECKER_H
#define OV6_SLAVES_DHT_RECORD_CHECKER_H

#include <boost/json/fwd.hpp>
#include <deque>
#include <functional>
#include <map>
#include <memory>

#include "ov6/engine.h"
#include "userspace/wire/record_verifier.h"

namespace ov6 {

class RecordChecker {
 public:
  static constexpr size_t kMostClaims = 16384;
  static constexpr size_t kMostAlarms = 16;  // spelled out; the counter has them all

  struct Alarm {
    Prefix prefix;
    PublicKey first{}, second{};
    UnixTime at{};  // when it was seen last
  };

  RecordChecker(const Domain& domain, std::function<UnixTime()> wall)
      : RecordChecker(std::make_shared<RecordVerifier>(domain), std::move(wall)) {}
  // Checkers of one process may share a verifier: a signature is right or not, whoever asks.
  RecordChecker(std::shared_ptr<RecordVerifier> verifier, std::function<UnixTime()> wall)
      : verifier_(std::move(verifier)), wall_(std::move(wall)) {}

  // nullopt: not to be stored, nor given out.
  std::optional<ValueInfo> Check(const Key& key, std::span<const uint8_t> value);

  const std::shared_ptr<RecordVerifier>& verifier() const { return verifier_; }
  const RecordVerifier::Counters& counters() const { return verifier_->counters(); }
  uint64_t second_claims() const { return second_claims_; }
  uint64_t misplaced() const { return misplaced_; }
  const std::deque<Alarm>& alarms() const { return alarms_; }

 private:
  struct Holder {
    PublicKey root{};
    UnixTime until{};
  };

  bool IsFirst(const Record& record, UnixTime now);
  void Remember(const Record& record, UnixTime now);
  void Sound(const Record& record, const Holder& first, UnixTime now);

  std::shared_ptr<RecordVerifier> verifier_;
  std::function<UnixTime()> wall_;
  std::map<Prefix, Holder> holders_;
  std::deque<Alarm> alarms_;
  uint64_t second_claims_ = 0;
  uint64_t misplaced_ = 0;  // good records under a key that is not theirs
};

// What `state` says of the checks: counters, and who claims what is another's.
boost::json::object ChecksJson(const RecordChecker& checker);

}  // namespace ov6

#endif
