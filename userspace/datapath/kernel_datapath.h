// SPDX-License-Identifier: Apache-2.0
// The datapath in the kernel: loads or adopts the pinned maps of an instance, hangs the
// programs on devices, makes slave ports. Nothing after OpenKernelDatapath needs
// CAP_SYS_ADMIN; NET_ADMIN, NET_RAW, BPF, PERFMON and IPC_LOCK are enough. Destroying the
// object leaves programs, links and tables where they are (only ports go, with
// the process); DetachAll() takes everything away.
#ifndef OV6_USERSPACE_DATAPATH_KERNEL_DATAPATH_H
#define OV6_USERSPACE_DATAPATH_KERNEL_DATAPATH_H

#include <sys/types.h>

#include <cstdint>
#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "ov6/datapath.h"

namespace ov6 {

struct KernelDatapathOptions {
  std::filesystem::path bpffs;  // a mounted bpffs: <run>/bpf
  gid_t group = 0;              // may read the pinned maps
  uint32_t front_sets = 32768;  // of the front cache, for each CPU; 0: none
};

// Call it in the router's network namespace, with full privileges, from the thread that
// will use the object. It
//  - loads the programs, with the maps pinned under bpffs if they are there and fit;
//  - makes the veth `ov6-self` and writes its ifindex into config.fib_ifindex, and the
//    ABI version into config.abi_version; SetConfig() keeps both whatever it is given;
//  - removes what a killed predecessor's ports left;
//  - lists in Devices() the devices whose doors still stand, with what the predecessor
//    knew; AttachDevice() takes one over without a gap, DetachDevice() removes it.
absl::StatusOr<std::unique_ptr<Datapath>> OpenKernelDatapath(const KernelDatapathOptions& options);

enum class Access { kReadOnly, kReadWrite };
// The tables of an instance through its pins, whether a daemon lives or not. kReadOnly
// needs no capability, only membership in the group; its setters answer PermissionDenied.
absl::StatusOr<std::unique_ptr<Tables>> OpenPinnedTables(const std::filesystem::path& bpffs, Access access);

}  // namespace ov6

#endif
