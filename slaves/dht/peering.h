// SPDX-License-Identifier: Apache-2.0
// What DHT slaves say to each other besides their DHT: takes their datagrams apart, answers probes, and gives
// the rest to who asked or is asked (docs/peering.md).
#ifndef OV6_SLAVES_DHT_PEERING_H
#define OV6_SLAVES_DHT_PEERING_H

#include <algorithm>
#include <functional>
#include <span>

#include "slaves/dht/meetings.h"
#include "slaves/dht/mobility.h"

namespace ov6 {

class Peering {
 public:
  static constexpr double kRate = 2000, kBurst = 1000;  // datagrams a second, from all
  using Send = Mobility::Send;

  // All of them outlive it; the slave has its locators proven by it if the domain asks for that.
  Peering(const DhtConfig& config, Session& session, Registrar& registrar, DhtSlave& slave,
          RecordQuery& query, Send send, std::function<uint64_t()> nonce, DhtClock clock);

  // `at`: our address that it came to. False: it is no datagram of this protocol.
  bool OnDatagram(const Endpoint& from, Ipv4 at, std::span<const uint8_t> bytes);
  void OnTimer();
  BootTime NextDeadline() const { return std::min(notifier_.NextDeadline(), meetings_.NextDeadline()); }

  Mobility& mobility() { return mobility_; }
  Meetings& meetings() { return meetings_; }
  boost::json::object StateJson() const;

 private:
  void OnMessage(const Endpoint& from, Ipv4 at, const PeeringMessage& message);

  Send send_;
  DhtClock clock_;
  Registrar& registrar_;
  DhtSlave& slave_;
  LocatorProver prover_;
  Notifier notifier_;
  Mobility mobility_;
  Meetings meetings_;
  TokenBucket budget_{kRate, kBurst};
  uint64_t malformed_ = 0, limited_ = 0, answered_ = 0;
};

}  // namespace ov6

#endif
