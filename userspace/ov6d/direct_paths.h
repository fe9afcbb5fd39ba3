// SPDX-License-Identifier: Apache-2.0
// Direct paths between routers of which at least one is behind NAT (docs/nat.md): who wants one, what the two
// tell each other through the master that both have a session with, or through their masters and the ring,
// the checks on the tunnel port, and what follows for the map-cache. It is both ends and, on a master, the
// one in between and the STUN server. A path is only ever a better way: what a slave carries it carries also
// without. One thread.
#ifndef OV6_USERSPACE_OV6D_DIRECT_PATHS_H
#define OV6_USERSPACE_OV6D_DIRECT_PATHS_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/capsule.h"
#include "userspace/base/token_bucket.h"
#include "userspace/master/master.h"
#include "userspace/ov6d/path_check.h"
#include "userspace/ov6d/reassembly.h"
#include "userspace/ov6d/reflexive.h"

namespace ov6 {

struct DirectCounters {
  uint64_t offers = 0, offers_failed = 0, offers_taken = 0;
  uint64_t came_up = 0, fell_silent = 0, failed = 0;
  uint64_t passed_on = 0;                                   // of the ring's, to sites elsewhere
  uint64_t withheld = 0;                                    // checks of places that strangers told
  uint64_t answered = 0, limited = 0;                       // Binding requests of strangers
  uint64_t malformed = 0, unauthentic = 0, unexpected = 0;  // STUN that was not heeded
};

class DirectPaths {
 public:
  using Reply = std::function<void(absl::StatusOr<std::string>)>;
  struct Environment {
    boost::asio::io_context& io;
    Master& master;
    std::function<BootTime()> clock;
    PathCheck::Random random;
    // From the tunnel port of that underlay.
    std::function<bool(const std::string& interface, const Endpoint& to, std::span<const uint8_t>)> send;
    // To a slave: an uplink here, or one elsewhere.
    std::function<void(const std::string& slave, const std::string& method, const std::string& argument,
                       Reply)>
        call;
    std::function<bool(const std::string& slave)> is_elsewhere;
    bool answers_strangers = false;  // a STUN server
  };
  static constexpr size_t kMaxPeers = 256;
  static constexpr size_t kMaxPrefixes = 8;   // of one peer
  static constexpr size_t kMaxVia = 32;       // peers of one master elsewhere, at a member of the ring
  static constexpr size_t kMaxStrange = 128;  // peers that strangers alone have asked for
  static constexpr size_t kMaxNobody = 1024;
  static constexpr int kNobodyLength = 64;
  // Checks a second of places that strangers told and nothing has come from, in all.
  static constexpr double kStrangeRate = 20, kStrangeBurst = 100;
  // Whom strangers vouch for is asked about again so often, and not believed for longer if nobody answers.
  static constexpr Duration kVouched = std::chrono::seconds(60), kVouchedStale = std::chrono::hours(1);
  // Who has no direct path may just be about to come: asked about again, each time after twice as long.
  static constexpr Duration kNobodyFirst =
      std::chrono::seconds(1);  // always, if the master has not found him yet
  static constexpr Duration kNobodyFor = std::chrono::seconds(30);
  static constexpr Duration kIdle = std::chrono::seconds(60);       // unused, a path is given up
  static constexpr Duration kFirstPause = std::chrono::seconds(2);  // after a failure; doubled each time
  static constexpr Duration kLongestPause = std::chrono::seconds(60);

  explicit DirectPaths(Environment environment);
  ~DirectPaths();
  DirectPaths(const DirectPaths&) = delete;
  DirectPaths& operator=(const DirectPaths&) = delete;

  void SetEnds(std::vector<TunnelEnd> ends);
  // STUN that came to the tunnel port of an underlay.
  void OnDatagram(const std::string& interface, const Endpoint& from, std::span<const uint8_t> bytes);
  // A call of an uplink's, a DHT slave's or of a slave elsewhere: see docs/slave-protocol.md section 10.
  static bool Knows(SlaveKind kind, bool elsewhere, const std::string& method);
  void OnCall(const std::string& slave, const CallCapsule& call, Reply reply);
  // The kernel sent or took a packet by the direct path to this address. Returns whether what leads there
  // without it is to be asked about.
  bool OnUsed(const Ipv6& address);

  boost::json::object Json() const;
  const DirectCounters& counters() const { return counters_; }

