// SPDX-License-Identifier: Apache-2.0
// Entries of the kernel's tables as JSON, with the names that docs and man page use. Text output is
// made of the same JSON, so that the two can't differ.
#ifndef OV6_USERSPACE_OV6CTL_DESCRIBE_H
#define OV6_USERSPACE_OV6CTL_DESCRIBE_H

#include <boost/json/object.hpp>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "ov6/datapath.h"

namespace ov6::ctl {

// slave id -> name; id 0 is "operator", one that is gone its number.
class SlaveNames {
 public:
  static absl::StatusOr<SlaveNames> Read(Tables& tables);
  std::string Of(SlaveId id) const;

 private:
  std::map<SlaveId, std::string> names_;
};

boost::json::object Describe(const Prefix& prefix, const Route& route, const SlaveNames& names);
boost::json::object Describe(const Prefix& prefix, const Mapping& mapping, const SlaveNames& names,
                             BootTime now);
boost::json::object Describe(const Prefix& prefix, const Negative& negative, const SlaveNames& names,
                             BootTime now);
boost::json::object Describe(SlaveId id, const SlaveEntry& slave);
boost::json::object Describe(uint32_t ifindex, const ov6_device& device);
boost::json::object Describe(const ov6_config& config);
// `lifetime`: of what is learned of a path.
boost::json::object Describe(const Ipv4& peer, const ov6_path& path, Duration lifetime, BootTime now);

// Number, name, class, sentence, remedy; only the number of one without a name.
boost::json::object DescribeVerdict(uint32_t number);

// Of every verdict, in the order of numbers.
std::vector<std::string_view> VerdictNames();
std::vector<uint32_t> VerdictNumbers();

// Every verdict that has a name, in the order of numbers; without those of no packets unless `all`.
boost::json::array DescribeVerdicts(const std::array<ov6_count, OV6_VERDICT_MAX>& counts, bool all);

}  // namespace ov6::ctl

#endif
