// SPDX-License-Identifier: Apache-2.0
// A Chord node as a pure state machine (Stoica et al. 2001, corrected after P. Zave,
// "Reasoning about identifier spaces: how to make Chord correct", TSE 43(12), 2017).
// Its wire format is chord.proto; README.md tells how rings grow out of a full mesh.
#ifndef OV6_SLAVES_ENGINE_CHORD_CHORD_ENGINE_H
#define OV6_SLAVES_ENGINE_CHORD_CHORD_ENGINE_H

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "ov6/engine.h"
#include "ov6/ring_config.h"
#include "slaves/engine/chord/cookies.h"
#include "slaves/engine/chord/peer.h"

namespace ov6::chord {

struct ChordConfig : RingConfig {
  Endpoint self;                    // where other nodes reach this one; never 0.0.0.0
  uint8_t slot = 0;                 // 0-7, tells nodes of one address apart; the id follows from both
  uint64_t incarnation = 1;         // higher at every start of the process, e.g. Unix milliseconds
  std::string network;              // the domain's name; nodes of other names are not heard
  std::vector<Endpoint> bootstrap;  // may name dead nodes and oneself; empty: found a new ring

  Duration stabilize = std::chrono::seconds(1);               // between rounds when nothing changes
  Duration stabilize_eager = std::chrono::milliseconds(100);  // while the neighbourhood changes
  Duration fix_fingers = std::chrono::seconds(1);             // one finger each
  Duration republish = std::chrono::minutes(5);               // publishers put again; sooner at half life
  Duration compare_values = std::chrono::seconds(60);         // with one other holder
  Duration request_timeout = std::chrono::seconds(8);         // a get or put gives up
  Duration found_after = std::chrono::seconds(3);             // no bootstrap answers: alone in a ring of one
  Duration rto_initial = std::chrono::milliseconds(250);
  Duration rto_min = std::chrono::milliseconds(150);
  Duration rto_max = std::chrono::seconds(2);
  int tries = 3;  // unanswered sends before a peer counts as dead

  size_t routing_per_24 = 4;  // fingers and table: at most so many of one IPv4 /24; 0: no limit
  Duration gossip = std::chrono::seconds(1);  // between tellings, while there is something to tell
  Duration compare_tables = std::chrono::seconds(30);
  Duration sweep =
      std::chrono::seconds(3);  // between members of the table that are asked whether they are there

  size_t max_values_per_key = 8;  // what a few datagrams carry; the rest goes to ValueInfo::next
  size_t max_values = 65536;
  size_t max_bytes = size_t{32} << 20;
  double checks = 1000;            // values of others judged a second; the rest waits ..
  double checks_per_source = 100;  // .. and of one address that is no neighbour
  size_t max_publications = 1024;
  size_t max_requests = 4096;  // gets and puts under way
  size_t max_rpcs = 16384;     // requests to peers under way

  uint64_t seed = 1;
  Secret secret{};       // 32 random bytes: cookies and the ids of requests follow from it
  ValueChecker checker;  // absent: every value is refused
};

// InvalidArgument with a sentence, or the empty string.
std::string Validate(const ChordConfig& config);

enum class Mode { kJoining, kMesh, kRing, kLeaving, kLeft };
const char* ToString(Mode mode);

// What a simulator or a test asserts on.
struct ChordView {
  Peer self;
  Mode mode = Mode::kJoining;
  std::optional<Peer> predecessor;
  std::vector<Peer> successors;
  uint64_t version = 0;  // changes whenever one of the above does
};

class ChordEngine : public Engine {
 public:
  explicit ChordEngine(ChordConfig config);
  ~ChordEngine() override;

  // Before Start: peers of a PeersOutput before the restart, asked beside the bootstraps.
  void Remember(std::vector<Endpoint> peers);
  void Start(BootTime now) override;
  void OnMessage(BootTime now, const Endpoint& from, std::span<const uint8_t> bytes) override;
  void OnTimer(BootTime now) override;
  BootTime NextDeadline() const override;
  void Submit(BootTime now, Request request) override;
  std::optional<Output> NextOutput() override;
  std::string StateJson(BootTime now) const override;

  // After a LeaveRequest: everything is handed over (or given up on); the owner may stop.
  bool Left() const;
  ChordView View() const;
  uint64_t Version() const;                         // of the view
  uint64_t Counter(const std::string& name) const;  // as in StateJson; 0 if there is none
  size_t StoredValues() const;

 private:
  class Node;
  std::unique_ptr<Node> node_;
};

}  // namespace ov6::chord

#endif
