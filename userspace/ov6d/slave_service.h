// SPDX-License-Identifier: Apache-2.0
// The slaves: processes, sessions, ports and calls of those here, sessions of those elsewhere
// (slave_remote.cc). What a slave may is its plan's; what follows from what it says is the master's decision.
// One thread.
#ifndef OV6_USERSPACE_OV6D_SLAVE_SERVICE_H
#define OV6_USERSPACE_OV6D_SLAVE_SERVICE_H

#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/json/array.hpp>
#include <filesystem>
#include <map>
#include <memory>
#include <set>
#include <span>
#include <string>
#include <vector>

#include "userspace/master/master.h"
#include "userspace/ov6d/crowd.h"
#include "userspace/ov6d/log_limit.h"
#include "userspace/ov6d/node_layout.h"
#include "userspace/ov6d/poll_server.h"
#include "userspace/ov6d/remote_port.h"
#include "userspace/ov6d/remote_site.h"
#include "userspace/ov6d/slave_memory.h"
#include "userspace/ov6d/slave_process.h"
#include "userspace/ov6d/slave_session.h"
#include "userspace/ov6d/spawner.h"
#include "userspace/ov6d/token_store.h"
#include "userspace/wire/claim.h"

namespace ov6 {

struct ServiceCounters {
  SessionCounters sessions;
  uint64_t spawned = 0, spawn_failed = 0, exited = 0;
  uint64_t events = 0, events_without_slave = 0;
  uint64_t signed_records = 0, sign_refused = 0;
  uint64_t unknown_tokens = 0;
  uint64_t claims_refused = 0;
};

class SlaveService {
 public:
  using Result = SlaveSession::Result;
  struct Environment {
    boost::asio::io_context& io;
    Datapath& datapath;
    Master& master;
    Spawner& spawner;
    const NodeKey& key;
    std::filesystem::path libexec;
    std::filesystem::path state;
    std::function<BootTime()> clock;
    // A DHT slave says, by its signed record, that a prefix is another router's now.
    std::function<absl::Status(const std::string& slave, SlaveId id, std::span<const uint8_t> record)> moved =
        [](const std::string&, SlaveId, std::span<const uint8_t>) {
          return absl::UnimplementedError("nothing moves from here");
        };
    // A slave elsewhere brings a prefix of its own, which is delegated to this router.
    std::function<absl::Status(const std::string& slave, const DelegationToken& token)> claim =
        [](const std::string&, const DelegationToken&) {
          return absl::UnimplementedError("nothing can be claimed here");
        };
    const TokenStore* tokens = nullptr;  // who may come from elsewhere; null: nobody
    // The device here of a slave elsewhere.
    std::function<std::shared_ptr<RemoteSite>(const std::string& name)> remote_site = [](const std::string&) {
      return std::shared_ptr<RemoteSite>();
    };
    // What direct paths are made of: calls of uplinks and of slaves elsewhere, and that one was used.
    std::function<void(const std::string& name, const CallCapsule& call, Result reply)> direct_call =
        [](const std::string&, const CallCapsule&, const Result& reply) {
          reply(absl::UnimplementedError("there are no direct paths here"));
        };
    // True: the slave is to ask about it.
    std::function<bool(const Ipv6& address)> direct_used = [](const Ipv6&) { return false; };
  };
  static constexpr Duration kFirstDelay = std::chrono::milliseconds(100);  // before management's next start
  static constexpr Duration kLongestDelay = std::chrono::seconds(30);
  static constexpr Duration kGoodLife = std::chrono::seconds(60);
  // A slave elsewhere of which nothing is heard has no routes after the first, and no session after the
  // second.
  static constexpr Duration kSilentAfter = std::chrono::milliseconds(700);
  static constexpr Duration kEndAfter = std::chrono::seconds(15);
  static constexpr Duration kPingInterval = std::chrono::milliseconds(250);
  static constexpr Duration kDrainTime = std::chrono::seconds(5);  // for one elsewhere to find another master
  static constexpr double kClaimRate = 0.1, kClaimBurst = 5;       // a second; at once
  static constexpr size_t kMaxRefreshes = 256;                     // addresses in one capsule
  static constexpr size_t kMaxRelayed = 64;                        // senders that a slave is told of at once
  static constexpr size_t kMaxRemoteStatus = 4096;                 // bytes of one elsewhere

