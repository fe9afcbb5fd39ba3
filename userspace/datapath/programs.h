// SPDX-License-Identifier: Apache-2.0
// The BPF objects of bpf/, built in: loads them all over one set of pinned maps, adopting
// the maps, and the programs of the same build, that are pinned already.
#ifndef OV6_USERSPACE_DATAPATH_PROGRAMS_H
#define OV6_USERSPACE_DATAPATH_PROGRAMS_H

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

struct bpf_map;
struct bpf_map_info;

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

// The folders of pins.h must be there. `front_entries`: of the map "front"; one of another size that is
// pinned is given up, turned off. FailedPrecondition: a pinned map does not fit.
absl::StatusOr<LoadedObjects> LoadObjects(const std::filesystem::path& bpffs, uint32_t front_entries);

// An object as it is built in, by its name in bpf/ ("xdp_site"); empty: there is none.
std::span<const uint8_t> ObjectBytes(std::string_view object);
// FailedPrecondition: the pinned map is not what the object's program wants.
absl::Status CheckMapFits(const bpf_map* map, const bpf_map_info& info, const std::filesystem::path& pin);
// Why the kernel did not load the object.
absl::Status ObjectError(std::string_view object, int error);

}  // namespace ov6

#endif
