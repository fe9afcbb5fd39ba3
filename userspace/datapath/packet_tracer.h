// SPDX-License-Identifier: Apache-2.0
// What the programs at a device would do with a frame, found out by letting them do it
// (BPF_PROG_TEST_RUN): a private copy of them that reads the instance's live tables, and
// writes only to maps of its own. No counter moves, no budget is spent, no refresh is asked
// for, no path MTU is learned, nothing is sent. It needs CAP_BPF, CAP_PERFMON and
// CAP_NET_ADMIN, the instance's network namespace, and no daemon.
#ifndef OV6_USERSPACE_DATAPATH_PACKET_TRACER_H
#define OV6_USERSPACE_DATAPATH_PACKET_TRACER_H

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/abi/device.h"

namespace ov6 {

// One program's part. A frame that the XDP door leaves to TC has no verdict there.
struct TracedRun {
  std::string program;  // "xdp_site", "tc_underlay", ...
  std::string result;   // what it told the kernel: "pass", "drop", "redirect"
  std::optional<uint32_t> verdict;
  bool by_front = false;       // the front cache answered (of one CPU at least), not the tables
  std::vector<uint8_t> frame;  // as it left the program, Ethernet header first
  bool same_build = true;      // false: the daemon hung programs of another build
};

class PacketTracer {
 public:
  virtual ~PacketTracer() = default;
  // The doors of the device in the packet's order, up to the one that gave the verdict. Budgets
  // are taken as full, and frames do not see what earlier ones changed.
  virtual absl::StatusOr<std::vector<TracedRun>> Trace(uint32_t ifindex, const ov6_device& device,
                                                       std::span<const uint8_t> frame) = 0;
};

absl::StatusOr<std::unique_ptr<PacketTracer>> OpenPacketTracer(const std::filesystem::path& bpffs);

}  // namespace ov6

#endif
