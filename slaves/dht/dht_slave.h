// SPDX-License-Identifier: Apache-2.0
// What a DHT slave does with a punted packet: hold it, resolve what it is for, send the
// mapping (or the negative) to the master, and when the kernel has it give the packet
// back. Packets of one address keep their order; one question is under way for each
// address, and when it may ask the DHT the LookupQueue says. A refresh asks past the cache. If nobody
// answers, the mapping goes on past its lifetime a step at a time (StaleWatch); if the DHT says that it is
// not there any more, it goes at once. With a LocatorProver nothing is sent to a locator that has not proven
// itself: packets stay held until one of the record's has.
#ifndef OV6_SLAVES_DHT_DHT_SLAVE_H
#define OV6_SLAVES_DHT_DHT_SLAVE_H

#include <algorithm>
#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_set.h"
#include "slaves/dht/dht_clock.h"
#include "slaves/dht/installed.h"
#include "slaves/dht/locator_prover.h"
#include "slaves/dht/lookup_queue.h"
#include "slaves/dht/stale_watch.h"
#include "slaves/engine/resolver/resolver.h"
#include "slaves/runtime/session.h"
#include "userspace/port/frame_port.h"
#include "userspace/port/hold_queue.h"

namespace ov6 {

class DhtSlave {
 public:
  struct Counters {
    uint64_t punted_miss = 0, punted_route = 0, punted_verify = 0;
    uint64_t bad_punt = 0;  // released: not a punt that can be understood
    uint64_t found = 0, absent = 0, unreachable = 0;
    uint64_t refreshed = 0;  // mappings renewed while in use
    uint64_t refresh_failed = 0;
    uint64_t refresh_gone = 0;      // mappings in use that the DHT no longer knows: withdrawn
    uint64_t stale = 0;             // answers past their lifetime, since nobody could be asked
    uint64_t withdrawn = 0;         // prefixes, one by one
    uint64_t mappings_refused = 0;  // changes the master named in its acknowledgement
    uint64_t returned = 0;          // packets given back to the datapath
    uint64_t unproven = 0;          // answers of which no locator proved itself
    uint64_t dropped_session = 0;   // packets released: the master did not take the mapping
    uint64_t dropped_budget = 0;    // packets released: their lookup gave way, see LookupQueue
  };
  using Respond = std::function<void(absl::StatusOr<std::string>)>;

  struct Lifetimes {
    Duration mapping = std::chrono::seconds(300);  // at most
    Duration stale = std::chrono::hours(1);        // past that, while the DHT can't be asked
    uint64_t seed = 1;                             // of what they are spread by
  };

  DhtSlave(const Domain& domain, Session& session, FramePort& port, SubmitRequest submit, DhtClock clock)
      : DhtSlave(domain, session, port, std::move(submit), std::move(clock), Lifetimes()) {}
  DhtSlave(const Domain& domain, Session& session, FramePort& port, SubmitRequest submit, DhtClock clock,
           const Lifetimes& lifetimes, std::shared_ptr<RecordVerifier> verifier = nullptr);

  void OnPort(const PortCapsule& port);  // a port is there; frames of an earlier one are void
  void OnFrames(std::span<const Frame> frames);
  void OnRefresh(std::span<const Ipv6> addresses);  // asks the DHT and installs what it says
  bool OnGet(const GetOutput& output);              // false: not the resolver's
  // From now on. The prover outlives the slave, which drives it; its owner hands on what arrives for it.
  void ProveBy(LocatorProver* prover) { prover_ = prover; }
  void OnProbed(const Endpoint& from, const PeeringMessage& message);
  void OnTimer();
  BootTime NextDeadline() const {
    const BootTime own = std::min(lookups_.NextDeadline(clock_.boot()), stale_.NextDeadline());
    return prover_ == nullptr ? own : std::min(own, prover_->NextDeadline());
  }
  // A newer record than what is known, judged by who hands it in: what is installed follows when a locator of
  // it has proven itself, and until then stays as it is. Where it led before is accepted from for a minute
  // longer: what moves goes on sending from there. False: no news.
  bool Learn(const Record& record);
  using Then = std::function<void(const ResolveOutput&)>;
  // Asks for an address, past what is known, and installs nothing.
  void Lookup(const Ipv6& address, Then then);
  // Called for each record whose mapping the kernel has got.
  void WhenInstalled(std::function<void(const Record&)> then) { on_installed_ = std::move(then); }
  // The call `resolve`: argument and result as docs/slave-protocol.md section 6.
  void OnResolveCall(const std::string& argument, Respond respond);

