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
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "slaves/engine/chord/chord_engine.h"

namespace ov6::sim {

using namespace std::chrono_literals;

struct Weather {
  Duration latency_min = 5ms;
  Duration latency_max = 40ms;  // drawn for each datagram: they overtake each other
  double loss = 0;
  double duplicates = 0;
};

struct Node {
  Endpoint endpoint;
  Key id{};
  chord::ChordConfig config;
  std::unique_ptr<chord::ChordEngine> engine;  // null: crashed or left
  bool joined = false;
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
  explicit Simulator(uint64_t seed, Weather weather = {}) : weather_(weather), random_(seed) {}

  // Returns the node's number; it starts at once. `tune` may change its configuration.
  size_t Add(std::vector<size_t> bootstrap, std::function<void(chord::ChordConfig*)> tune = {});
  void Crash(size_t node);
  void Restart(size_t node);  // the same id, a higher incarnation
  void Leave(size_t node);
  // Nodes of different groups don't hear each other; all are in group 0 at first.
  void SetGroup(size_t node, int group) { groups_[nodes_[node].endpoint] = group; }
  void Inject(size_t to, const Endpoint& from, const Bytes& bytes);

  uint64_t Put(size_t node, const Key& key, Bytes value);
  uint64_t Get(size_t node, const Key& key);
  const GetOutput* Answer(size_t node, uint64_t id) const;

  void RunFor(Duration time);
  // Until `done` holds (asked every 10 ms) or `limit` has passed; whether it held.
  bool RunUntil(const std::function<bool()>& done, Duration limit);

  // Called after every event that changed a node's neighbourhood, with its number.
  std::function<void(const Simulator&, size_t node)> on_change;
  // Called for every datagram, also those that will be lost.
  std::function<void(const Endpoint& from, const SendOutput&)> on_send;

  BootTime now() const { return now_; }
  size_t size() const { return nodes_.size(); }
  Node& node(size_t i) { return nodes_[i]; }
  const Node& node(size_t i) const { return nodes_[i]; }
  std::vector<size_t> Alive() const;
  uint64_t Trace() const { return trace_; }
  uint64_t events() const { return events_; }
  uint64_t datagrams() const { return datagrams_; }
  std::mt19937_64& random() { return random_; }
  bool Known(const Key& id) const { return ids_.contains(id); }
  bool RingIsPerfect() const;  // everybody's list and predecessor are the right ones

 private:
  struct Event {
    std::optional<size_t> timer;  // else a datagram
    Endpoint from, to;
    Bytes bytes;
  };

  void StartEngine(size_t node);
  void Step();
  void Drain(size_t node);
  void Send(const Endpoint& from, const SendOutput& send);
  void Schedule(Duration after, Event event);
  void Wake(size_t node);
  void Changed(size_t node);
  void Mix(std::span<const uint8_t> bytes);
  double Chance() { return static_cast<double>(random_() >> 11) / static_cast<double>(uint64_t{1} << 53); }

  Weather weather_;
  std::mt19937_64 random_;
  BootTime now_ = BootTime(1s);
  uint64_t sequence_ = 0;
  std::map<std::pair<BootTime, uint64_t>, Event> queue_;
  std::vector<Node> nodes_;
  std::map<Endpoint, size_t> by_endpoint_;
  std::map<Endpoint, int> groups_;
  std::set<Key> ids_;
  std::map<size_t, BootTime> wake_at_;
  uint64_t next_request_ = 1;
  uint64_t trace_ = 0xcbf29ce484222325;
  uint64_t events_ = 0;
  uint64_t datagrams_ = 0;
};

}  // namespace ov6::sim

#endif
