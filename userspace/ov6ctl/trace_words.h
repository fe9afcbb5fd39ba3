// SPDX-License-Identifier: Apache-2.0
// The words of `ov6ctl trace`, and what they leave open filled in from the instance's tables.
#ifndef OV6_USERSPACE_OV6CTL_TRACE_WORDS_H
#define OV6_USERSPACE_OV6CTL_TRACE_WORDS_H

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"
#include "userspace/ov6ctl/kernel_view.h"
#include "userspace/ov6ctl/trace_packet.h"
#include "userspace/ov6ctl/words.h"

namespace ov6::ctl {

struct TraceWords {
  std::optional<std::string> in;
  std::optional<std::filesystem::path> pcap;
  std::optional<Ipv6> destination, source;
  std::optional<Ipv4> outer;  // outer source
  std::optional<Encapsulation> encapsulation;
  TracePacket packet;  // protocol, ports, hop limit and size
};
absl::StatusOr<TraceWords> ReadTraceWords(Words& words);

struct TraceDevice {
  std::string interface;
  uint32_t ifindex = 0;
  ov6_device value{};
};
// The one `in` names, or the only one of its role: an underlay if `outer` was said, else a site.
absl::StatusOr<TraceDevice> ChooseTraceDevice(const TraceWords& words, KernelView& kernel);

struct TraceTables {
  std::vector<std::pair<Prefix, Route>> routes;
  std::vector<std::pair<Prefix, Mapping>> mappings;
  std::vector<std::pair<Prefix, Negative>> negatives;
};
// From a site a destination is enough, from an underlay a source: the other end is made up
// within the router's own site, and the outer source is where the source's mapping says.
absl::StatusOr<TracePacket> CompletePacket(const TraceWords& words, const TraceDevice& device,
                                           const TraceTables& tables);

}  // namespace ov6::ctl

#endif
