// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/notifier.h"

#include <algorithm>

namespace ov6 {

void Notifier::Notify(BootTime now, const Endpoint& to, const Prefix& prefix, const Bytes& record,
                      bool awaited) {
  Say(now, to, {PeeringType::kNotify, false, 0, prefix, record, awaited});
}

void Notifier::Name(BootTime now, const Endpoint& to, const Prefix& correspondent) {
  Say(now, to, {PeeringType::kName, false, 0, correspondent});
}

void Notifier::Say(BootTime now, const Endpoint& to, PeeringMessage message) {
  const Place place{to, message.type, message.prefix};
  if (const auto old = said_.find(place); old != said_.end()) {
    const PeeringMessage& said = old->second.message;
    if (said.record == message.record && said.awaited == message.awaited && old->second.sent == 1) return;
    Forget(old);
  } else if (said_.size() >= kMost) {
    ++counters_.overflow;
    return;
  }
  message.nonce = nonce_();
  said_[place] = {std::move(message), 0, 0, now};
  due_.emplace(now, place);
  OnTimer(now);
}

void Notifier::Forget(std::map<Place, Said>::iterator said) {
  due_.erase({said->second.next, said->first});
  said_.erase(said);
}

void Notifier::OnAnswer(const Endpoint& from, const PeeringMessage& message) {
  const auto asked = message.type == PeeringType::kNotified ? PeeringType::kNotify : PeeringType::kName;
  const auto found = said_.find({from, asked, message.prefix});
  if (found == said_.end() || found->second.message.nonce != message.nonce) return;
  ++(message.yes ? counters_.heard : counters_.useless);
  Forget(found);
}

void Notifier::OnTimer(BootTime now) {
  while (!due_.empty() && due_.begin()->first <= now) {
    const auto found = said_.find(due_.begin()->second);
    Said& said = found->second;
    if (said.sent == kTries) {
      ++counters_.unanswered;
      Forget(found);
      continue;
    }
    if (!budget_.Take(now)) {
      paced_ = now + kPace;
      return;
    }
    const bool left = send_(std::get<Endpoint>(found->first), EncodePeering(said.message));
    const bool soon = !left && ++said.unsent < kMostUnsent;
    counters_.sent += left ? 1 : 0;
    due_.erase(due_.begin());
    said.next = now + (soon ? kUnsentWait : kFirstWait * (1 << said.sent++));
    due_.emplace(said.next, found->first);
  }
}

BootTime Notifier::NextDeadline() const {
  return due_.empty() ? BootTime::max() : std::max(due_.begin()->first, paced_);
}

}  // namespace ov6