 private:
  struct Nobody {
    BootTime until;
    Duration pause{};
  };
  struct Peer {
    std::string slave;             // that carries its packets otherwise
    std::vector<Prefix> prefixes;  // what is behind it; the first is its name
    PathCheck check;
    std::string interface;  // where it was heard last
    Prefix place{};         // whose packets it is asked about for; see nobody_
    BootTime used{};
    BootTime next_offer{};
    Duration pause = kFirstPause;
    bool offering = false;
    bool wanted = false;   // this router has asked for it
    bool strange = false;  // it was met through the ring: two masters vouch for it, each for what it sees
    BootTime vouched{};    // when they did last
    // This router is a member of the ring: the other's master, by which its packets go otherwise, and what of
    // ours it is a path to.
    std::optional<Ipv4> via{};
    Prefix here{};
    bool relays = false;                 // the master elsewhere: it brings by its path what is from anybody
    std::vector<Locator> brings_from{};  // as others' mappings have it
    std::optional<Prefix> brings{};      // a member of the ring: its record's, whose packets come by the path
  };
  using Peers = std::map<Prefix, std::unique_ptr<Peer>>;
  // What a path into the ring may stand for, and the record's prefix around that.
  struct FarEnd {
    Prefix place, record;
  };
  // That a master asked in the ring for a path between `prefix` and `to`, which is here.
  struct Met {
    Prefix prefix, to;
    Ipv4 from, at;
  };

  // --- calls
  absl::Status OnServers(const boost::json::object& argument);
  absl::Status OnCarried(const std::string& slave, const boost::json::object& argument);
  absl::StatusOr<std::string> OnOffer(const std::string& slave, const std::vector<Prefix>& prefixes,
                                      const boost::json::object& offer);
  void OnRemoteCall(const std::string& slave, const CallCapsule& call, const boost::json::object& argument,
                    Reply reply);
  absl::StatusOr<std::string> WhoHas(const std::string& asker, const Ipv6& address) const;
  bool IsFar(const Ipv6& address) const;
  absl::StatusOr<FarEnd> FarPlace(const Ipv6& address) const;
  void Introduce(const std::string& slave, const Prefix& to, boost::json::object offer, Reply reply);
  absl::StatusOr<std::string> WithSources(const Prefix& to, const absl::StatusOr<std::string>& answer) const;
  void AskSite(const std::string& site, const boost::json::object& offer, Reply reply);
  void OnMet(const std::string& slave, const boost::json::object& argument, Reply reply);
  absl::StatusOr<std::string> Take(const std::string& slave, const Met& met,
                                   const boost::json::object& argument);
  void PassOn(const std::string& site, const Met& met, const boost::json::object& argument, Reply reply);
  std::optional<std::string> SiteAround(const Prefix& prefix) const;
  bool MayStay(const Peer& peer) const;
  std::vector<Prefix> PrefixesHere() const;
  std::vector<Prefix> PrefixesOf(const std::string& slave) const;
  void Ask(const std::string& slave, const Ipv6& address);
  void Offer(Peer& peer);
  void AskAgain(Peer& peer);
  void TellPlaces();
  bool TakesStrangers(const Prefix& name) const;
  void OnOfferAnswered(const Prefix& name, const absl::StatusOr<std::string>& answer);
  void NoteNobody(const Prefix& place, const absl::Status& why);
  boost::json::object Description(const Peer& peer) const;
  absl::Status Start(Peer& peer, const boost::json::object& description);

  // --- peers
  Peer* Covering(const Ipv6& address);
  const Peer* RelayFor(const std::string& slave) const;
  absl::StatusOr<Peer*> Find(const std::string& slave, const std::vector<Prefix>& prefixes);
  absl::Status CheckPrefixes(const std::string& slave, const std::vector<Prefix>& prefixes) const;
  void Remove(Peers::iterator peer);
  std::vector<Locator> PlacesOf(const Peer& peer, uint8_t best) const;
  void Write(Peer& peer);
  void WritePeer(Peer& peer);
  std::vector<Locator> WithRelay(const Peer& peer, std::vector<Locator> places) const;
  void WritePath(Peer& peer);
  void WriteSources(const Peer& peer, const std::vector<Prefix>& prefixes);
  bool BringsAlone(const Peer& peer) const;
  void Follow(Peer& peer, PathCheck::State before);

  // --- STUN
  void OnRequest(const std::string& interface, const Endpoint& from, std::span<const uint8_t> bytes,
                 const StunMessage& request);
  void OnAnswer(const std::string& interface, const Endpoint& from, std::span<const uint8_t> bytes,
                const StunMessage& answer);
  void AnswerStranger(const std::string& interface, const Endpoint& from, const StunMessage& request);
  void SendProbe(const Peer& peer, const PathCheck::Probe& probe);
  // By the underlay that is given, else by the first that has a way.
  void Send(const std::string& interface, const Endpoint& to, std::span<const uint8_t> bytes);
  bool IsOwn(const Endpoint& place) const;

  void Tick();
  void Arm();
  std::string RandomText(size_t bytes) const;

  Environment env_;
  std::vector<TunnelEnd> ends_;
  Reflexive reflexive_;
  std::vector<Endpoint> told_places_;  // those that offers have had
  Peers peers_;
  std::map<Prefix, Nobody> nobody_;            // /64s whose router is none that has direct paths
  std::map<std::string, TokenBucket> askers_;  // slaves elsewhere
  TokenBucket strangers_, strange_places_{kStrangeRate, kStrangeBurst};
  DirectCounters counters_;
  boost::asio::steady_timer timer_;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
