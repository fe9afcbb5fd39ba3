// SPDX-License-Identifier: Apache-2.0
// The tables of ov6/datapath.h over BPF maps, for the daemon's datapath and for the pins
// alike (Base is Datapath or Tables). Each change of what decides on packets is told to the front.
#ifndef OV6_USERSPACE_DATAPATH_MAP_TABLES_H
#define OV6_USERSPACE_DATAPATH_MAP_TABLES_H

#include <array>
#include <utility>
#include <vector>

#include "ov6/datapath.h"
#include "userspace/datapath/front.h"
#include "userspace/datapath/typed_map.h"

namespace ov6 {

struct TableMaps {
  TypedMap<ov6_prefix, ov6_route> routes;
  TypedMap<ov6_prefix, ov6_mapping> mappings;
  TypedMap<ov6_prefix, ov6_negative> negatives;
  TypedMap<uint32_t, ov6_slave> slaves;
  TypedMap<uint32_t, ov6_config> config;
  RawMap verdicts;  // per CPU
  Front front;
};

// Of all CPUs.
absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> SumVerdicts(const RawMap& verdicts);

template <typename Base>
class MapTables : public Base {
 public:
  explicit MapTables(TableMaps maps) : maps_(std::move(maps)) {}

  absl::Status SetRoute(const Prefix& prefix, const Route& route) override;
  absl::Status DeleteRoute(const Prefix& prefix) override;
  absl::StatusOr<std::vector<std::pair<Prefix, Route>>> Routes() override;
  absl::Status SetMapping(const Prefix& prefix, const Mapping& mapping) override;
  absl::Status DeleteMapping(const Prefix& prefix) override;
  absl::StatusOr<std::vector<std::pair<Prefix, Mapping>>> Mappings() override;
  absl::Status SetNegative(const Prefix& prefix, const Negative& negative) override;
  absl::Status DeleteNegative(const Prefix& prefix) override;
  absl::StatusOr<std::vector<std::pair<Prefix, Negative>>> Negatives() override;
  absl::Status SetSlave(SlaveId id, const SlaveEntry& slave) override;
  absl::Status DeleteSlave(SlaveId id) override;
  absl::StatusOr<std::vector<std::pair<SlaveId, SlaveEntry>>> Slaves() override;
  absl::Status SetConfig(const ov6_config& config) override;
  absl::StatusOr<ov6_config> Config() override;
  absl::StatusOr<std::array<ov6_count, OV6_VERDICT_MAX>> Verdicts() override;

 protected:
  const Front& front() const { return maps_.front; }
  Front& front() { return maps_.front; }

 private:
  absl::Status Told(const Prefix& prefix, absl::Status status);

  TableMaps maps_;
};

extern template class MapTables<Tables>;
extern template class MapTables<Datapath>;

}  // namespace ov6

#endif
