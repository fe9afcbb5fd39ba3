// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/router.h"

#include <algorithm>
#include <utility>

#include "tests/unit/slaves/fakes.h"
#include "userspace/wire/storage_key.h"

namespace ov6::sim {
namespace {

constexpr auto kCall = std::chrono::microseconds(500);  // of the session, there and back
constexpr auto kTick = std::chrono::seconds(1);
constexpr auto kRefreshPause = std::chrono::seconds(1);
constexpr int kNumberShift = 40;
constexpr size_t kPortHead = 14 + sizeof(ov6_port_header);
constexpr uint32_t kChunks = 512;

Bytes InnerBytes(const Packet& packet) {
  Bytes bytes = Ipv6Packet(packet.source, packet.destination);
  const Bytes id = ByteWriter().U64(packet.id).Take();
  bytes.insert(bytes.end(), id.begin(), id.end());
  return bytes;
}

Bytes OuterBytes(Ipv4 from, const Packet& packet) {
  Bytes bytes = Ipv4Packet(41, InnerBytes(packet));
  const Bytes source = ByteWriter().U32(from.value).Take();
  std::copy(source.begin(), source.end(), bytes.begin() + 12);
  return bytes;
}

Packet PacketOf(std::span<const uint8_t> bytes) {
  Packet packet;
  std::copy_n(bytes.begin() + 8, 16, packet.source.bytes.begin());
  std::copy_n(bytes.begin() + 24, 16, packet.destination.bytes.begin());
  packet.id = ByteReader(bytes.subspan(40)).U64();
  return packet;
}

bool Covers(const std::map<Prefix, Negative>& negatives, const Ipv6& address, BootTime now) {
  return std::any_of(negatives.begin(), negatives.end(), [&](const auto& entry) {
    return entry.second.expiry > now && entry.first.Contains(address);
  });
}

}  // namespace

Router::Router(Surroundings& world, const Domain& domain, size_t node, Ipv4 address, Duration skew,
               uint64_t seed)
    : world_(world), domain_(domain), node_(node), address_(address), skew_(skew) {
  const Permission permission{{SlaveKind::kDht}, "chord", {domain.prefix}, true, {}};
  id_ = std::get<SlaveId>(master_.Register({SlaveKind::kDht, "chord", {domain.prefix}}, permission));
  master_.Activate(id_).IgnoreError();
  master_.mappings().SetOwnAddresses({address});
  DhtSlave::Lifetimes lifetimes;
  lifetimes.seed = seed;
  slave_ = std::make_unique<DhtSlave>(
      domain_, *this, *this, [this](Request request) { world_.Submit(node_, std::move(request)); }, Clock(),
      lifetimes);
  PortCapsule port;
  port.slave = id_;
  port.frame_count = kChunks;
  slave_->OnPort(port);
  Later(kTick, [this] { Tick(); });
}

Router::~Router() = default;

DhtClock Router::Clock() {
  return {[this] { return world_.now(); },
          [this] {
            const auto since = world_.now().time_since_epoch() % std::chrono::seconds(1) + skew_;
            return std::chrono::floor<std::chrono::milliseconds>(
                std::chrono::sys_time<std::chrono::nanoseconds>(world_.Wall()) + since);
          }};
}

void Router::Later(Duration after, std::function<void()> action) {
  world_.At(world_.now() + after, [alive = std::weak_ptr(alive_), action = std::move(action)] {
    if (!alive.expired()) action();
  });
}

void Router::Tick() {
  master_.Sweep(world_.now());
  Later(kTick, [this] { Tick(); });
}

void Router::Arm() {
  BootTime deadline = slave_->NextDeadline();
  for (const auto& [prefix, served] : sites_) deadline = std::min(deadline, served.registrar->NextDeadline());
  if (deadline >= armed_) return;
  armed_ = std::max(deadline, world_.now());
  Later(armed_ - world_.now(), [this] { OnTimer(); });
}

void Router::OnTimer() {
  if (armed_ > world_.now()) return;  // an earlier one has come since
  armed_ = BootTime::max();
  slave_->OnTimer();
  for (auto& [prefix, served] : sites_) served.registrar->OnTimer();
  Arm();
}

void Router::AddSite(const Site& site) {
  DhtConfig config;
  config.domain = domain_;
  config.engine = "chord";
  config.registrations = {site.prefix};
  config.locators = {{address_}};
  config.public_key = site.key.public_key();
  config.modifier = site.modifier;
  const uint64_t number = next_site_++;
  const auto submit = [this, number](Request request) {
    if (auto* put = std::get_if<PutRequest>(&request)) put->id |= number << kNumberShift;
    world_.Submit(node_, std::move(request));
  };
  auto registrar = std::make_unique<Registrar>(config, *this, submit, Clock());
  Served& served = sites_[site.prefix];
  served = {&site, std::move(registrar), number};
  served.registrar->OnTimer();
  if (joined_) served.registrar->OnJoined();
  Arm();
}

void Router::RemoveSite(const Site& site) {
  sites_.erase(site.prefix);
  world_.Submit(node_, RemoveRequest{0, StorageKey(domain_, site.prefix)});
}

void Router::OnOutput(const Output& output) {
  if (const auto* get = std::get_if<GetOutput>(&output)) slave_->OnGet(*get);
  if (const auto* put = std::get_if<PutOutput>(&output)) {
    for (auto& [prefix, served] : sites_) {
      if (served.number != put->id >> kNumberShift) continue;
      PutOutput own = *put;
      own.id &= (uint64_t{1} << kNumberShift) - 1;
      served.registrar->OnPut(own);
    }
  }
  if (std::holds_alternative<JoinedOutput>(output)) {
    joined_ = true;
    for (auto& [prefix, served] : sites_) served.registrar->OnJoined();
  }
  Arm();
}

// As ov6d answers it: `sign` alone is asked here.
void Router::Call(const std::string& method, const std::string& argument, Result result) {
  Later(kCall, [this, method, argument, result = std::move(result)] {
    const Bytes unsigned_record(argument.begin(), argument.end());
    const auto record = DecodeRecord(unsigned_record);
    const auto site = record.ok() ? sites_.find(record->prefix) : sites_.end();
    if (method != "sign" || site == sites_.end()) return result(absl::PermissionDeniedError("not ours"));
    const Signature signature = site->second.site->key.Sign(SignedBytes(unsigned_record));
    world_.Signed(*record);
    result(std::string(signature.begin(), signature.end()));
    Arm();
  });
}

void Router::SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) {
  world_.Answered(node_, changes);
  Later(kCall, [this, changes = std::move(changes), acknowledged = std::move(acknowledged)] {
    const MappingsAckCapsule ack = master_.Apply(world_.now(), id_, {++sequence_, changes});
    acknowledged(ack.refused);
    Arm();
  });
}