  const Counters& counters() const { return counters_; }
  const HoldQueue& held() const { return held_; }
  const Resolver& resolver() const { return resolver_; }
  const LookupQueue& lookups() const { return lookups_; }
  size_t stale() const { return stale_.size(); }  // addresses whose mappings are past their lifetime

 private:
  // kUpdate: more locators of what was already sent have proven themselves.
  enum class Purpose { kPacket, kVerify, kRefresh, kUpdate };
  struct Question {
    Purpose purpose = Purpose::kPacket;
    Then then;            // if set, nothing is installed
    uint64_t ticket = 0;  // of the lookup queue; 0: none
  };

  struct Unproven {
    ResolveOutput output;
    Purpose purpose = Purpose::kPacket;
    BootTime since{};
  };

  void OnFrame(BootTime now, const Frame& frame);
  void Count(ov6_punt_reason reason);
  void Ask(const Ipv6& address, Question question, ResolveOptions options);
  void StartLookup(const LookupQueue::Start& start);
  void AskAgain(BootTime now, const Ipv6& address);
  void NoteStale(const ResolveOutput& output);
  void Run(BootTime now);
  void DropGivenUp();
  void Drain();
  void OnResolved(const ResolveOutput& output);
  void Prove(const ResolveOutput& output, Purpose purpose);
  bool Presumed(const Record& record) const;
  void AddFormer(const Record& record, std::vector<Locator>* locators) const;
  void ProveBeneath(const ResolveOutput& output);
  void Await(const ResolveOutput& output, Purpose purpose);
  void OnSettled();
  void OnUnproven(const ResolveOutput& output, Purpose purpose);
  void Answer(const ResolveOutput& output, Purpose purpose);
  std::vector<Locator> Usable(const ResolveOutput& output, const Record& record) const;
  void OnPacketResolved(const ResolveOutput& output);
  void OnRefreshed(const ResolveOutput& output);
  std::vector<MappingChange> Changes(const ResolveOutput& output);
  std::vector<MappingChange> Mappings(const ResolveOutput& output) const;
  void Send(std::vector<MappingChange> changes, std::function<void(bool taken)> done);
  void OnRefusals(const std::vector<MappingChange>& changes, const Session::Refusals& refusals);
  void NoteRefusal(const std::string& sentence);
  void Return(const Ipv6& address);
  void Drop(const Ipv6& address);

  const Domain domain_;
  Session& session_;
  FramePort& port_;
  SubmitRequest submit_;
  DhtClock clock_;
  Resolver resolver_;
  SlaveId self_ = 0;
  HoldQueue held_;
  LookupQueue lookups_;
  StaleWatch stale_;
  LocatorProver* prover_ = nullptr;
  std::function<void(const Record&)> on_installed_;
  struct Former {
    std::vector<Locator> locators;
    BootTime until{};
  };
  std::map<Prefix, Former> formers_;          // where prefixes were that have moved
  std::multimap<Prefix, Unproven> unproven_;  // by the prefix of the record that is waited for
  absl::flat_hash_set<Ipv6> again_;           // past a remembered failure: the DHT may be there again
  Installed installed_;
  absl::flat_hash_set<Ipv6> asked_;  // for packets, until the master has acknowledged the answer
  std::map<uint64_t, Question> questions_;
  uint64_t next_question_ = 1;
  bool draining_ = false;
  std::string last_refusal_;  // the same again is not worth a line in the log
  Counters counters_;
};

// What `state` says of the lookups: waiting, under way, and what gave way.
boost::json::object LookupsJson(const DhtSlave& slave);
std::string ResolveJson(const ResolveOutput& output);

}  // namespace ov6

#endif
