// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/router.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "tests/unit/slaves/fakes.h"

namespace ov6::sim {
namespace {

constexpr auto kCall = std::chrono::microseconds(500);  // of the session, there and back
constexpr auto kTick = std::chrono::seconds(1);
constexpr auto kTurn = std::chrono::seconds(1);
constexpr size_t kPortHead = 14 + sizeof(ov6_port_header);
constexpr uint32_t kChunks = 512;

Bytes InnerBytes(const Packet& packet) {
  Bytes bytes = Ipv6Packet(packet.source, packet.destination);
  bytes[7] = packet.hop_limit;
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
  packet.hop_limit = bytes[7];
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

Router::Router(Surroundings& world, const Domain& domain, const Place& place, const Site& own,
               const std::vector<Claim>& claims, Duration skew, uint64_t seed)
    : world_(world), key_(own.key), node_(place.node), skew_(skew), random_(seed) {
  config_.domain = domain;
  config_.engine = "chord";
  config_.listen = place.at;
  config_.locators = {{place.at.address}};
  config_.public_key = own.key.public_key();
  config_.modifier = own.modifier;
  const Permission permission{{SlaveKind::kDht}, "chord", {domain.prefix}, true, {}};
  id_ = std::get<SlaveId>(master_.Register({SlaveKind::kDht, "chord", {domain.prefix}}, permission));
  master_.Activate(id_).IgnoreError();
  master_.mappings().SetOwnAddresses({place.at.address});
  for (const Claim& claim : claims) AddSite(claim);
  const auto submit = [this](Request request) { Submit(std::move(request)); };
  registrar_ = std::make_unique<Registrar>(config_, *this, submit, Clock());
  DhtSlave::Lifetimes lifetimes;
  lifetimes.seed = seed;
  slave_ = std::make_unique<DhtSlave>(domain, *this, *this, submit, Clock(), lifetimes);
  query_ = std::make_unique<RecordQuery>(domain, submit, Clock());
  const auto send = [this](const Endpoint& to, const Bytes& bytes, std::optional<Ipv4>) {
    world_.Tell(node_, to, bytes);
    return true;
  };
  peering_ = std::make_unique<Peering>(
      config_, *this, *registrar_, *slave_, *query_, send, [this] { return random_(); }, Clock());
  PortCapsule port;
  port.slave = id_;
  port.frame_count = kChunks;
  slave_->OnPort(port);
  Later(kTick, [this] { Tick(); });
  Later(Duration(0), [this] { OnTimer(); });
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
  const BootTime deadline =
      std::min({slave_->NextDeadline(), registrar_->NextDeadline(), peering_->NextDeadline()});
  if (deadline >= armed_) return;
  armed_ = std::max(deadline, world_.now());
  Later(armed_ - world_.now(), [this] { OnTimer(); });
}

void Router::OnTimer() {
  if (armed_ != BootTime::max() && armed_ > world_.now()) return;  // an earlier one has come since
  armed_ = BootTime::max();
  slave_->OnTimer();
  peering_->OnTimer();
  registrar_->OnTimer();
  Arm();
}

// --- sites and places -------------------------------------------------------------

void Router::AddSite(const Claim& claim) {
  master_.routes().Replace(claim.prefix, {OV6_SLAVE_OPERATOR, Action::kSite, 0}).IgnoreError();
  config_.registrations.push_back(claim.prefix);
  if (claim.token) config_.delegations.push_back(*claim.token);
}

void Router::Take(const Claim& claim) {
  if (Registers(claim.prefix)) return;
  AddSite(claim);
  Reconfigure();
}

void Router::Reconfigure() {
  registrar_->Reconfigure(config_);
  peering_->mobility().Reconfigure(config_);
  Arm();
}

void Router::ChangePlace(const Place& place) {
  node_ = place.node;
  config_.listen = place.at;
  config_.locators = {{place.at.address}};
  master_.mappings().SetOwnAddresses({place.at.address});
  Reconfigure();
  for (const auto& [id, request] : std::map(asked_)) world_.Submit(node_, request);
}

bool Router::Registers(const Prefix& prefix) const {
  const auto& own = config_.registrations;
  return std::find(own.begin(), own.end(), prefix) != own.end();
}

// --- the slave's surroundings -----------------------------------------------------

void Router::Submit(Request request) {
  if (const auto* put = std::get_if<PutRequest>(&request)) asked_[put->id] = request;
  if (const auto* get = std::get_if<GetRequest>(&request)) asked_[get->id] = request;
  world_.Submit(node_, std::move(request));
}

void Router::OnOutput(const Output& output) {
  if (const auto* get = std::get_if<GetOutput>(&output)) {
    asked_.erase(get->id);
    if (!query_->OnGet(*get)) slave_->OnGet(*get);
  }
  if (const auto* put = std::get_if<PutOutput>(&output)) {
    asked_.erase(put->id);
    registrar_->OnPut(*put);
  }
  if (std::holds_alternative<JoinedOutput>(output)) {
    registrar_->OnJoined();
    peering_->mobility().OnJoined();
  }
  Arm();
}

void Router::OnDatagram(const Endpoint& from, const Bytes& bytes) {
  peering_->OnDatagram(from, config_.listen.address, bytes);
  Arm();
}

void Router::Call(const std::string& method, const std::string& argument, Result result) {
  Later(kCall, [this, method, argument, result = std::move(result)] {
    result(Answer(method, argument));
    Arm();
  });
}

absl::StatusOr<std::string> Router::Answer(const std::string& method, const std::string& argument) {
  const Bytes bytes(argument.begin(), argument.end());
  if (method == "sign") return Sign(bytes);
  if (method == "former") return AcceptFormer(argument);
  if (method == "moved") return HandOver(bytes);
  return absl::UnimplementedError("nobody asks for " + method + " here");
}

absl::StatusOr<std::string> Router::Sign(const Bytes& unsigned_record) {
  const auto record = DecodeRecord(unsigned_record);
  if (!record.ok() || !Registers(record->prefix)) return absl::PermissionDeniedError("not ours");
  const Signature signature = key_.Sign(SignedBytes(unsigned_record));
  world_.Signed(*record);
  return std::string(signature.begin(), signature.end());
}

absl::StatusOr<std::string> Router::AcceptFormer(const std::string& argument) {
  const auto object = boost::json::parse(argument).as_object();
  std::vector<Ipv4> places;
  for (const auto& address : object.at("addresses").as_array())
    places.push_back(*Ipv4::Parse(std::string(address.as_string())));
  const auto prefix = Prefix::Parse(std::string(object.at("prefix").as_string()));
  if (absl::Status status = master_.AcceptFormer(world_.now(), id_, *prefix, places); !status.ok())
    return status;
  return std::string("{}");
}

// The slave hears of what it registers no more after it has heard that this is done.
absl::StatusOr<std::string> Router::HandOver(const Bytes& signed_record) {
  const auto record = VerifySigned(signed_record, config_.domain, Clock().Wall());
  if (!record.ok()) return record.status();
  if (!Registers(record->prefix)) return absl::PermissionDeniedError("not ours");
  absl::Status status = master_.HandOver(world_.now(), id_, record->prefix, record->locators);
  if (!status.ok()) return status;
  std::erase(config_.registrations, record->prefix);
  world_.HandedOver(node_, *record);
  Later(kCall, [this] { Reconfigure(); });
  return std::string("{}");
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

// --- packets ----------------------------------------------------------------------

const Router::Entry* Router::Longest(const Ipv6& address) const {
  const Entry* longest = nullptr;
  for (const Entry& entry : kernel_.mappings()) {
    if (!entry.first.Contains(address)) continue;
    if (entry.second.hard_expiry && *entry.second.hard_expiry <= world_.now()) continue;
    if (longest == nullptr || entry.first.length > longest->first.length) longest = &entry;
  }
  return longest;
}

const Router::Entry* Router::MappingOf(const Ipv6& address) const {
  const Entry* longest = Longest(address);
  return longest != nullptr && longest->second.flags & OV6_MAPPING_FORMER ? nullptr : longest;
}

bool Router::SendsTo(const Ipv6& address) const {
  const Entry* entry = MappingOf(address);
  return entry != nullptr && entry->second.locators.front().priority != kAcceptOnly;
}

void Router::Out(const Packet& packet, bool resubmitted) {
  const auto route = master_.routes().Lookup(packet.destination);
  if (route && route->second.action == Action::kSite) return world_.Arrived(node_, packet);
  if (!route || route->second.action != Action::kTunnel) return void(++counts_.no_route);
  if (const Entry* entry = MappingOf(packet.destination)) {
    ++counts_.hit;
    const Locator& locator = entry->second.locators.front();
    if (locator.priority == kAcceptOnly)
      ++counts_.no_locator;
    else
      world_.Tunnel(node_, locator.address, packet);
    return MayRefresh(packet.destination, *entry);
  }
  if (Covers(kernel_.negatives(), packet.destination, world_.now())) return void(++counts_.negative);
  if (resubmitted) return void(++counts_.loop);
  ++counts_.missed;
  Punt(OV6_PUNT_MISS, InnerBytes(packet));
}

void Router::In(Ipv4 outer, const Packet& packet, bool resubmitted) {
  const auto to = master_.routes().Lookup(packet.destination);
  const bool at_site = to && to->second.action == Action::kSite;
  if (!at_site && !(to && to->second.flags & OV6_ROUTE_RELAY)) return world_.Astray(node_, packet);
  if (IsExplained(outer, packet, at_site))
    return at_site ? world_.Arrived(node_, packet) : Relay(outer, packet);
  if (resubmitted) return void(++counts_.loop);
  ++counts_.verified;
  Punt(OV6_PUNT_VERIFY, OuterBytes(outer, packet));
}

// By the source's mapping; or it comes from where the destination was, which has verified it.
bool Router::IsExplained(Ipv4 outer, const Packet& packet, bool at_site) {
  const auto names = [&](const Entry& entry) {
    const auto& locators = entry.second.locators;
    return std::any_of(locators.begin(), locators.end(),
                       [&](const Locator& locator) { return locator.address == outer; });
  };
  const Entry* source = MappingOf(packet.source);
  if (source != nullptr && names(*source)) {
    MayRefresh(packet.source, *source);
    return true;
  }
  const Entry* former = Longest(packet.destination);
  return at_site && former != nullptr && former->second.flags & OV6_MAPPING_FORMER && names(*former);
}

void Router::Relay(Ipv4 outer, const Packet& packet) {
  const Entry* entry = MappingOf(packet.destination);
  if (entry == nullptr || entry->second.locators.front().priority == kAcceptOnly)
    return void(++counts_.no_locator);
  if (packet.hop_limit <= 1) return void(++counts_.loop);
  Packet onward = packet;
  --onward.hop_limit;
  ++counts_.relayed;
  world_.Relayed(packet);
  world_.Tunnel(node_, entry->second.locators.front().address, onward);
  const Entry* source = MappingOf(packet.source);
  if (source == nullptr || !TakesTurn(source->first)) return;
  Later(kCall, [this, outer, destination = packet.destination] {
    peering_->mobility().OnRelayed(destination, outer);
    Arm();
  });
}

// As in the kernel: once a second something is said about a mapping.
bool Router::TakesTurn(const Prefix& prefix) {
  const auto [turn, first] = turns_.try_emplace(prefix, world_.now());
  if (!first && world_.now() - turn->second < kTurn) return false;
  turn->second = world_.now();
  return true;
}

// Of a mapping in use and past its soft expiry.
void Router::MayRefresh(const Ipv6& address, const Entry& entry) {
  if (!entry.second.soft_expiry || *entry.second.soft_expiry > world_.now()) return;
  if (!TakesTurn(entry.first)) return;
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