  SlaveService(Environment environment, std::vector<SlavePlan> plans);
  ~SlaveService();

  // Management, and from then on again whenever it ends.
  void StartManagement();
  absl::Status Start(const std::string& name);
  // `shutdown`, then SIGKILL if it still lives kKillTime later.
  void Stop(const std::string& name, std::function<void()> done);
  // The slaves with what changed around them: each whose configuration is another now is told, or, if it
  // can't take that while it runs, started anew. New ones are started, those that are in no plan end.
  void Replan(std::vector<SlavePlan> plans);
  bool Knows(const std::string& name) const { return slaves_.contains(name); }  // one that ends, too
  // Sends it away until `away` has passed, without a loss where another serves: one here ends what it has
  // under way and then itself, its entries stay as after a crash; one elsewhere moves to its next master.
  // `result` when it has gone.
  void Drain(const std::string& name, Duration away, Result result);
  // Ends that time; and starts one here that ended by itself.
  void StartAgain(const std::string& name, Result result);
  // Every slave says goodbye; none is started any more.
  void ShutdownAll(std::function<void()> done);
  // SIGTERM to every slave, without goodbye; their entries stay. `done` when all have ended, or after 1 s.
  void TerminateAll(std::function<void()> done);

  // The master's ends of a slave's sockets; they are the service's from here on. The stream may be any.
  void Accept(const std::string& name, std::unique_ptr<Stream> stream, int port_channel);

  // A connection from elsewhere. `place`, which may be null, is held until it is a slave's, or over.
  void AcceptRemote(std::unique_ptr<Stream> stream, const Endpoint& from,
                    std::shared_ptr<Crowd::Place> place);
  void CloseRemote(const std::string& name, const absl::Status& why);
  // By the operator; it may come again. FailedPrecondition: there is none.
  absl::Status EndSession(const std::string& name);
  bool IsElsewhere(const std::string& name) const;

  void Call(const std::string& name, const std::string& method, const std::string& argument, Result result);
  // The DHT slave whose prefix holds the address.
  std::optional<std::string> ResolverOf(const Ipv6& address) const;

  void DrainEvents();
  // Before the first start: adopted slaves that the configuration has no more, or has with other prefixes.
  void RetireUnplanned();
  void Sweep();

  boost::json::array SlavesJson() const;
  const ServiceCounters& counters() const { return counters_; }
  size_t up() const;

 private:
  struct Slave {
    SlavePlan plan;
    std::shared_ptr<SlaveSession> session;
    int port_channel = -1;
    std::optional<SlaveId> id;  // registered and not yet gone
    bool said_goodbye = false;
    bool forgotten = false;              // in no plan any more: gone when its process is
    std::optional<BootTime> away_until;  // drained
    Result drained;                      // whom to tell that it has gone
    std::unique_ptr<SlaveProcess> process;
    BootTime started{};
    uint64_t starts = 0;
    std::string status;  // last STATUS
    // of one elsewhere
    UpgradeRequest request;
    Endpoint from;
    bool silent = false;
    Challenge challenge{};          // of this session
    std::optional<Prefix> claimed;  // in this session
    TokenBucket claims{kClaimRate, kClaimBurst};
    std::shared_ptr<RemoteSite> site;  // of a gateway
    std::unique_ptr<RemotePort> port;  // of one that resolves
    LogLimit log;
  };
  struct Newcomer;

  Slave* Find(const std::string& name);
  std::string StateOf(const Slave& slave) const;
  absl::Status Launch(Slave& slave);
  absl::StatusOr<int> RawSocketFor(const SlavePlan& plan) const;
  void Watch(Slave& slave, const SpawnedProcess& spawned);
  void OnExited(const std::string& name, int status);
  void RestartManagement();
  void KillLater(const std::string& name);
  void After(Duration delay, std::function<void()> then);
  void ReplanLocal(std::vector<SlavePlan>* plans);
  void Erase(const std::string& name);
  absl::StatusOr<Slave*> Operable(const std::string& name);
  void DrainRemote(Slave& slave, Duration away);
  static void TellDrained(Slave& slave);
  int64_t AwaySeconds(const Slave& slave) const;  // 0: it may come
  std::optional<std::string> WhyAway(const Slave& slave) const;
  void EndAway();
  void Readvertise(const std::vector<std::string>& names);
  void Restart(Slave& slave);

