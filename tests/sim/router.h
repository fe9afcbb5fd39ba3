// SPDX-License-Identifier: Apache-2.0
// A router as it runs, whole but for the kernel and the sockets: a master on the datapath in memory, a DHT
// slave with its registrar and its peering, and between them a session and a slave port in memory. Its Chord
// engine is a node of the Simulator. Packets take the way of docs/packet-walk.md: a hit goes to the
// locator, a miss to the slave; from the underlay a source that no mapping explains is verified first, and
// what is for a site that has moved away is relayed.
#ifndef OV6_TESTS_SIM_ROUTER_H
#define OV6_TESTS_SIM_ROUTER_H

#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "slaves/dht/peering.h"
#include "slaves/runtime/session.h"
#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/master/master.h"
#include "userspace/port/frame_port.h"

namespace ov6::sim {

// Who owns a prefix, wherever it is at the moment.
struct Site {
  PrivateKey key;
  Modifier modifier{};
  Prefix prefix;
};

// By what a router may serve a prefix: it owns it, or its owner delegated it.
struct Claim {
  Prefix prefix;
  std::optional<DelegationToken> token;
};

// Where a router is: its node, and as others see it.
struct Place {
  size_t node = 0;
  Endpoint at;
};

struct Packet {
  uint64_t id = 0;
  Ipv6 source, destination;
  uint8_t hop_limit = 64;
};

// What a router needs of the world around it.
class Surroundings {
 public:
  virtual ~Surroundings() = default;
  virtual BootTime now() const = 0;
  virtual UnixTime Wall() const = 0;  // the right one
  virtual void At(BootTime at, std::function<void()> action) = 0;
  virtual void Submit(size_t node, Request request) = 0;
  virtual void Tunnel(size_t node, Ipv4 locator, const Packet& packet) = 0;
  virtual void Tell(size_t node, const Endpoint& to, const Bytes& datagram) = 0;  // slave to slave
  virtual void Arrived(size_t node, const Packet& packet) = 0;                    // for one of its sites
  virtual void Astray(size_t node, const Packet& packet) = 0;                     // for none of them
  virtual void Relayed(const Packet& packet) = 0;  // for one that has moved away
  virtual void HandedOver(size_t node, const Record& record) = 0;
  virtual void Signed(const Record& record) = 0;
  virtual void Answered(size_t node, const std::vector<MappingChange>& changes) = 0;
};

class Router : public Session, public FramePort {
 public:
  struct Counts {
    uint64_t hit = 0, missed = 0, verified = 0, negative = 0, no_route = 0, no_locator = 0, loop = 0;
    uint64_t relayed = 0;
  };

  // `own`: what its key owns, and outlives it; `claims`: what is at its sites.
  Router(Surroundings& world, const Domain& domain, const Place& place, const Site& own,
         const std::vector<Claim>& claims, Duration skew, uint64_t seed);
  ~Router() override;

  // As `ov6ctl site move`: what has served the prefix so far goes on until it has heard of it.
  void Take(const Claim& claim);
  // Another node, which runs already, at another address.
  void ChangePlace(const Place& place);
  void SetSkew(Duration skew) { skew_ = skew; }

  void OnOutput(const Output& output);
  void OnDatagram(const Endpoint& from, const Bytes& bytes);
  void FromSite(const Packet& packet) { Out(packet, false); }
  void FromUnderlay(Ipv4 outer, const Packet& packet) { In(outer, packet, false); }

  void Call(const std::string& method, const std::string& argument, Result result) override;
  void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) override;
  void Advertise(const std::vector<Prefix>&) override {}
  void Transmit(std::span<const Frame> frames) override;
  void Release(const Frame& frame) override { frames_.erase(frame.chunk); }

  const DhtSlave& slave() const { return *slave_; }
  const Mobility& mobility() const { return peering_->mobility(); }
  const Counts& counts() const { return counts_; }
  size_t registered() const { return registrar_->registered(); }
  // Whether a packet for the address would go to a locator at once.
  bool SendsTo(const Ipv6& address) const;
  // What should be empty at rest, as a sentence; or the empty string.
  std::string Leaks() const;

 private:
  DhtClock Clock();
  void Later(Duration after, std::function<void()> action);
  void Arm();
  void OnTimer();
  void Tick();
  void AddSite(const Claim& claim);
  void Submit(Request request);
  void Reconfigure();
  absl::StatusOr<std::string> Answer(const std::string& method, const std::string& argument);
  absl::StatusOr<std::string> Sign(const Bytes& unsigned_record);
  absl::StatusOr<std::string> AcceptFormer(const std::string& argument);
  absl::StatusOr<std::string> HandOver(const Bytes& signed_record);
  bool Registers(const Prefix& prefix) const;
  void Out(const Packet& packet, bool resubmitted);
  void In(Ipv4 outer, const Packet& packet, bool resubmitted);
  void Relay(Ipv4 outer, const Packet& packet);
  using Entry = std::pair<const Prefix, Mapping>;
  const Entry* Longest(const Ipv6& address) const;
  const Entry* MappingOf(const Ipv6& address) const;
  bool IsExplained(Ipv4 outer, const Packet& packet, bool at_site);
  bool TakesTurn(const Prefix& prefix);
  void MayRefresh(const Ipv6& address, const Entry& entry);
  void Punt(ov6_punt_reason reason, const Bytes& packet);

  Surroundings& world_;
  const PrivateKey& key_;
  size_t node_;
  DhtConfig config_;
  Duration skew_;
  std::mt19937_64 random_;
  FakeDatapath kernel_;
  Master master_{kernel_};
  SlaveId id_ = 0;
  uint64_t sequence_ = 0;
  std::unique_ptr<Registrar> registrar_;
  std::unique_ptr<DhtSlave> slave_;
  std::unique_ptr<RecordQuery> query_;
  std::unique_ptr<Peering> peering_;
  std::map<uint64_t, Request> asked_;  // of the engine, and not answered yet
  std::map<uint32_t, Bytes> frames_;   // punted, by their chunks
  uint32_t next_chunk_ = 0;
  std::map<Prefix, BootTime> turns_;  // of mappings: the last that something was said about one
  BootTime armed_ = BootTime::max();
  Counts counts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6::sim

#endif
