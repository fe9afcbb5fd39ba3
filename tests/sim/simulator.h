// SPDX-License-Identifier: Apache-2.0
// A discrete-event network of ChordEngines on virtual time. Everything random comes
// from one seed; Trace() is a hash over every datagram that was sent.
#ifndef OV6_TESTS_SIM_SIMULATOR_H
#define OV6_TESTS_SIM_SIMULATOR_H

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "absl/container/flat_hash_set.h"
#include "slaves/engine/chord/chord_engine.h"
#include "tests/sim/event_queue.h"
#include "tests/sim/network.h"

namespace ov6::sim {

// What stands between an engine and the network, for a node that is not what it seems.
class Disguise {
 public:
  virtual ~Disguise() = default;
  // False: the engine does not get it.
  virtual bool Hear(BootTime now, const Endpoint& from, Bytes* bytes) = 0;
  // What is sent in place of what the engine sends.
  virtual std::vector<SendOutput> Say(BootTime now, SendOutput output) = 0;
};

struct Node {
  Endpoint endpoint;
  Key id{};
  chord::ChordConfig config;
  std::unique_ptr<chord::ChordEngine> engine;  // null: crashed or left
  bool joined = false;
  std::unique_ptr<Disguise> disguise;
  std::vector<Endpoint> told_peers;      // of its last PeersOutput; a restarted one is told to remember them
  std::optional<chord::ChordView> view;  // of the engine, as it is
  std::map<uint64_t, GetOutput> gets;
  std::map<uint64_t, PutOutput> puts;
};

// A value of the simulation's own format: owner, sequence, and lifetime in seconds, then anything.
Bytes MakeValue(const std::string& owner, uint64_t sequence, uint32_t lifetime_s = 3600,
                size_t padding = 100);
std::optional<ValueInfo> CheckValue(const Key&, std::span<const uint8_t> value, BootTime now);
Key KeyOf(const std::string& text);

class Simulator {
 public:
  explicit Simulator(uint64_t seed, Weather weather = {}) : random_(seed), network_(weather, &random_) {}
  Simulator(const Simulator&) = delete;

  // Returns the node's number; it starts at once. `tune` may change its configuration.
  size_t Add(std::vector<size_t> bootstrap, std::function<void(chord::ChordConfig*)> tune = {});
  void Crash(size_t node);
  void Restart(size_t node);  // the same id, a higher incarnation
  void Leave(size_t node);
  // Nodes of different groups don't hear each other; all are in group 0 at first.
  void SetGroup(size_t node, int group) { network_.SetGroup(nodes_[node].endpoint.address, group); }
  void Inject(size_t to, const Endpoint& from, const Bytes& bytes);

  uint64_t Put(size_t node, const Key& key, Bytes value);
  uint64_t Get(size_t node, const Key& key);
  void Submit(size_t node, Request request);
  // Something else that happens, at its time among the rest.
  void At(BootTime at, std::function<void()> action);
  const GetOutput* Answer(size_t node, uint64_t id) const;

  void RunFor(Duration time);
  // Until `done` holds (asked every `step`) or `limit` has passed; whether it held.
  bool RunUntil(const std::function<bool()>& done, Duration limit, Duration step = 10ms);

  // Called after every event that changed a node's neighbourhood, with its number.
  std::function<void(const Simulator&, size_t node)> on_change;
  // Called for what an engine gives out but datagrams; gets and puts are then not kept.
  std::function<void(size_t node, const Output& output)> on_output;
  // Called for every datagram, also those that will be lost.
  std::function<void(const Endpoint& from, const SendOutput&)> on_send;

  BootTime now() const { return now_; }
  size_t size() const { return nodes_.size(); }
  Node& node(size_t i) { return nodes_[i]; }
  const Node& node(size_t i) const { return nodes_[i]; }
  std::vector<size_t> Alive() const;
  size_t alive() const { return ring_.size(); }
  uint64_t Trace() const { return trace_; }
  uint64_t events() const { return events_; }
  uint64_t datagrams() const { return datagrams_; }
  uint64_t sent_bytes() const { return sent_bytes_; }
  std::mt19937_64& random() { return random_; }
  Network& network() { return network_; }
  bool Known(const Key& id) const { return ids_.contains(id); }
  bool RingIsPerfect() const;
  std::string WhyNotPerfect() const;  // the first nodes that are not as they should be, a line each  //
                                      // everybody's list and predecessor are the right ones

 private:
  struct Event {
    std::optional<size_t> timer;
    Endpoint from, to;  // of a datagram
    Bytes bytes;
    std::function<void()> action;
  };

  void StartEngine(size_t node);
  void Step();
  void Drain(size_t node);
  void Send(const Endpoint& from, SendOutput send);
  void Hear(size_t node, const Endpoint& from, Bytes* bytes);
  void Emit(size_t node, SendOutput send);
  void Wake(size_t node);
  void Changed(size_t node);
  void Mix(std::span<const uint8_t> bytes);
  void Place(size_t node);
  void Displace(size_t node);
  bool IsPerfect(size_t place) const;
  bool ComputePerfect() const;

  std::mt19937_64 random_;
  Network network_;
  BootTime now_ = BootTime(1s);
  EventQueue<Event> queue_;
  std::vector<Node> nodes_;
  absl::flat_hash_map<Endpoint, size_t> by_endpoint_;
  std::vector<BootTime> wake_at_;
  absl::flat_hash_set<Key> ids_;
  std::vector<size_t> ring_;             // who is alive, by id
  mutable std::optional<bool> perfect_;  // since the last change
  mutable size_t wrong_ = 0;             // the place in the ring that was not right when last looked at
  uint64_t next_request_ = 1;
  uint64_t trace_ = 0xcbf29ce484222325;
  uint64_t events_ = 0;
  uint64_t datagrams_ = 0;
  uint64_t sent_bytes_ = 0;
};

}  // namespace ov6::sim

#endif
