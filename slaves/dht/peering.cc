// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/peering.h"

#include <boost/json.hpp>
#include <utility>

namespace ov6 {

Peering::Peering(const DhtConfig& config, Session& session, Registrar& registrar, DhtSlave& slave,
                 RecordQuery& query, Send send, std::function<uint64_t()> nonce, DhtClock clock)
    : send_(std::move(send)),
      clock_(std::move(clock)),
      registrar_(registrar),
      slave_(slave),
      prover_([this](const Endpoint& to, const Bytes& bytes) { send_(to, bytes, std::nullopt); }, nonce),
      notifier_([this](const Endpoint& to, const Bytes& bytes) { return send_(to, bytes, std::nullopt); },
                nonce),
      mobility_(config, {session, registrar, slave, prover_, notifier_, query, send_, clock_}),
      meetings_({session, registrar, slave, config.domain.prove ? &prover_ : nullptr, send_, nonce, clock_}) {
  if (config.domain.prove) slave.ProveBy(&prover_);
}

bool Peering::OnDatagram(const Endpoint& from, Ipv4 at, std::span<const uint8_t> bytes) {
  if (!IsPeering(bytes)) return false;
  const auto message = DecodePeering(bytes);
  if (!message) {
    ++malformed_;
  } else if (!budget_.Take(clock_.boot())) {
    ++limited_;
  } else {
    OnMessage(from, at, *message);
  }
  return true;
}

void Peering::OnTimer() {
  notifier_.OnTimer(clock_.boot());
  meetings_.OnTimer();
  mobility_.OnProofs();
}

// A probe gets an answer of its own size, whoever asks.
void Peering::OnMessage(const Endpoint& from, Ipv4 at, const PeeringMessage& message) {
  switch (message.type) {
    case PeeringType::kProbe: {
      ++answered_;
      const bool yes = registrar_.Serves(message.prefix);
      send_(from, EncodePeering({PeeringType::kProbed, yes, message.nonce, message.prefix}), at);
      if (yes) mobility_.OnAsked(from, message.prefix);
      return;
    }
    case PeeringType::kProbed:
      slave_.OnProbed(from, message);
      return mobility_.OnProofs();
    case PeeringType::kMeet:
    case PeeringType::kMet:
      return meetings_.OnMessage(from, at, message);
    default:
      return mobility_.OnMessage(from, at, message);
  }
}

boost::json::object Peering::StateJson() const {
  const LocatorProver::Counters& c = prover_.counters();
  return {{"probes", c.probes},
          {"proven", c.proven},
          {"presumed", c.presumed},
          {"denied", c.denied},
          {"unanswered", c.unanswered},
          {"unexpected", c.unexpected},
          {"overflow", c.overflow},
          {"answered", answered_},
          {"malformed", malformed_},
          {"limited", limited_},
          {"mobility", mobility_.StateJson()},
          {"meetings", meetings_.StateJson()}};
}

}  // namespace ov6
