// SPDX-License-Identifier: Apache-2.0
#include "tests/sim/world.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "tests/sim/record_judge.h"
#include "tests/sim/registry.h"
#include "userspace/base/bytes.h"
#include "userspace/wire/ownership.h"

namespace ov6::sim {
namespace {

constexpr size_t kJoinAtOnce = 20;  // a second
constexpr uint16_t kPort = 4646;
constexpr size_t kMaxFaults = 16;
constexpr size_t kSignatures = 65536;           // remembered
constexpr int kTries = 3;                       // of a host whose packet the network may lose
constexpr auto kSince = 1h, kDelegated = 240h;  // before now, from now on

PrivateKey KeyNumber(uint64_t seed, size_t number) {
  const auto hash = Sha256(ByteWriter().U64(seed).U64(number).Take());
  return *PrivateKey::FromSeed(hash);
}

Ipv6 HostOf(const Prefix& site) {
  Ipv6 host = site.address;
  host.bytes[15] = 1;
  return host;
}

// Another place for the same prefix, under a signature that can't be right.
Bytes Forged(const Bytes& genuine) {
  const auto signed_record = DecodeSigned(genuine);
  if (!signed_record.ok()) return genuine;
  Record record = signed_record->record;
  record.locators = {{Ipv4{0xc6336463}}};
  ++record.sequence;
  return EncodeSigned(EncodeRecord(record), signed_record->signature);
}

}  // namespace

World::World(const WorldOptions& options)
    : options_(options),
      sim_(options.seed, options.weather),
      domain_{"world", P("fd00::/8"), 48, Domain::Trust::kSelf},
      verifier_(std::make_shared<RecordVerifier>(domain_, kSignatures)) {
  spdlog::set_level(spdlog::level::off);  // a hundred routers at once are not for reading
  conspiracy_->forge = Forged;
  sim_.on_output = [this](size_t node, const Output& output) {
    Machine* machine = MachineOf(node);
    if (machine != nullptr && machine->router) machine->router->OnOutput(output);
  };
  sim_.on_change = [this](const Simulator&, size_t node) { WatchRing(node); };
}

World::~World() = default;

UnixTime World::Wall() const {
  return kWall + std::chrono::duration_cast<std::chrono::seconds>(sim_.now().time_since_epoch());
}

World::Machine* World::MachineOf(size_t node) {
  if (node >= machine_of_node_.size() || !machine_of_node_[node]) return nullptr;
  return &machines_[*machine_of_node_[node]];
}

void World::Submit(size_t node, Request request) {
  if (sim_.node(node).engine) sim_.Submit(node, std::move(request));
}

// --- machines ---------------------------------------------------------------------

void World::AddSite(size_t number) {
  Site site{KeyNumber(options_.seed, sites_.size()), {}, {}};
  const PublicKey root = site.key.public_key();
  site.prefix = OwnedPrefix(domain_, root, site.modifier, SecurityOf(root, site.modifier));
  sites_.push_back(std::move(site));
  site_at_.push_back(number);
  site_nodes_.emplace_back();
  machines_[number].own = sites_.size() - 1;
  machines_[number].sites.push_back(sites_.size() - 1);
}

// A machine has its own site by its key, and any other's by its owner's word.
Claim World::ClaimOf(size_t number, size_t machine) const {
  const Site& site = sites_[number];
  if (machines_[machine].own == number) return {site.prefix, std::nullopt};
  const PublicKey root = site.key.public_key();
  const Delegation link{
      site.prefix,         128, sites_[machines_[machine].own].key.public_key(), Wall() - kSince,
      Wall() + kDelegated, {}};
  return {site.prefix,
          Extend({domain_.name, root, site.modifier, SecurityOf(root, site.modifier), {}}, site.key, link)};
}

size_t World::AddMachine(std::optional<Nat> nat) {
  const size_t number = machines_.size();
  machines_.emplace_back();
  machines_[number].nat = nat;
  const auto half = static_cast<uint64_t>(options_.skew.count());
  machines_[number].skew =
      half == 0 ? Duration(0)
                : Duration(static_cast<int64_t>(sim_.network().Below(half))) - options_.skew / 2;
  AddSite(number);
  StartNode(number);
  return number;
}

// An address of its own that nobody had before, for the node that is added next.
Place World::NextPlace(size_t number) {
  Machine& machine = machines_[number];
  const size_t node = sim_.size();
  const Ipv4 inside{0x0a000001 + static_cast<uint32_t>(node)};
  machine.address = machine.nat ? machine.nat->outside : inside;
  if (machine.nat) sim_.network().SetNat(inside, *machine.nat);
  by_address_[inside] = number;
  machine_of_node_.resize(node + 1);
  machine_of_node_[node] = number;
  const uint16_t shift = machine.nat ? machine.nat->shift : uint16_t{0};
  return {node, {machine.address, static_cast<uint16_t>(kPort + shift)}};
}

void World::StartNode(size_t number) {
  std::vector<size_t> bootstrap;
  for (const size_t other : Up()) {
    if (other != number && !machines_[other].nat) bootstrap.push_back(machines_[other].node);
  }
  while (bootstrap.size() > 3)
    bootstrap.erase(bootstrap.begin() + static_cast<ptrdiff_t>(sim_.network().Below(bootstrap.size())));
  Machine& machine = machines_[number];
  const Place place = NextPlace(number);
  machine.node = place.node;
  const bool moves = machine.router != nullptr;
  if (!moves) StartRouter(number, place);
  sim_.Add(bootstrap, [&](chord::ChordConfig* config) {
    config->network = domain_.name;
    config->successors = options_.successors;
    config->replicas = options_.replicas;
    config->table_members = options_.table_members;
    config->slot = Sha1(sites_[machine.own].key.public_key()).front() % chord::kSlots;
    if (machine.nat) config->self = place.at;
    config->checker = MakeRecordChecker(verifier_, [this, number] {
      return std::chrono::floor<std::chrono::seconds>(Wall() + machines_[number].skew);
    });
  });
  if (moves) machine.router->ChangePlace(place);
}

void World::StartRouter(size_t number, const Place& place) {
  Machine& machine = machines_[number];
  std::vector<Claim> claims;
  for (const size_t site : machine.sites) {
    site_nodes_[site].push_back(place.node);
    claims.push_back(ClaimOf(site, number));
  }
  machine.router =
      std::make_unique<Router>(static_cast<Surroundings&>(*this), domain_, place, sites_[machine.own], claims,
                               machine.skew, options_.seed + 1000 * number);
}

void World::Crash(size_t number) {
  Machine& machine = machines_[number];
  if (!machine.router) return;
  machine.router.reset();
  sim_.Crash(machine.node);
}

void World::Restart(size_t number) {
  Machine& machine = machines_[number];
  if (machine.router) return;
  if (sim_.node(machine.node).engine) sim_.Crash(machine.node);
  StartRouter(number, {machine.node, sim_.node(machine.node).config.self});
  sim_.Restart(machine.node);
}

// The slave hands over and says goodbye; its router is down at once.
void World::Leave(size_t number) {
  Machine& machine = machines_[number];
  if (!machine.router) return;
  machine.router.reset();
  sim_.Leave(machine.node);
}

void World::ChangeAddress(size_t number) {
  Machine& machine = machines_[number];
  if (!machine.router || machine.nat) return;
  const size_t before = machine.node;
  sim_.Crash(before);
  by_address_.erase(sim_.node(before).endpoint.address);
  machine_of_node_[before].reset();
  StartNode(number);
  for (const size_t site : machine.sites) site_nodes_[site].push_back(machine.node);
}

void World::MoveSite(size_t site, size_t to) {
  const size_t from = site_at_[site];
  if (from == to || !machines_[to].router || !machines_[from].router) return;
  if (std::find(machines_[to].sites.begin(), machines_[to].sites.end(), site) != machines_[to].sites.end())
    return;
  machines_[to].sites.push_back(site);
  site_at_[site] = to;
  site_nodes_[site].push_back(machines_[to].node);
  machines_[to].router->Take(ClaimOf(site, to));
}

void World::HandedOver(size_t node, const Record& record) {
  const auto site = std::find_if(sites_.begin(), sites_.end(),
                                 [&](const Site& one) { return one.prefix == record.prefix; });
  const auto number = static_cast<size_t>(site - sites_.begin());
  std::erase(MachineOf(node)->sites, number);
  const Ipv4 taker = record.locators.front().address;
  const auto machine = std::find_if(machines_.begin(), machines_.end(),
                                    [&](const Machine& one) { return one.address == taker; });
  if (machine != machines_.end()) site_at_[number] = static_cast<size_t>(machine - machines_.begin());
}

void World::SetSkew(size_t number, Duration skew) {
  machines_[number].skew = skew;
  if (machines_[number].router) machines_[number].router->SetSkew(skew);
}

void World::SetGroup(size_t number, int group) { sim_.SetGroup(machines_[number].node, group); }

void World::SetClog(size_t number, Duration clog) {
  sim_.network().SetClog(sim_.node(machines_[number].node).endpoint.address, clog);
}

std::vector<size_t> World::Up() const {
  std::vector<size_t> up;
  for (size_t i = 0; i < machines_.size(); ++i) {
    if (machines_[i].router) up.push_back(i);
  }
  return up;
}

size_t World::Registered() const {
  size_t count = 0;
  for (const Machine& machine : machines_) count += machine.router ? machine.router->registered() : 0;
  return count;
}

bool World::Form(Duration limit) {
  for (size_t i = 0; i < options_.routers; ++i) {
    AddMachine();
    if (i % kJoinAtOnce == kJoinAtOnce - 1) RunFor(1s);
  }
  const bool formed =
      sim_.RunUntil([this] { return Registered() == sites_.size() && sim_.RingIsPerfect(); }, limit, 100ms);
  MakeLiars();
  return formed;
}

// They turn once they are in; which ones is drawn.
void World::MakeLiars() {
  const auto count = static_cast<size_t>(options_.liars * static_cast<double>(machines_.size()));
  std::vector<size_t> left = Up();
  for (size_t i = 0; i < count; ++i) {
    const size_t at = sim_.network().Below(left.size());
    Machine& machine = machines_[left[at]];
    left.erase(left.begin() + static_cast<ptrdiff_t>(at));
    machine.liar = true;
    Node& node = sim_.node(machine.node);
    conspiracy_->peers.push_back(node.view->self);
    node.disguise = std::make_unique<Liar>(static_cast<Lie>(i % kLies), node.id,
                                           chord::NetworkHash(domain_.name), conspiracy_, sim_.random()());
  }
  if (count > 0) Rest();
}

// --- packets ----------------------------------------------------------------------

uint64_t World::Send(size_t from, size_t to_site) {
  const uint64_t id = fates_.size();
  fates_.push_back({to_site});
  Machine& machine = machines_[from];
  if (!machine.router || machine.sites.empty()) return id;
  machine.router->FromSite(
      {id, HostOf(sites_[machine.sites.front()].prefix), HostOf(sites_[to_site].prefix)});
  return id;
}

Router* World::RouterAt(Ipv4 inside) const {
  const auto it = by_address_.find(inside);
  return it == by_address_.end() ? nullptr : machines_[it->second].router.get();
}

void World::Tunnel(size_t node, Ipv4 locator, const Packet& packet) {
  const Endpoint from{sim_.node(node).endpoint.address, kPort};
  const std::vector<Network::Copy> copies = sim_.network().Route(now(), from, {locator, kPort});
  if (copies.empty()) fates_[packet.id].lost = true;
  for (const Network::Copy& copy : copies) {
    At(now() + copy.after, [this, copy, packet] {
      Router* router = RouterAt(copy.to.address);
      if (router == nullptr) fates_[packet.id].to_nobody = true;
      if (router != nullptr) router->FromUnderlay(copy.from.address, packet);
    });
  }
}

void World::Tell(size_t node, const Endpoint& to, const Bytes& datagram) {
  ++told_;
  trace_ = (trace_ ^ to.address.value ^ datagram.size() << 32) * 0x100000001b3;
  const Endpoint from{sim_.node(node).endpoint.address, kPort};
  for (const Network::Copy& copy : sim_.network().Route(now(), from, to)) {
    At(now() + copy.after, [this, copy, datagram] {
      if (Router* router = RouterAt(copy.to.address)) router->OnDatagram(copy.from, datagram);
    });
  }
}

bool World::Knows(size_t machine, size_t site) const {
  return machines_[machine].router && machines_[machine].router->SendsTo(HostOf(sites_[site].prefix));
}

void World::Relayed(const Packet& packet) {
  ++relayed_;
  fates_[packet.id].relayed = true;
}

void World::Arrived(size_t node, const Packet& packet) {
  ++fates_[packet.id].delivered;
  ++delivered_;
  trace_ = (trace_ ^ packet.id ^ node << 32) * 0x100000001b3;
}

void World::Astray(size_t node, const Packet& packet) {
  const auto& been = site_nodes_[fates_[packet.id].site];
  if (std::find(been.begin(), been.end(), node) != been.end()) return void(++late_);
  ++astray_;
  if (faults_.size() < kMaxFaults)
    faults_.push_back("a packet for " + packet.destination.ToString() + " came to node " +
                      std::to_string(node) + ", where it never was");
}

void World::Converse(Duration time, Duration pause) {
  for (const BootTime end = now() + time; now() < end; RunFor(pause)) {
    const std::vector<size_t> up = Up();
    // One draw after the other: compilers evaluate arguments in different orders.
    const size_t to = sim_.network().Below(sites_.size());
    if (!up.empty()) Send(up[sim_.network().Below(up.size())], to);
  }
}

void World::Answered(size_t node, const std::vector<MappingChange>& changes) {
  const Machine* machine = MachineOf(node);
  if (machine == nullptr || machine->liar) return;
  for (const MappingChange& change : changes) {
    if (const auto* add = std::get_if<MappingAdd>(&change))
      ledger_.Judge("node " + std::to_string(node), Wall(), *add);
    if (const auto* negative = std::get_if<MappingNegative>(&change)) ledger_.Judge(*negative);
  }
}

// --- what came of it --------------------------------------------------------------

// Zave's model lets a principal fail only while there are more than r+1.
void World::WatchRing(size_t node) {
  invariant_.Changed(sim_, node);
  const bool died = !sim_.node(node).engine;
  if (died && principals_ <= static_cast<size_t>(options_.successors) + 1) resting_ = true;
  if (resting_ && conspiracy_->peers.empty() && sim_.RingIsPerfect()) resting_ = false;
  principals_ = invariant_.principals();
  if (resting_) return;
  const std::string wrong = invariant_.Check();
  if (!wrong.empty() && faults_.size() < kMaxFaults) {
    faults_.push_back(wrong + " after " + std::to_string(now().time_since_epoch() / 1ms) + " ms");
    resting_ = true;
  }
}

size_t World::Unreached(size_t askers, size_t* asked) {
  struct Flow {
    size_t from, site;
    uint64_t packet;
  };
  std::vector<Flow> flows;
  std::vector<size_t> honest = Up();
  std::erase_if(honest, [&](size_t i) { return machines_[i].liar || machines_[i].sites.empty(); });
  for (size_t site = 0; site < sites_.size(); ++site) {
    if (!machines_[site_at_[site]].router || machines_[site_at_[site]].liar) continue;
    for (size_t i = 0; i < askers; ++i) {
      const size_t from = honest[sim_.network().Below(honest.size())];
      if (from != site_at_[site]) flows.push_back({from, site, 0});
    }
  }
  if (asked != nullptr) *asked = flows.size();
  for (int i = 0; i < kTries && !flows.empty(); ++i) {
    for (Flow& flow : flows) {
      flow.packet = Send(flow.from, flow.site);
      RunFor(10ms);
    }
    RunFor(20s);
    std::erase_if(flows, [&](const Flow& flow) { return Delivered(flow.packet); });
  }
  for (const Flow& flow : flows)
    unreached_.push_back("site " + std::to_string(flow.site) + " at machine " +
                         std::to_string(site_at_[flow.site]) + " from machine " + std::to_string(flow.from));
  return flows.size();
}

std::vector<std::string> World::Faults() {
  std::vector<std::string> faults = faults_;
  faults.insert(faults.end(), ledger_.wrongs().begin(), ledger_.wrongs().end());
  return faults;
}

std::vector<std::string> World::Leaks() {
  std::vector<std::string> leaks;
  for (const size_t i : Up()) {
    const std::string leak = machines_[i].router->Leaks();
    if (!leak.empty()) leaks.push_back("machine " + std::to_string(i) + ": " + leak);
    for (const size_t site : machines_[i].sites) {
      if (site_at_[site] == i || !machines_[site_at_[site]].router) continue;
      leaks.push_back("site " + std::to_string(site) + " is at machine " + std::to_string(i) + ", and at " +
                      std::to_string(site_at_[site]));
    }
  }
  return leaks;
}

}  // namespace ov6::sim
