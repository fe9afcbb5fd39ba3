// SPDX-License-Identifier: Apache-2.0
// A router as it runs, whole but for the kernel and the sockets: a master on the datapath in memory, a DHT
// slave, a registrar for each of its sites, and between them a session and a slave port in memory. Its Chord
// engine is a node of the Simulator. Packets take the way of docs/packet-walk.md: a hit goes to the
// locator, a miss to the slave; from the underlay a source that no mapping explains is verified first.
#ifndef OV6_TESTS_SIM_ROUTER_H
#define OV6_TESTS_SIM_ROUTER_H

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "slaves/dht/dht_slave.h"
#include "slaves/dht/registrar.h"
#include "slaves/runtime/frame_port.h"
#include "slaves/runtime/session.h"
#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/master/master.h"

namespace ov6::sim {

// Who owns a prefix, wherever it is at the moment.
struct Site {
  PrivateKey key;
  Modifier modifier{};
  Prefix prefix;
};

struct Packet {
  uint64_t id = 0;
  Ipv6 source, destination;
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
  virtual void Arrived(size_t node, const Packet& packet) = 0;  // for one of its sites
  virtual void Astray(size_t node, const Packet& packet) = 0;   // for none of them
  virtual void Signed(const Record& record) = 0;
  virtual void Answered(size_t node, const std::vector<MappingChange>& changes) = 0;
};

class Router : public Session, public FramePort {
 public:
  struct Counts {
    uint64_t hit = 0, missed = 0, verified = 0, negative = 0, no_route = 0, no_locator = 0, loop = 0;
  };

  Router(Surroundings& world, const Domain& domain, size_t node, Ipv4 address, Duration skew, uint64_t seed);
  ~Router() override;

  void AddSite(const Site& site);
  void RemoveSite(const Site& site);
  bool HasSite(const Prefix& prefix) const { return sites_.contains(prefix); }
  void SetSkew(Duration skew) { skew_ = skew; }

  void OnOutput(const Output& output);
  void FromSite(const Packet& packet) { Out(packet, false); }
  void FromUnderlay(Ipv4 outer, const Packet& packet) { In(outer, packet, false); }

  void Call(const std::string& method, const std::string& argument, Result result) override;
  void SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) override;
  void Advertise(const std::vector<Prefix>&) override {}
  void Transmit(std::span<const Frame> frames) override;
  void Release(const Frame& frame) override { frames_.erase(frame.chunk); }

  const DhtSlave& slave() const { return *slave_; }
  const Counts& counts() const { return counts_; }
  size_t registered() const;
  // What should be empty at rest, as a sentence; or the empty string.
  std::string Leaks() const;

 private:
  struct Served {
    const Site* site;
    std::unique_ptr<Registrar> registrar;
    uint64_t number = 0;  // in the upper bits of its requests' ids
  };

  DhtClock Clock();
  void Later(Duration after, std::function<void()> action);
  void Arm();
  void OnTimer();
  void Tick();
  bool Ours(const Ipv6& address) const;
  void Out(const Packet& packet, bool resubmitted);
  void In(Ipv4 outer, const Packet& packet, bool resubmitted);
  const std::pair<const Prefix, Mapping>* Longest(const Ipv6& address) const;
  void MayRefresh(const Ipv6& address, const Prefix& prefix, const Mapping& mapping);
  void Punt(ov6_punt_reason reason, const Bytes& packet);

  Surroundings& world_;
  const Domain domain_;
  const size_t node_;
  const Ipv4 address_;
  Duration skew_;
  FakeDatapath kernel_;
  Master master_{kernel_};
  SlaveId id_ = 0;
  uint64_t sequence_ = 0;
  std::map<Prefix, Served> sites_;
  uint64_t next_site_ = 1;
  std::unique_ptr<DhtSlave> slave_;
  bool joined_ = false;
  std::map<uint32_t, Bytes> frames_;  // punted, by their chunks
  uint32_t next_chunk_ = 0;
  std::map<Prefix, BootTime> refreshed_;
  BootTime armed_ = BootTime::max();
  Counts counts_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6::sim

#endif
