// SPDX-License-Identifier: Apache-2.0
#include "userspace/master/mapping_control.h"

#include <algorithm>

namespace ov6 {
namespace {

constexpr uint8_t kSecondBest = 2;  // behind a path

Duration Lifetime(uint32_t ms) { return std::min<Duration>(std::chrono::milliseconds(ms), kMaxLifetime); }

uint16_t Span(Duration span) {
  constexpr auto kLongest = std::chrono::seconds(UINT16_MAX);
  return static_cast<uint16_t>(
      std::chrono::ceil<std::chrono::seconds>(std::min<Duration>(span, kLongest)).count());
}

bool InsideAny(const std::vector<Prefix>& prefixes, const Prefix& prefix) {
  return std::any_of(prefixes.begin(), prefixes.end(), [&](const Prefix& p) { return p.Contains(prefix); });
}

std::string List(const std::vector<Prefix>& prefixes) {
  std::string text;
  for (const Prefix& prefix : prefixes) text += (text.empty() ? "" : ", ") + prefix.ToString();
  return text.empty() ? "none" : text;
}

void SortByPriority(std::vector<Locator>* locators) {
  std::stable_sort(locators->begin(), locators->end(),
                   [](const Locator& a, const Locator& b) { return a.priority < b.priority; });
}

template <typename Value>
std::vector<std::pair<Prefix, Value>> Of(const Mirror<Value>& mirror, SlaveId slave) {
  std::vector<std::pair<Prefix, Value>> found;
  for (const auto& [prefix, value] : mirror.entries()) {
    if (value.slave == slave) found.emplace_back(prefix, value);
  }
  return found;
}

template <typename Value>
const std::pair<const Prefix, Value>* LongestAround(const std::map<Prefix, Value>& entries,
                                                    const Prefix& inner) {
  for (int length = inner.length; length >= 0; --length) {
    const auto found = entries.find(Prefix::Of(inner.address, length));
    if (found != entries.end()) return &*found;
  }
  return nullptr;
}

}  // namespace

MappingControl::MappingControl(Tables& tables, const RouteControl& routes, MasterCounters& counters,
                               MappingLimits limits)
    : routes_(routes),
      counters_(counters),
      limits_(limits),
      mappings_({[&tables](const Prefix& p, const Mapping& m) { return tables.SetMapping(p, m); },
                 [&tables](const Prefix& p) { return tables.DeleteMapping(p); },
                 [&tables] { return tables.Mappings(); }},
                counters),
      negatives_({[&tables](const Prefix& p, const Negative& n) { return tables.SetNegative(p, n); },
                  [&tables](const Prefix& p) { return tables.DeleteNegative(p); },
                  [&tables] { return tables.Negatives(); }},
                 counters) {}

absl::Status MappingControl::Adopt() {
  absl::Status status = mappings_.Load();
  status.Update(negatives_.Load());
  mapping_deadlines_.clear();
  negative_deadlines_.clear();
  for (const auto& [prefix, mapping] : mappings()) {
    if (mapping.hard_expiry) mapping_deadlines_.emplace(*mapping.hard_expiry, prefix);
  }
  for (const auto& [prefix, negative] : negatives()) negative_deadlines_.emplace(negative.expiry, prefix);
  return status;
}

MappingsAckCapsule MappingControl::Apply(BootTime now, const MappingSource& source,
                                         const MappingsCapsule& capsule) {
  MappingsAckCapsule ack{capsule.sequence, {}};
  for (size_t i = 0; i < capsule.changes.size(); ++i) {
    const absl::Status status =
        std::visit([&](const auto& change) { return ApplyOne(now, source, change); }, capsule.changes[i]);
    if (!status.ok()) ack.refused.push_back({i, std::string(status.message())});
  }
  return ack;
}

// Inside the slave's prefixes, and not where a longer route gives the space to another slave. A negative
// must not cover such a place either: it would answer for the other slave's misses.
absl::Status MappingControl::CheckPlace(const MappingSource& source, const Prefix& prefix,
                                        bool negative) const {
  if (!InsideAny(source.prefixes, prefix)) {
    return absl::PermissionDeniedError(prefix.ToString() + " is not inside the slave's prefixes (" +
                                       List(source.prefixes) + ")");
  }
  const std::pair<const Prefix, Route>* around = nullptr;  // the longest
  const auto deny = [&](const std::pair<const Prefix, Route>& route, const char* how) {
    return absl::PermissionDeniedError(prefix.ToString() + how + route.first.ToString() +
                                       ", which belongs to slave " + std::to_string(route.second.slave));
  };
  for (const auto& entry : routes_.routes()) {
    const auto& [place, route] = entry;
    if (place.Contains(prefix) && (around == nullptr || place.length > around->first.length)) around = &entry;
    const bool asks_negatives = route.action == Action::kTunnel || route.action == Action::kPort;
    const bool foreign = route.slave != source.id && InsideAny(source.prefixes, place);
    if (negative && foreign && asks_negatives && prefix.Contains(place)) return deny(entry, " covers ");
  }
  const bool foreign =
      around != nullptr && around->second.slave != source.id && InsideAny(source.prefixes, around->first);
  return foreign ? deny(*around, " is inside ") : absl::OkStatus();
}

absl::Status MappingControl::CheckLocators(const std::vector<Locator>& locators) const {
  if (locators.empty() || locators.size() > OV6_MAX_LOCATORS) {
    return absl::InvalidArgumentError("a mapping has 1 to 4 locators, not " +
                                      std::to_string(locators.size()));
  }
  for (const Locator& locator : locators) {
    const std::string address = locator.address.ToString();
    if (locator.address.IsMartian()) {
      return absl::InvalidArgumentError("the locator " + address + " can't be the end of a tunnel");
    }
    if (own_.contains(locator.address)) {
      return absl::InvalidArgumentError("the locator " + address + " is this router's own");
    }
    if (locator.encapsulation == Encapsulation::kUdp && locator.port == 0) {
      return absl::InvalidArgumentError("the locator " + address + " has encapsulation udp, but port 0");
    }
  }
  return absl::OkStatus();
}

absl::Status MappingControl::ApplyOne(BootTime now, const MappingSource& source, const MappingAdd& add) {
  absl::Status status = CheckPlace(source, add.prefix, false);
  if (source.kind == SlaveKind::kManagement) {
    status = absl::PermissionDeniedError("the management slave may add negatives, not mappings");
  }
  status.Update(CheckLocators(add.locators));
  if (add.hard_ttl_ms == 0) status.Update(absl::InvalidArgumentError("the hard lifetime is 0"));
  const Mapping* known = mappings_.Find(add.prefix);
  if (known != nullptr && known->slave == OV6_SLAVE_OPERATOR) {
    status.Update(absl::AlreadyExistsError("the operator set a mapping for " + add.prefix.ToString()));
  }
  if (!status.ok()) {
    ++counters_.changes_refused;
    return status;
  }
  Mapping mapping{add.locators, now + Lifetime(std::min(add.soft_ttl_ms, add.hard_ttl_ms)),
                  now + Lifetime(add.hard_ttl_ms), source.id, 0};
  if (add.silent) mapping.flags = OV6_MAPPING_SILENT;
  mapping.span = Span(Lifetime(add.hard_ttl_ms) + std::chrono::milliseconds(add.age_ms));
  SortByPriority(&mapping.locators);
  status = PutMapping(now, add.prefix, mapping);
  if (!status.ok()) return status;
  ++counters_.mappings_added;
  return EraseNegative(add.prefix);
}

absl::Status MappingControl::ApplyOne(BootTime now, const MappingSource& source,
                                      const MappingNegative& negative) {
  absl::Status status = CheckPlace(source, negative.prefix, true);
  if (negative.ttl_ms == 0) status.Update(absl::InvalidArgumentError("the lifetime is 0"));
  if (!status.ok()) {
    ++counters_.changes_refused;
    return status;
  }
  status = PutNegative(now, negative.prefix,
                       {now + Lifetime(negative.ttl_ms), source.id, negative.icmp_code, negative.failed});
  if (status.ok()) ++counters_.negatives_added;
  return status;
}

absl::Status MappingControl::ApplyOne(BootTime, const MappingSource& source,
                                      const MappingWithdraw& withdraw) {
  absl::Status status;
  if (const Mapping* mapping = mappings_.Find(withdraw.prefix)) {
    if (mapping->slave != source.id) {
      ++counters_.changes_refused;
      return absl::PermissionDeniedError("the mapping " + withdraw.prefix.ToString() + " belongs to slave " +
                                         std::to_string(mapping->slave));
    }
    status.Update(EraseMapping(withdraw.prefix));
    ++counters_.mappings_withdrawn;
  }
  const Negative* negative = negatives_.Find(withdraw.prefix);
  if (negative != nullptr && negative->slave == source.id) status.Update(EraseNegative(withdraw.prefix));
  return status;
}

absl::Status MappingControl::AddOperator(BootTime now, const Prefix& prefix, std::vector<Locator> locators,
                                         std::optional<Duration> lifetime) {
  if (absl::Status status = CheckLocators(locators); !status.ok()) return status;
  SortByPriority(&locators);
  Mapping mapping{std::move(locators), std::nullopt, std::nullopt, OV6_SLAVE_OPERATOR, OV6_MAPPING_STATIC};
  if (lifetime) {
    mapping.flags = 0;
    mapping.hard_expiry = now + *lifetime;
  }
  return PutMapping(now, prefix, mapping);
}

absl::Status MappingControl::DeleteOperator(const Prefix& prefix) {
  if (mappings_.Find(prefix) == nullptr)
    return absl::NotFoundError("there is no mapping " + prefix.ToString());
  return EraseMapping(prefix);
}

absl::Status MappingControl::AddMoved(BootTime now, SlaveId slave, const Prefix& prefix,
                                      std::vector<Locator> locators, Duration lifetime) {
  if (absl::Status status = CheckLocators(locators); !status.ok()) return status;
  SortByPriority(&locators);
  Mapping mapping{std::move(locators), now + lifetime / 2, now + lifetime, slave, 0};
  mapping.span = Span(lifetime);
  return PutMapping(now, prefix, mapping);
}

absl::Status MappingControl::AddFormer(BootTime now, SlaveId slave, const Prefix& prefix,
                                       const std::vector<Ipv4>& places, Duration lifetime) {
  std::vector<Locator> locators;
  for (const Ipv4& place : places) locators.push_back({.address = place, .priority = kAcceptOnly});
  if (absl::Status status = CheckLocators(locators); !status.ok()) return status;
  Mapping mapping{std::move(locators), std::nullopt, now + lifetime, slave, OV6_MAPPING_FORMER};
  mapping.span = Span(lifetime);
  return PutMapping(now, prefix, mapping);
}

absl::Status MappingControl::AddDirect(BootTime now, SlaveId slave, const Prefix& prefix,
                                       std::vector<Locator> locators, BootTime send_until,
                                       BootTime accept_until) {
  if (absl::Status status = CheckLocators(locators); !status.ok()) return status;
  const Mapping* known = mappings_.Find(prefix);
  if (known != nullptr && known->slave != slave) {
    return absl::AlreadyExistsError(prefix.ToString() + " is mapped by slave " +
                                    std::to_string(known->slave));
  }
  SortByPriority(&locators);
  Mapping mapping{std::move(locators), send_until, accept_until, slave, OV6_MAPPING_DIRECT};
  return PutMapping(now, prefix, mapping);
}

const std::pair<const Prefix, Mapping>* MappingControl::Around(const Prefix& prefix) const {
  return LongestAround(mappings(), prefix);
}

bool MappingControl::IsNegative(BootTime now, const Ipv6& address) const {
  const auto* around = LongestAround(negatives(), {address, 128});
  return around != nullptr && around->second.expiry > now;
}

const std::pair<const Prefix, Mapping>* MappingControl::SaidAround(const Prefix& prefix) const {
  const auto* around = Around(prefix);
  if (around == nullptr || (around->second.flags & OV6_MAPPING_DIRECT) == 0) return around;
  const Prefix& part = around->first;
  return part.length == 0 ? nullptr : Around(Prefix::Of(part.address, part.length - 1));
}

bool MappingControl::IsAt(BootTime now, SlaveId slave, const Prefix& prefix, Ipv4 via) const {
  const auto* around = SaidAround(prefix);
  if (around == nullptr) return false;
  const Mapping& mapping = around->second;
  return mapping.slave == slave && mapping.hard_expiry && *mapping.hard_expiry > now &&
         (mapping.flags & (OV6_MAPPING_DIRECT | OV6_MAPPING_FORMER)) == 0 &&
         std::any_of(mapping.locators.begin(), mapping.locators.end(), [&](const Locator& locator) {
           return locator.address == via && locator.priority != kAcceptOnly;
         });
}

const Mapping* MappingControl::LeadingTo(BootTime now, SlaveId slave, const Prefix& prefix, Ipv4 via) const {
  const auto* around = SaidAround(prefix);
  return around != nullptr && around->first != prefix && IsAt(now, slave, prefix, via) ? &around->second
                                                                                       : nullptr;
}

absl::Status MappingControl::AddShortcut(BootTime now, SlaveId slave, const Prefix& prefix,
                                         std::vector<Locator> places, BootTime send_until, Ipv4 via) {
  const Mapping* around = LeadingTo(now, slave, prefix, via);
  if (around == nullptr)
    return absl::NotFoundError(prefix.ToString() + " is not a part of what leads to " + via.ToString());
  // Behind the path, and before what is only accepted from.
  for (Locator locator : around->locators) {
    if (locator.priority < kSecondBest) locator.priority = kSecondBest;
    places.push_back(locator);
  }
  SortByPriority(&places);
  if (places.size() > OV6_MAX_LOCATORS) places.resize(OV6_MAX_LOCATORS);
  if (absl::Status status = CheckLocators(places); !status.ok()) return status;
  Mapping mapping{std::move(places), send_until, around->hard_expiry, slave, OV6_MAPPING_DIRECT};
  mapping.span = around->span;
  return PutMapping(now, prefix, mapping);
}

void MappingControl::EndDirect(SlaveId slave, const Prefix& prefix) {
  const Mapping* known = mappings_.Find(prefix);
  if (known != nullptr && known->slave == slave && (known->flags & OV6_MAPPING_DIRECT) != 0)
    EraseMapping(prefix).IgnoreError();  // retried by the mirror
}

void MappingControl::Withdraw(SlaveId slave) {
  // What the kernel refuses is retried by the mirror.
  for (const auto& [prefix, mapping] : Of(mappings_, slave)) {
    EraseMapping(prefix).IgnoreError();
    ++counters_.mappings_withdrawn;
  }
  for (const auto& [prefix, negative] : Of(negatives_, slave)) EraseNegative(prefix).IgnoreError();
}

void MappingControl::MarkStale(SlaveId slave) {
  for (auto [prefix, mapping] : Of(mappings_, slave)) {
    mapping.flags |= OV6_MAPPING_STALE;
    mappings_.Put(prefix, mapping).IgnoreError();
  }
}

void MappingControl::TakeOver(SlaveId from, const MappingSource& to) {
  KeepInside(from, to.prefixes);
  for (auto [prefix, mapping] : Of(mappings_, from)) {
    mapping.slave = to.id;
    mapping.flags &= static_cast<uint8_t>(~OV6_MAPPING_STALE);
    mappings_.Put(prefix, mapping).IgnoreError();
  }
  for (auto [prefix, negative] : Of(negatives_, from)) {
    negative.slave = to.id;
    negatives_.Put(prefix, negative).IgnoreError();
  }
}

void MappingControl::DropForeignNegatives(const MappingSource& source) {
  std::vector<Prefix> foreign;
  for (const auto& [prefix, negative] : negatives()) {
    if (negative.slave == source.id) continue;
    const auto route = routes_.Lookup(prefix.address);
    const bool its_own = route && route->second.slave == negative.slave;
    const bool covers = std::any_of(source.prefixes.begin(), source.prefixes.end(),
                                    [&inside = prefix](const Prefix& own) { return inside.Contains(own); });
    if (covers || (!its_own && InsideAny(source.prefixes, prefix))) foreign.push_back(prefix);
  }
  for (const Prefix& prefix : foreign) EraseNegative(prefix).IgnoreError();  // retried by the mirror
}

void MappingControl::KeepInside(SlaveId slave, const std::vector<Prefix>& prefixes) {
  for (const auto& [prefix, mapping] : Of(mappings_, slave)) {
    if (!InsideAny(prefixes, prefix)) EraseMapping(prefix).IgnoreError();
  }
  for (const auto& [prefix, negative] : Of(negatives_, slave)) {
    if (!InsideAny(prefixes, prefix)) EraseNegative(prefix).IgnoreError();
  }
}

void MappingControl::Expire(BootTime now) {
  while (!mapping_deadlines_.empty() && mapping_deadlines_.begin()->first <= now) {
    ++counters_.mappings_expired;
    EraseMapping(Prefix(mapping_deadlines_.begin()->second)).IgnoreError();
  }
  while (!negative_deadlines_.empty() && negative_deadlines_.begin()->first <= now) {
    ++counters_.negatives_expired;
    EraseNegative(Prefix(negative_deadlines_.begin()->second)).IgnoreError();
  }
}

void MappingControl::Retry(BootTime now) {
  mappings_.Retry(now);
  negatives_.Retry(now);
}

absl::Status MappingControl::Reconcile(BootTime now) {
  absl::Status status = mappings_.Reconcile(now);
  status.Update(negatives_.Reconcile(now));
  return status;
}

absl::Status MappingControl::PutMapping(BootTime now, const Prefix& prefix, const Mapping& mapping) {
  const Mapping* known = mappings_.Find(prefix);
  const std::optional<BootTime> before = known != nullptr ? known->hard_expiry : std::nullopt;
  absl::Status status = mappings_.Put(prefix, mapping);
  if (absl::IsResourceExhausted(status)) {
    Expire(now);  // expired entries don't count, but they do take room
    status = mappings_.Put(prefix, mapping);
    if (absl::IsResourceExhausted(status)) return status;
  }
  if (before) mapping_deadlines_.erase({*before, prefix});
  if (mapping.hard_expiry) mapping_deadlines_.emplace(*mapping.hard_expiry, prefix);
  return status;
}

absl::Status MappingControl::PutNegative(BootTime now, const Prefix& prefix, const Negative& negative) {
  const Negative* known = negatives_.Find(prefix);
  if (known == nullptr && negatives().size() >= limits_.negatives) Expire(now);
  if (known == nullptr && negatives().size() >= limits_.negatives) {
    ++counters_.negatives_evicted;
    EraseNegative(Prefix(negative_deadlines_.begin()->second)).IgnoreError();
  }
  const std::optional<BootTime> before = known != nullptr ? std::optional(known->expiry) : std::nullopt;
  const absl::Status status = negatives_.Put(prefix, negative);
  if (absl::IsResourceExhausted(status)) return status;
  if (before) negative_deadlines_.erase({*before, prefix});
  negative_deadlines_.emplace(negative.expiry, prefix);
  return status;
}

absl::Status MappingControl::EraseMapping(const Prefix& prefix) {
  const Mapping* known = mappings_.Find(prefix);
  if (known == nullptr) return absl::OkStatus();
  if (known->hard_expiry) mapping_deadlines_.erase({*known->hard_expiry, prefix});
  return mappings_.Erase(prefix);
}

absl::Status MappingControl::EraseNegative(const Prefix& prefix) {
  const Negative* known = negatives_.Find(prefix);
  if (known == nullptr) return absl::OkStatus();
  negative_deadlines_.erase({known->expiry, prefix});
  return negatives_.Erase(prefix);
}

}  // namespace ov6
