// SPDX-License-Identifier: Apache-2.0
// By Upgrade or by long polls to a master: by Upgrade as long as the way carries it, by polls where it does
// not, and by Upgrade again now and then, as the way may have changed. Pure: the caller brings the time.
#ifndef OV6_SLAVES_RUNTIME_TRANSPORT_CHOICE_H
#define OV6_SLAVES_RUNTIME_TRANSPORT_CHOICE_H

#include <algorithm>

#include "ov6/time.h"

namespace ov6 {

enum class TransportRule {
  kAuto,
  kUpgrade,  // never by polls
  kPoll,     // never by Upgrade
};

class TransportChoice {
 public:
  // Doubles each time that the way still carries no Upgrade.
  static constexpr Duration kFirstPause = std::chrono::minutes(10), kLongestPause = std::chrono::hours(4);

  explicit TransportChoice(TransportRule rule, Duration first_pause = kFirstPause)
      : rule_(rule), first_pause_(first_pause) {}

  bool Polls(BootTime now) const {
    return rule_ == TransportRule::kPoll || (rule_ == TransportRule::kAuto && polls_ && now < again_);
  }
  // The way did not carry an Upgrade. Whether polls are to be tried, at once.
  bool OnBlocked(BootTime now) {
    if (rule_ != TransportRule::kAuto) return false;
    polls_ = true;
    again_ = now + pause_;
    pause_ = std::min(2 * pause_, kLongestPause);
    return true;
  }
  // Neither did it carry polls: it is not the Upgrade that it was about. Or it is carried now.
  void Forget() {
    polls_ = false;
    pause_ = first_pause_;
  }
  // When the Upgrade is worth another try, while polls are used since it was blocked.
  BootTime again() const { return rule_ == TransportRule::kAuto ? again_ : BootTime::max(); }

 private:
  TransportRule rule_;
  Duration first_pause_;
  bool polls_ = false;
  BootTime again_{};
  Duration pause_ = first_pause_;
};

}  // namespace ov6

#endif
