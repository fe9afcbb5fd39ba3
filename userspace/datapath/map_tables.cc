// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/map_tables.h"

#include <algorithm>

namespace ov6 {
namespace {

constexpr uint32_t kOnly = 0;  // key of a map with one entry

template <typename Value, typename AbiValue>
absl::StatusOr<std::vector<std::pair<Prefix, Value>>> AllByPrefix(const TypedMap<ov6_prefix, AbiValue>& map) {
  auto entries = map.All();
  if (!entries.ok()) return entries.status();
  std::vector<std::pair<Prefix, Value>> out;
  out.reserve(entries->size());
  for (const auto& [key, value] : *entries) out.emplace_back(Prefix::FromAbi(key), FromAbi(value));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

}  // namespace

// After the change, and also if it failed: it may have been done in part.
template <typename Base>
absl::Status MapTables<Base>::Told(const Prefix& prefix, absl::Status status) {
  maps_.front.RouteOrMappingChanged(prefix.ToAbi());
  return status;
}

template <typename Base>
absl::Status MapTables<Base>::SetRoute(const Prefix& prefix, const Route& route) {
  return Told(prefix, maps_.routes.Set(prefix.ToAbi(), ToAbi(route)));
}

template <typename Base>
absl::Status MapTables<Base>::DeleteRoute(const Prefix& prefix) {
  return Told(prefix, maps_.routes.Delete(prefix.ToAbi()));
}

template <typename Base>
absl::StatusOr<std::vector<std::pair<Prefix, Route>>> MapTables<Base>::Routes() {
  return AllByPrefix<Route>(maps_.routes);
}

template <typename Base>
absl::Status MapTables<Base>::SetMapping(const Prefix& prefix, const Mapping& mapping) {
  return Told(prefix, maps_.mappings.Set(prefix.ToAbi(), ToAbi(mapping)));
}

template <typename Base>
absl::Status MapTables<Base>::DeleteMapping(const Prefix& prefix) {
  return Told(prefix, maps_.mappings.Delete(prefix.ToAbi()));
}

template <typename Base>
absl::StatusOr<std::vector<std::pair<Prefix, Mapping>>> MapTables<Base>::Mappings() {
  return AllByPrefix<Mapping>(maps_.mappings);
}

template <typename Base>
absl::Status MapTables<Base>::SetNegative(const Prefix& prefix, const Negative& negative) {
  return maps_.negatives.Set(prefix.ToAbi(), ToAbi(negative));
}

template <typename Base>
absl::Status MapTables<Base>::DeleteNegative(const Prefix& prefix) {
  return maps_.negatives.Delete(prefix.ToAbi());
}

template <typename Base>
absl::StatusOr<std::vector<std::pair<Prefix, Negative>>> MapTables<Base>::Negatives() {
  return AllByPrefix<Negative>(maps_.negatives);
}

template <typename Base>
absl::Status MapTables<Base>::SetSlave(SlaveId id, const SlaveEntry& slave) {
  const auto before = maps_.slaves.Get(id);
  absl::Status status = maps_.slaves.Set(id, ToAbi(slave));
  if (before.ok() && before->port != slave.port) maps_.front.AllChanged();  // what the front has of a slave
  return status;
}

template <typename Base>
absl::Status MapTables<Base>::DeleteSlave(SlaveId id) {
  absl::Status status = maps_.slaves.Delete(id);
  maps_.front.AllChanged();
  return status;
}

template <typename Base>
absl::StatusOr<std::vector<std::pair<SlaveId, SlaveEntry>>> MapTables<Base>::Slaves() {
  auto entries = maps_.slaves.All();
  if (!entries.ok()) return entries.status();
  std::vector<std::pair<SlaveId, SlaveEntry>> out;
  for (const auto& [id, value] : *entries) out.emplace_back(id, FromAbi(value));
  std::sort(out.begin(), out.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return out;
}

template <typename Base>
absl::Status MapTables<Base>::SetConfig(const ov6_config& config) {
  absl::Status status = maps_.config.Set(kOnly, config);
  maps_.front.AllChanged();
  return status;
}

template <typename Base>
absl::StatusOr<ov6_config> MapTables<Base>::Config() {
  return maps_.config.Get(kOnly);
}

absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> SumVerdicts(const RawMap& verdicts) {
  auto counts = ForEachCpu<ov6_count>();
  std::array<ov6_count, OV6_VERDICT_MAX> sums{};
  for (uint32_t verdict = 0; verdict < OV6_VERDICT_MAX; ++verdict) {
    if (auto status = verdicts.Get(&verdict, counts.data()); !status.ok()) return status;
    for (const ov6_count& count : counts) {
      sums[verdict].packets += count.packets;
      sums[verdict].bytes += count.bytes;
      sums[verdict].front += count.front;
    }
  }
  return sums;
}

template <typename Base>
absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> MapTables<Base>::Verdicts() {
  return SumVerdicts(maps_.verdicts);
}

template class MapTables<Tables>;
template class MapTables<Datapath>;

}  // namespace ov6
