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
  if (!network_.HasNat(node.endpoint.address)) node.endpoint = node.config.self;
  by_endpoint_[node.endpoint] = number;
  wake_at_.push_back(BootTime::max());
  nodes_.push_back(std::move(node));
  StartEngine(number);
  return number;
}

void Simulator::StartEngine(size_t number) {
  Node& node = nodes_[number];
  node.joined = false;
  node.engine = std::make_unique<chord::ChordEngine>(node.config);
  node.engine->Remember(node.told_peers);
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

void Simulator::Submit(size_t number, Request request) {
  nodes_[number].engine->Submit(now_, std::move(request));
  Drain(number);
}

void Simulator::At(BootTime at, std::function<void()> action) {
  queue_.Push(std::max(at, now_), {std::nullopt, {}, {}, {}, std::move(action)});
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
  while (!queue_.empty() && queue_.next() <= end) Step();
  now_ = end;
}

bool Simulator::RunUntil(const std::function<bool()>& done, Duration limit, Duration step) {
  for (const BootTime end = now_ + limit; now_ < end; RunFor(step)) {
    if (done()) return true;
  }
  return done();
}

void Simulator::Step() {
  now_ = queue_.next();
  Event event = queue_.Pop();
  ++events_;
  if (event.action) return event.action();
  if (!event.timer) {
    const auto it = by_endpoint_.find(event.to);
    if (it != by_endpoint_.end()) Hear(it->second, event.from, &event.bytes);
    return;
  }
  const size_t number = *event.timer;
  if (wake_at_[number] != now_) return;  // there was an earlier one
  wake_at_[number] = BootTime::max();
  if (!nodes_[number].engine) return;
  if (nodes_[number].engine->NextDeadline() <= now_) nodes_[number].engine->OnTimer(now_);
  Drain(number);
}

void Simulator::Hear(size_t number, const Endpoint& from, Bytes* bytes) {
  Node& node = nodes_[number];
  if (!node.engine || (node.disguise && !node.disguise->Hear(now_, from, bytes))) return;
  node.engine->OnMessage(now_, from, *bytes);
  Drain(number);
}

void Simulator::Drain(size_t number) {
  while (nodes_[number].engine) {
    std::optional<Output> output = nodes_[number].engine->NextOutput();
    if (!output) break;
    Node& node = nodes_[number];
    if (std::holds_alternative<JoinedOutput>(*output)) node.joined = true;
    if (const auto* peers = std::get_if<PeersOutput>(&*output)) node.told_peers = peers->peers;
    if (auto* send = std::get_if<SendOutput>(&*output)) {
      Emit(number, std::move(*send));
    } else if (on_output) {
      on_output(number, *output);
    } else {
      if (const auto* get = std::get_if<GetOutput>(&*output)) node.gets[get->id] = *get;
      if (const auto* put = std::get_if<PutOutput>(&*output)) node.puts[put->id] = *put;
    }
  }
  Node& node = nodes_[number];
  if (node.engine && node.engine->Left()) node.engine.reset();
  Changed(number);
  if (node.engine) Wake(number);
}

void Simulator::Emit(size_t number, SendOutput send) {
  const Endpoint from = nodes_[number].endpoint;
  if (!nodes_[number].disguise) return Send(from, std::move(send));
  for (SendOutput& altered : nodes_[number].disguise->Say(now_, std::move(send)))
    Send(from, std::move(altered));
}

void Simulator::Send(const Endpoint& from, SendOutput send) {
  ++datagrams_;
  sent_bytes_ += send.bytes.size();
  if (on_send) on_send(from, send);
  const Bytes head =
      ByteWriter().U64(ToNanoseconds(now_)).U32(from.address.value).U32(send.to.address.value).Take();
  Mix(head);
  Mix(send.bytes);
  const std::vector<Network::Copy> copies = network_.Route(now_, from, send.to);
  for (const Network::Copy& copy : copies) {
    const bool last = &copy == &copies.back();
    Bytes bytes = last ? std::move(send.bytes) : send.bytes;
    queue_.Push(now_ + copy.after, {std::nullopt, copy.from, copy.to, std::move(bytes), nullptr});
  }
}

void Simulator::Wake(size_t number) {
  const BootTime at = std::max(nodes_[number].engine->NextDeadline(), now_);
  if (at >= wake_at_[number]) return;
  wake_at_[number] = at;
  queue_.Push(at, {number, {}, {}, {}, nullptr});
}

void Simulator::Changed(size_t number) {
  Node& node = nodes_[number];
  const bool same = node.engine == nullptr ? !node.view
                                           : node.view && node.view->version == node.engine->Version() &&
                                                 node.view->self.incarnation == node.config.incarnation;
  if (same) return;
  perfect_.reset();
  if (node.view) Displace(number);
  node.view.reset();
  if (node.engine) {
    node.view = node.engine->View();
    node.id = node.view->self.id;
    ids_.insert(node.id);
    Place(number);
  }
  if (on_change) on_change(*this, number);
}

// FNV-1a's way, eight bytes at a time.
void Simulator::Mix(std::span<const uint8_t> bytes) {
  const size_t whole = bytes.size() / 8;
  ByteReader reader(bytes);
  for (size_t i = 0; i < whole; ++i) trace_ = (trace_ ^ reader.U64()) * 0x100000001b3;
  for (const uint8_t byte : bytes.subspan(8 * whole)) trace_ = (trace_ ^ byte) * 0x100000001b3;
}

std::vector<size_t> Simulator::Alive() const {
  std::vector<size_t> alive;
  for (size_t i = 0; i < nodes_.size(); ++i) {
    if (nodes_[i].engine) alive.push_back(i);
  }
  return alive;
}

bool Simulator::RingIsPerfect() const {
  if (!perfect_) perfect_ = ComputePerfect();
  return *perfect_;
}

void Simulator::Place(size_t number) {
  const auto it = std::lower_bound(ring_.begin(), ring_.end(), nodes_[number].id,
                                   [&](size_t other, const Key& id) { return nodes_[other].id < id; });
  ring_.insert(it, number);
}

void Simulator::Displace(size_t number) {
  auto it = std::lower_bound(ring_.begin(), ring_.end(), nodes_[number].id,
                             [&](size_t other, const Key& id) { return nodes_[other].id < id; });
  ring_.erase(std::find(it, ring_.end(), number));
}

// What was wrong is likely to be so still.
bool Simulator::ComputePerfect() const {
  const size_t n = ring_.size(), first = wrong_;
  for (size_t i = 0; i < n; ++i) {
    wrong_ = (first + i) % n;
    if (!IsPerfect(wrong_)) return false;
  }
  return true;
}

std::string Simulator::WhyNotPerfect() const {
  std::string why;
  for (size_t i = 0, told = 0; i < ring_.size() && told < 5; ++i) {
    if (IsPerfect(i)) continue;
    ++told;
    const chord::ChordView& view = *nodes_[ring_[i]].view;
    const auto name = [](const chord::Peer& peer) {
      return peer.endpoint.ToString() + "/" + std::to_string(peer.incarnation);
    };
    why += name(view.self) + ": " + chord::ToString(view.mode) + ", before it " +
           (view.predecessor ? name(*view.predecessor) : "nobody") + ", behind it";
    for (const chord::Peer& peer : view.successors) why += " " + name(peer);
    why += "; should be, from the one before it:";
    for (size_t k = ring_.size() - 1; k < ring_.size() + view.successors.size() + 1; ++k)
      why += " " + name(nodes_[ring_[(i + k) % ring_.size()]].view->self);
    why += "\n";
  }
  return why;
}

bool Simulator::IsPerfect(size_t place) const {
  const size_t n = ring_.size();
  const auto at = [&](size_t i) -> const chord::ChordView& { return *nodes_[ring_[i % n]].view; };
  const chord::ChordView& view = at(place);
  const size_t r = static_cast<size_t>(nodes_[ring_[place]].config.successors);
  if (view.successors.size() != std::min(n - 1, r)) return false;
  if (view.mode != (n > r ? chord::Mode::kRing : chord::Mode::kMesh)) return false;
  for (size_t k = 0; k < view.successors.size(); ++k) {
    if (view.successors[k] != at(place + 1 + k).self) return false;
  }
  return n == 1 || view.predecessor == at(place + n - 1).self;
}

}  // namespace ov6::sim
