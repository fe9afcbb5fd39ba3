// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/simulator.h"

#include <algorithm>

#include "userspace/base/bytes.h"
#include "userspace/base/crypto.h"

namespace ov6::sim {

Bytes MakeValue(const std::string& owner, uint64_t sequence, uint32_t lifetime_s, size_t padding) {
  Bytes value = ByteWriter().String(owner).U64(sequence).U32(lifetime_s).Take();
  value.resize(value.size() + padding, 0x55);
  return value;
}

std::optional<ValueInfo> CheckValue(const Key&, std::span<const uint8_t> value, BootTime) {
  ByteReader reader(value);
  const auto owner = reader.Block();
  ValueInfo info{{owner.begin(), owner.end()}, reader.U64(), {}};
  info.lifetime = std::chrono::seconds(reader.U32());
  if (!reader.ok()) return std::nullopt;
  return info;
}

Key KeyOf(const std::string& text) {
  return Sha1({reinterpret_cast<const uint8_t*>(text.data()), text.size()});
}

size_t Simulator::Add(std::vector<size_t> bootstrap, std::function<void(chord::ChordConfig*)> tune) {
  const size_t number = nodes_.size();
  Node node;
  node.endpoint = {Ipv4{0x0a000001 + static_cast<uint32_t>(number)}, 4646};
  node.config.self = node.endpoint;
  node.config.slot = static_cast<uint8_t>(random_() % chord::kSlots);
  node.config.successors = 4;
  node.config.replicas = 3;
  node.config.routing_per_24 = 0;
  node.config.network = "sim";
  node.config.seed = random_();
  for (uint8_t& byte : node.config.secret) byte = static_cast<uint8_t>(random_());
  node.config.checker = CheckValue;
  for (const size_t other : bootstrap)
    node.config.bootstrap.push_back({Ipv4{0x0a000001 + static_cast<uint32_t>(other)}, 4646});
  if (tune) tune(&node.config);
  by_endpoint_[node.endpoint] = number;
  node.id = chord::IdOf(node.endpoint.address, node.config.slot);
  ids_.insert(node.id);
  nodes_.push_back(std::move(node));
  StartEngine(number);
  return number;
}

void Simulator::StartEngine(size_t number) {
  Node& node = nodes_[number];
  node.joined = false;
  node.engine = std::make_unique<chord::ChordEngine>(node.config);
  node.engine->Start(now_);
  Drain(number);
}

void Simulator::Crash(size_t number) {
  nodes_[number].engine.reset();
  Changed(number);
}

void Simulator::Restart(size_t number) {
  ++nodes_[number].config.incarnation;
  nodes_[number].config.seed = random_();
  for (uint8_t& byte : nodes_[number].config.secret) byte = static_cast<uint8_t>(random_());
  StartEngine(number);
}

void Simulator::Leave(size_t number) {
  nodes_[number].engine->Submit(now_, LeaveRequest{});
  Drain(number);
}

void Simulator::Inject(size_t to, const Endpoint& from, const Bytes& bytes) {
  nodes_[to].engine->OnMessage(now_, from, bytes);
  Drain(to);
}

uint64_t Simulator::Put(size_t number, const Key& key, Bytes value) {
  const uint64_t id = next_request_++;
  nodes_[number].engine->Submit(now_, PutRequest{id, key, std::move(value)});
  Drain(number);
  return id;
}

uint64_t Simulator::Get(size_t number, const Key& key) {
  const uint64_t id = next_request_++;
  nodes_[number].engine->Submit(now_, GetRequest{id, key});
  Drain(number);
  return id;
}

const GetOutput* Simulator::Answer(size_t number, uint64_t id) const {
  const auto it = nodes_[number].gets.find(id);
  return it == nodes_[number].gets.end() ? nullptr : &it->second;
}

void Simulator::RunFor(Duration time) {
  const BootTime end = now_ + time;
  while (!queue_.empty() && queue_.begin()->first.first <= end) Step();
  now_ = end;
}

bool Simulator::RunUntil(const std::function<bool()>& done, Duration limit) {
  for (const BootTime end = now_ + limit; now_ < end; RunFor(10ms)) {
    if (done()) return true;
  }
  return done();
}

void Simulator::Step() {
  auto entry = queue_.extract(queue_.begin());
  now_ = entry.key().first;
  ++events_;
  const Event& event = entry.mapped();
  const size_t number = event.timer ? *event.timer : by_endpoint_.at(event.to);
  Node& node = nodes_[number];
  if (event.timer) wake_at_.erase(number);
  if (!node.engine) return;
  if (event.timer) {
    if (node.engine->NextDeadline() <= now_) node.engine->OnTimer(now_);
  } else {
    node.engine->OnMessage(now_, event.from, event.bytes);
  }
  Drain(number);
}

void Simulator::Drain(size_t number) {
  Node& node = nodes_[number];
  while (std::optional<Output> output = node.engine->NextOutput()) {
    if (const auto* send = std::get_if<SendOutput>(&*output)) Send(node.endpoint, *send);
    if (const auto* get = std::get_if<GetOutput>(&*output)) node.gets[get->id] = *get;
    if (const auto* put = std::get_if<PutOutput>(&*output)) node.puts[put->id] = *put;
    if (std::holds_alternative<JoinedOutput>(*output)) node.joined = true;
  }
  if (node.engine->Left()) node.engine.reset();
  Changed(number);
  if (node.engine) Wake(number);
}

void Simulator::Send(const Endpoint& from, const SendOutput& send) {
  ++datagrams_;
  if (on_send) on_send(from, send);
  const Bytes head =
      ByteWriter().U64(ToNanoseconds(now_)).U32(from.address.value).U32(send.to.address.value).Take();
  Mix(head);
  Mix(send.bytes);
  if (!by_endpoint_.contains(send.to) || groups_[from] != groups_[send.to] || Chance() < weather_.loss)
    return;
  const int copies = Chance() < weather_.duplicates ? 2 : 1;
  for (int i = 0; i < copies; ++i) {
    const auto spread = static_cast<uint64_t>((weather_.latency_max - weather_.latency_min).count()) + 1;
    Schedule(weather_.latency_min + Duration(static_cast<int64_t>(random_() % spread)),
             {std::nullopt, from, send.to, send.bytes});
  }
}

void Simulator::Schedule(Duration after, Event event) {
  queue_.emplace(std::pair(now_ + after, sequence_++), std::move(event));
}

void Simulator::Wake(size_t number) {
  const BootTime at = std::max(nodes_[number].engine->NextDeadline(), now_);
  if (at == BootTime::max()) return;
  const auto it = wake_at_.find(number);
  if (it != wake_at_.end() && it->second <= at) return;
  wake_at_[number] = at;
  Schedule(at - now_, {number, {}, {}, {}});
}

void Simulator::Changed(size_t number) {
  Node& node = nodes_[number];
  const bool same = (node.engine != nullptr) == node.view.has_value() &&
                    (!node.engine || (node.engine->Version() == node.view->version &&
                                      node.config.incarnation == node.view->self.incarnation));
  if (same) return;
  node.view.reset();
  if (node.engine) node.view = node.engine->View();
  if (on_change) on_change(*this, number);
}

void Simulator::Mix(std::span<const uint8_t> bytes) {
  for (const uint8_t byte : bytes) trace_ = (trace_ ^ byte) * 0x100000001b3;
}

std::vector<size_t> Simulator::Alive() const {
  std::vector<size_t> alive;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].engine) alive.push_back(i);
  }
  return alive;
}

bool Simulator::RingIsPerfect() const {
  std::vector<chord::Peer> ring;
  std::map<Key, const Node*> by_id;
  for (const size_t i : Alive()) {
    const chord::ChordConfig& config = nodes_[i].config;
    ring.push_back(chord::PeerAt(nodes_[i].endpoint, config.slot, config.incarnation));
    by_id[nodes_[i].id] = &nodes_[i];
  }
  std::sort(ring.begin(), ring.end());
  const size_t n = ring.size();
  for (size_t i = 0; i < n; ++i) {
    const Node& node = *by_id[ring[i].id];
    const chord::ChordView& view = *node.view;
    const size_t length = std::min<size_t>(n - 1, node.config.successors);
    if (view.successors.size() != length) return false;
    if (view.mode !=
        (n > static_cast<size_t>(node.config.successors) ? chord::Mode::kRing : chord::Mode::kMesh)) {
      return false;
    }
    for (size_t k = 0; k < length; ++k) {
      if (view.successors[k] != ring[(i + 1 + k) % n]) return false;
    }
    if (n > 1 && view.predecessor != ring[(i + n - 1) % n]) return false;
  }
  return true;
}

}  // namespace ov6::sim
