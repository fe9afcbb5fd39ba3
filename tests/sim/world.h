// SPDX-License-Identifier: Apache-2.0
// Whole routers on one network and one virtual clock, each with a site of its own and a clock of its own;
// hosts that send packets; the history of all of it. The same seed gives the same history.
#ifndef OV6_TESTS_SIM_WORLD_H
#define OV6_TESTS_SIM_WORLD_H

#include <deque>
#include <memory>
#include <string>
#include <vector>

#include "tests/sim/ledger.h"
#include "tests/sim/liar.h"
#include "tests/sim/ring_invariant.h"
#include "tests/sim/router.h"
#include "tests/sim/simulator.h"
#include "userspace/wire/record_verifier.h"

namespace ov6::sim {

struct WorldOptions {
  uint64_t seed = 1;
  size_t routers = 16;
  Weather weather{5ms, 15ms, 0.002, 0.002, 60ms};
  Duration skew = 5min;  // clocks are wrong by less than half of it, so that any two agree within it
  double liars = 0;      // part of the routers
  size_t table_members = 10000;
  int successors = 16, replicas = 8;
};

class World : private Surroundings {
 public:
  explicit World(const WorldOptions& options);
  ~World() override;

  // All of them come in, some a second, and have registered. False: not within the limit.
  bool Form(Duration limit = 10min);
  void RunFor(Duration time) { sim_.RunFor(time); }

  // --- what happens to machines and sites; a machine that is down is no harm
  size_t AddMachine(std::optional<Nat> nat = std::nullopt);
  void Crash(size_t machine);
  void Restart(size_t machine);
  void Leave(size_t machine);
  // Its old address is gone at once.
  void ChangeAddress(size_t machine);
  // As `ov6ctl site move`: its hosts are at both places until the old one has handed it over.
  void MoveSite(size_t site, size_t to);
  void SetSkew(size_t machine, Duration skew);
  void SetGroup(size_t machine, int group);
  void SetClog(size_t machine, Duration clog);
  // The ring's invariant says nothing about networks that lose all: it is not asserted until the ring is
  // whole again.
  void Rest() { resting_ = true; }

  // --- packets
  uint64_t Send(size_t from, size_t to_site);
  bool Delivered(uint64_t packet) const { return fates_[packet].delivered > 0; }
  // The weather's doing, or a copy of it came where nobody is any more.
  bool LostOnTheWay(uint64_t packet) const { return fates_[packet].lost; }
  bool ToNobody(uint64_t packet) const { return fates_[packet].to_nobody; }
  bool Relayed(uint64_t packet) const { return fates_[packet].relayed; }
  // Every `pause` a host somewhere sends to a host elsewhere, for this long.
  void Converse(Duration time, Duration pause);

  // --- what came of it
  // From `askers` machines to each site that is up; returns how many never got there, in three tries.
  size_t Unreached(size_t askers, size_t* asked = nullptr);
  const std::vector<std::string>& unreached() const { return unreached_; }
  // Sentences about what went wrong: the ring's invariant, answers, packets astray, leaks.
  std::vector<std::string> Faults();
  std::vector<std::string> Leaks();
  const Ledger& ledger() const { return ledger_; }

  struct Machine {
    size_t node = 0;
    Ipv4 address;  // as others see it
    Duration skew{};
    size_t own = 0;                  // the site that its key owns
    std::vector<size_t> sites;       // that are there
    std::unique_ptr<Router> router;  // null: down
    bool leaving = false;
    bool liar = false;
    std::optional<Nat> nat;
  };
  const std::vector<Machine>& machines() const { return machines_; }
  std::vector<size_t> Up() const;
  size_t sites() const { return sites_.size(); }
  size_t MachineOfSite(size_t site) const { return site_at_[site]; }
  // Whether a packet from a host there would leave at once.
  bool Knows(size_t machine, size_t site) const;
  Simulator& simulator() { return sim_; }
  size_t Registered() const;  // sites
  uint64_t sent() const { return fates_.size(); }
  uint64_t delivered() const { return delivered_; }
  uint64_t relayed() const { return relayed_; }  // by where the site had been
  uint64_t late() const { return late_; }        // came to where the site had been, and no further
  uint64_t astray() const { return astray_; }    // came to where it never was
  uint64_t told() const { return told_; }        // datagrams between slaves
  uint64_t Trace() const { return sim_.Trace() ^ (trace_ * 0x9e3779b97f4a7c15); }

 private:
  struct Fate {
    size_t site = 0;
    int delivered = 0;
    bool lost = false, to_nobody = false, relayed = false;
  };

  BootTime now() const override { return sim_.now(); }
  UnixTime Wall() const override;
  void At(BootTime at, std::function<void()> action) override { sim_.At(at, std::move(action)); }
  void Submit(size_t node, Request request) override;
  void Tunnel(size_t node, Ipv4 locator, const Packet& packet) override;
  void Tell(size_t node, const Endpoint& to, const Bytes& datagram) override;
  void Arrived(size_t node, const Packet& packet) override;
  void Astray(size_t node, const Packet& packet) override;
  void Relayed(const Packet& packet) override;
  void HandedOver(size_t node, const Record& record) override;
  void Signed(const Record& record) override { ledger_.Signed(record); }
  void Answered(size_t node, const std::vector<MappingChange>& changes) override;

  void AddSite(size_t machine);
  void StartNode(size_t machine);
  void StartRouter(size_t machine, const Place& place);
  Place NextPlace(size_t machine);
  Claim ClaimOf(size_t site, size_t machine) const;
  Router* RouterAt(Ipv4 inside) const;
  void MakeLiars();
  void WatchRing(size_t node);
  Machine* MachineOf(size_t node);

  WorldOptions options_;
  Simulator sim_;
  Domain domain_;
  std::shared_ptr<RecordVerifier> verifier_;  // of all routers: each signature is checked once
  std::deque<Site> sites_;
  std::vector<size_t> site_at_;                  // machine of each
  std::vector<std::vector<size_t>> site_nodes_;  // where each has been
  std::vector<Machine> machines_;
  std::vector<std::optional<size_t>> machine_of_node_;
  absl::flat_hash_map<Ipv4, size_t> by_address_;  // the address inside; machines
  std::shared_ptr<Conspiracy> conspiracy_ = std::make_shared<Conspiracy>();
  RingInvariant invariant_;
  bool resting_ = false;
  size_t principals_ = 0;
  Ledger ledger_;
  std::vector<std::string> faults_, unreached_;
  std::vector<Fate> fates_;
  uint64_t delivered_ = 0, relayed_ = 0, late_ = 0, astray_ = 0, told_ = 0, trace_ = 0;
};

}  // namespace ov6::sim

#endif