void Router::Transmit(std::span<const Frame> frames) {
  for (const Frame& frame : frames) {
    const auto bytes = std::span<const uint8_t>(frame.bytes).subspan(kPortHead);
    if (PortType(frame) == OV6_PORT_RESUBMIT_IN)
      In(Ipv4{ByteReader(bytes.subspan(12)).U32()}, PacketOf(bytes.subspan(20)), true);
    else
      Out(PacketOf(bytes), true);
    Release(frame);
  }
}

const std::pair<const Prefix, Mapping>* Router::Longest(const Ipv6& address) const {
  const std::pair<const Prefix, Mapping>* longest = nullptr;
  for (const auto& entry : kernel_.mappings()) {
    if (!entry.first.Contains(address)) continue;
    if (entry.second.hard_expiry && *entry.second.hard_expiry <= world_.now()) continue;
    if (longest == nullptr || entry.first.length > longest->first.length) longest = &entry;
  }
  return longest;
}

bool Router::Ours(const Ipv6& address) const {
  return std::any_of(sites_.begin(), sites_.end(),
                     [&](const auto& entry) { return entry.first.Contains(address); });
}

void Router::Out(const Packet& packet, bool resubmitted) {
  if (Ours(packet.destination)) return world_.Arrived(node_, packet);
  const auto& routes = kernel_.routes();
  const bool routed = std::any_of(routes.begin(), routes.end(), [&](const auto& route) {
    return route.second.action == Action::kTunnel && route.first.Contains(packet.destination);
  });
  if (!routed) return void(++counts_.no_route);
  if (const auto* entry = Longest(packet.destination)) {
    ++counts_.hit;
    const Locator& locator = entry->second.locators.front();
    if (locator.priority == kAcceptOnly) return void(++counts_.no_locator);
    world_.Tunnel(node_, locator.address, packet);
    return MayRefresh(packet.destination, entry->first, entry->second);
  }
  if (Covers(kernel_.negatives(), packet.destination, world_.now())) return void(++counts_.negative);
  if (resubmitted) return void(++counts_.loop);
  ++counts_.missed;
  Punt(OV6_PUNT_MISS, InnerBytes(packet));
}

void Router::In(Ipv4 outer, const Packet& packet, bool resubmitted) {
  if (!Ours(packet.destination)) return world_.Astray(node_, packet);
  const auto* entry = Longest(packet.source);
  const auto sends = [&](const Locator& locator) { return locator.address == outer; };
  if (entry != nullptr && std::any_of(entry->second.locators.begin(), entry->second.locators.end(), sends))
    return world_.Arrived(node_, packet);
  if (resubmitted) return void(++counts_.loop);
  ++counts_.verified;
  Punt(OV6_PUNT_VERIFY, OuterBytes(outer, packet));
}

// As the kernel asks: of a mapping in use and past its soft expiry.
void Router::MayRefresh(const Ipv6& address, const Prefix& prefix, const Mapping& mapping) {
  if (!mapping.soft_expiry || *mapping.soft_expiry > world_.now()) return;
  BootTime& last = refreshed_[prefix];
  if (world_.now() - last < kRefreshPause) return;
  last = world_.now();
  Later(kCall, [this, address] {
    slave_->OnRefresh(std::span(&address, 1));
    Arm();
  });
}

void Router::Punt(ov6_punt_reason reason, const Bytes& packet) {
  const uint32_t chunk = next_chunk_++;
  Bytes& bytes = frames_[chunk] = PuntBytes(reason, packet);
  const Frame frame{chunk, std::span(bytes)};
  slave_->OnFrames(std::span(&frame, 1));
  Arm();
}

size_t Router::registered() const {
  size_t count = 0;
  for (const auto& [prefix, served] : sites_) count += served.registrar->registered();
  return count;
}

std::string Router::Leaks() const {
  const LookupQueue& lookups = slave_->lookups();
  size_t waiting = 0;
  for (const auto kind : {LookupQueue::kRefresh, LookupQueue::kMiss, LookupQueue::kVerify})
    waiting += lookups.waiting(kind) + lookups.in_flight(kind);
  if (waiting > 0) return std::to_string(waiting) + " lookups wait or are under way";
  if (slave_->held().size() > 0) return std::to_string(slave_->held().size()) + " packets are held";
  if (!frames_.empty()) return std::to_string(frames_.size()) + " frames are neither sent nor released";
  return "";
}

}  // namespace ov6::sim
