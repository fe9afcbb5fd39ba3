// SPDX-License-Identifier: Apache-2.0
// The BPF objects of bpf/, built in: loads them all over one set of pinned maps, adopting
// the maps, and the programs of the same build, that are pinned already.
#ifndef OV6_USERSPACE_DATAPATH_PROGRAMS_H
#define OV6_USERSPACE_DATAPATH_PROGRAMS_H

#include <filesystem>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

struct Programs {
  UniqueFd xdp_site, xdp_underlay, tc_site, tc_underlay;
  UniqueFd tc_site_l3, tc_underlay_l3;  // where packets have no Ethernet header
  UniqueFd xdp_port_near, xdp_port_far, tc_port;
};

struct LoadedObjects {
  Programs programs;
  std::map<std::string, UniqueFd> maps;  // by name, all of abi/maps.h
};

// The folders of pins.h must be there. FailedPrecondition: a pinned map does not fit.
absl::StatusOr<LoadedObjects> LoadObjects(const std::filesystem::path& bpffs);

}  // namespace ov6

#endif