  std::optional<Refusal> OnRequest(Slave& slave, const UpgradeRequest& request);
  absl::StatusOr<PortHandles> MakePort(const std::string& name, SlaveId id, uint16_t slot);
  void OnOpened(Slave& slave);
  void OnCapsule(Slave& slave, Capsule capsule);
  void OnAdvertisement(Slave& slave, const RouteAdvertisementCapsule& capsule);
  void OnMappings(Slave& slave, const MappingsCapsule& capsule);
  void OnCall(Slave& slave, const CallCapsule& call);
  absl::StatusOr<std::string> Answer(Slave& slave, const CallCapsule& call);
  absl::StatusOr<std::string> AnswerManagement(const CallCapsule& call);
  absl::StatusOr<std::string> AcceptFormer(const Slave& slave, const std::string& argument);
  absl::StatusOr<std::string> Sign(const Slave& slave, const std::string& record);
  std::string ConfigOf(const Slave& slave) const;
  void OnClosed(Slave& slave, const absl::Status& why);
  PollServer::Handlers PollHandlers();
  SlaveSession::Handlers RemoteHandlers(const std::shared_ptr<Newcomer>& newcomer);
  std::optional<Refusal> OpenPolled(const UpgradeRequest& request, std::unique_ptr<Stream> stream,
                                    const Endpoint& from);
  const RemoteToken* TokenOf(const SlaveSession& session, const UpgradeRequest& request) const;
  std::optional<Refusal> OnRemoteRequest(Newcomer& newcomer, const UpgradeRequest& request);
  void OnRemoteOpened(Slave& slave);
  void OpenRemotePort(Slave& slave);
  MappingsAckCapsule ApplyRemote(Slave& slave, const MappingsCapsule& capsule);
  static boost::json::object ResolverJson(const RemotePort& port);
  void OnRemoteCapsule(Slave& slave, Capsule capsule);
  void OnRemoteClosed(Slave& slave, const absl::Status& why);
  static AssignedPrefix Assign(const Slave& slave, const AssignedPrefix& asked);
  void Withdraw(Slave& slave);
  void ArmRemoteTick();
  bool RemoteTick();  // false: no slave elsewhere has a session
  static Duration SilentAfter(const SlaveSession& session);
  void CheckSilence(Slave& slave);
  void ReturnFromSilence(Slave& slave);
  void OnRemoteAdvertisement(Slave& slave, const RouteAdvertisementCapsule& capsule);
  void AssignAll(Slave& slave);
  static std::vector<Prefix> PrefixesOf(const Slave& slave);
  static Permission PermissionOf(const Slave& slave);
  absl::StatusOr<std::string> Claim(Slave& slave, const std::string& argument);
  absl::StatusOr<DelegationToken> CheckClaim(Slave& slave, const std::string& argument);
  void Readvertise(Slave& slave);
  void ReconfigureRemote(Slave& slave);
  void CloseElsewhere();
  Refusal Refuse(const Endpoint& from, Refusal refusal);
  void ReplanRemote(const std::vector<SlavePlan>& plans);
  boost::json::object RemoteJson(const Slave& slave) const;
  void DropHandles(const std::string& name);  // of a port that nobody has come to use
  void DropPort(const SlaveEntry& entry);
  void TellOfRelayed(const std::vector<ov6_event>& relayed);

  Environment env_;
  SlaveMemory memory_{env_.state};
  std::map<std::string, Slave> slaves_;
  std::map<std::string, PortHandles> handles_;  // made, to be sent when the session opens
  std::set<uint16_t> ports_;                    // slots that exist in this process's life
  ServiceCounters counters_;
  LogLimit strangers_log_;
  Duration management_delay_ = kFirstDelay;
  boost::asio::steady_timer management_timer_;
  boost::asio::steady_timer remote_timer_{env_.io};
  bool ticking_ = false;
  BootTime ticked_{};
  std::vector<std::unique_ptr<boost::asio::steady_timer>> timers_;
  PollServer polls_;
  std::function<void()> all_ended_;
  bool ending_ = false;
};

}  // namespace ov6

#endif
