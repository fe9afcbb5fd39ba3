// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <memory>
#include <set>
#include <span>
#include <string_view>
#include <vector>

#include "ov6/abi/maps.h"
#include "tc_l3.skel.h"
#include "tc_port.skel.h"
#include "tc_site.skel.h"
#include "tc_underlay.skel.h"
#include "userspace/datapath/front.h"
#include "userspace/datapath/pins.h"
#include "userspace/datapath/program_pins.h"
#include "xdp_port.skel.h"
#include "xdp_site.skel.h"
#include "xdp_underlay.skel.h"

namespace ov6 {
namespace {

using Object = std::unique_ptr<bpf_object, decltype(&bpf_object__close)>;

// One object of bpf/ and where its programs' descriptors go.
struct Source {
  const char* name;
  const void* (*bytes)(size_t* size);
  std::vector<std::pair<const char*, UniqueFd Programs::*>> programs;
};

std::vector<Source> Sources() {
  return {{"xdp_site", xdp_site__elf_bytes, {{"xdp_site", &Programs::xdp_site}}},
          {"xdp_underlay", xdp_underlay__elf_bytes, {{"xdp_underlay", &Programs::xdp_underlay}}},
          {"tc_site", tc_site__elf_bytes, {{"tc_site", &Programs::tc_site}}},
          {"tc_underlay", tc_underlay__elf_bytes, {{"tc_underlay", &Programs::tc_underlay}}},
          {"tc_l3",
           tc_l3__elf_bytes,
           {{"tc_site_l3", &Programs::tc_site_l3}, {"tc_underlay_l3", &Programs::tc_underlay_l3}}},
          {"xdp_port",
           xdp_port__elf_bytes,
           {{"xdp_port", &Programs::xdp_port_near}, {"xdp_far", &Programs::xdp_port_far}}},
          {"tc_port", tc_port__elf_bytes, {{"tc_port", &Programs::tc_port}}}};
}

bool IsShared(std::string_view name) {
#define OV6_MAP_IS(map, entries, what) \
  if (name == #map) return true;
  OV6_MAPS(OV6_MAP_IS)
#undef OV6_MAP_IS
  return false;
}

// The kernel sets BPF_F_RDONLY_PROG on device maps by itself.
uint32_t ComparableFlags(uint32_t type, uint32_t flags) {
  const bool device_map = type == BPF_MAP_TYPE_DEVMAP || type == BPF_MAP_TYPE_DEVMAP_HASH;
  return device_map ? flags & ~static_cast<uint32_t>(BPF_F_RDONLY_PROG) : flags;
}

absl::Status Differs(const bpf_map* map, const std::filesystem::path& pin, const std::string& what,
                     uint32_t is, uint32_t wanted) {
  return absl::FailedPreconditionError(
      "the pinned map \"" + std::string(bpf_map__name(map)) + "\" does not fit: its " + what + " is " +
      std::to_string(is) + ", this version of ov6 wants " + std::to_string(wanted) +
      "; take the old datapath away (\"ov6ctl datapath detach\") or remove " + pin.string());
}

}  // namespace

absl::Status CheckMapFits(const bpf_map* map, const bpf_map_info& info, const std::filesystem::path& pin) {
  const auto type = static_cast<uint32_t>(bpf_map__type(map));
  if (info.type != type) return Differs(map, pin, "type", info.type, type);
  if (info.key_size != bpf_map__key_size(map)) {
    return Differs(map, pin, "key size", info.key_size, bpf_map__key_size(map));
  }
  if (info.value_size != bpf_map__value_size(map)) {
    return Differs(map, pin, "value size", info.value_size, bpf_map__value_size(map));
  }
  if (info.max_entries != bpf_map__max_entries(map)) {
    return Differs(map, pin, "number of entries", info.max_entries, bpf_map__max_entries(map));
  }
  const uint32_t wanted = ComparableFlags(type, bpf_map__map_flags(map));
  if (ComparableFlags(type, info.map_flags) != wanted) {
    return Differs(map, pin, "set of flags", info.map_flags, wanted);
  }
  return absl::OkStatus();
}

namespace {

// What an object got from its predecessors.
struct Adopted {
  std::set<uint32_t> map_ids;
  size_t missing_maps = 0;   // shared, but not pinned yet
  size_t internal_maps = 0;  // .rodata and the like
};

// Not libbpf's own pinning: it refuses a device map for the flag the kernel added to it.
absl::Status AdoptMap(bpf_map* map, const std::filesystem::path& pin, Adopted* adopted) {
  auto fd = OpenPin(pin, false);
  if (absl::IsNotFound(fd.status())) {
    ++adopted->missing_maps;
    return absl::OkStatus();
  }
  if (!fd.ok()) return fd.status();
  auto info = MapInfo(fd->get());
  if (!info.ok()) return info.status();
  if (auto status = CheckMapFits(map, *info, pin); !status.ok()) return status;
  adopted->map_ids.insert(info->id);
  const int result = bpf_map__reuse_fd(map, fd->get());
  return result < 0 ? absl::ErrnoToStatus(-result, "adopting " + pin.string()) : absl::OkStatus();
}

// What programs still hold of it is told of no change any more.
absl::Status GiveUpOtherFront(const std::filesystem::path& bpffs, uint32_t entries) {
  const auto pin = MapsFolder(bpffs) / "front";
  const auto fd = OpenPin(pin, true);
  if (absl::IsNotFound(fd.status())) return absl::OkStatus();
  if (!fd.ok()) return fd.status();
  const auto info = MapInfo(fd->get());
  if (!info.ok()) return info.status();
  if (info->max_entries == entries) return absl::OkStatus();
  auto front = PinnedFront(bpffs);
  if (!front.ok()) return front.status();
  if (auto status = front->Set(0); !status.ok()) return status;
  for (const char* name : {"front", "front_changes"}) {
    std::error_code error;
    std::filesystem::remove(MapsFolder(bpffs) / name, error);
    if (error)
      return absl::ErrnoToStatus(error.value(), "removing the pin of the map \"" + std::string(name) + "\"");
  }
  return absl::OkStatus();
}

absl::StatusOr<Adopted> AdoptMaps(bpf_object* object, const std::filesystem::path& folder) {
  Adopted adopted;
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    if (!IsShared(bpf_map__name(map))) {
      ++adopted.internal_maps;
    } else if (auto status = AdoptMap(map, folder / bpf_map__name(map), &adopted); !status.ok()) {
      return status;
    }
  }
  return adopted;
}

absl::Status KeepMaps(bpf_object* object, const std::filesystem::path& folder, LoadedObjects* loaded) {
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, object) {
    const std::string name = bpf_map__name(map);
    if (!IsShared(name) || loaded->maps.contains(name)) continue;
    const std::filesystem::path pin = folder / name;
    const int result = bpf_obj_pin(bpf_map__fd(map), pin.c_str());
    if (result < 0 && result != -EEXIST) return absl::ErrnoToStatus(-result, "pinning " + pin.string());
    loaded->maps[name] = UniqueFd(fcntl(bpf_map__fd(map), F_DUPFD_CLOEXEC, 3));
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ObjectError(std::string_view object, int error) {
  const std::string what = "the kernel does not take the program \"" + std::string(object) + "\"";
  if (error == EPERM || error == EACCES) {
    return absl::PermissionDeniedError(what + ": " +
                                       (error == EPERM
                                            ? "CAP_BPF, CAP_PERFMON and CAP_NET_ADMIN are needed"
                                            : "its verifier refuses it; log level debug shows why"));
  }
  if (error == ENOMEM) return absl::ErrnoToStatus(error, what + ": no memory for its maps");
  return absl::ErrnoToStatus(
      error, what + ": kernel 6.1 or newer with BTF is needed; log level debug shows what it says");
}

namespace {

std::span<const uint8_t> BytesOf(const Source& source) {
  size_t size = 0;
  const void* bytes = source.bytes(&size);
  return {static_cast<const uint8_t*>(bytes), size};
}

// All of the source's programs, or false.
bool AdoptPrograms(const Source& source, const Adopted& adopted, const std::filesystem::path& folder,
                   Programs* programs) {
  if (adopted.missing_maps > 0) return false;
  for (const auto& [name, member] : source.programs) {
    const auto pin = folder / ProgramPinName(name, BytesOf(source));
    auto fd = AdoptProgram(pin, adopted.map_ids, adopted.internal_maps);
    if (!fd.ok()) return false;
    programs->*member = *std::move(fd);
  }
  return true;
}

absl::Status VerifyPrograms(const Source& source, bpf_object* object, const std::filesystem::path& folder,
                            Programs* programs) {
  if (const int result = bpf_object__load(object); result < 0) return ObjectError(source.name, -result);
  for (const auto& [name, member] : source.programs) {
    const bpf_program* program = bpf_object__find_program_by_name(object, name);
    if (program == nullptr) {
      return absl::InternalError("no program " + std::string(name) + " in " + source.name);
    }
    programs->*member = UniqueFd(fcntl(bpf_program__fd(program), F_DUPFD_CLOEXEC, 3));
    if (auto status = PinProgram(bpf_program__fd(program), folder, name, BytesOf(source)); !status.ok()) {
      return status;
    }
  }
  return absl::OkStatus();
}

absl::Status Load(const Source& source, const std::filesystem::path& bpffs, uint32_t front_entries,
                  LoadedObjects* loaded) {
  const auto bytes = BytesOf(source);
  LIBBPF_OPTS(bpf_object_open_opts, options);
  options.object_name = source.name;
  const Object object(bpf_object__open_mem(bytes.data(), bytes.size(), &options), bpf_object__close);
  if (!object) return ObjectError(source.name, errno);
  if (bpf_map* front = bpf_object__find_map_by_name(object.get(), "front"); front != nullptr)
    bpf_map__set_max_entries(front, front_entries);
  const auto adopted = AdoptMaps(object.get(), MapsFolder(bpffs));
  if (!adopted.ok()) return adopted.status();
  const auto folder = ProgramsFolder(bpffs);
  if (!AdoptPrograms(source, *adopted, folder, &loaded->programs)) {
    const auto status = VerifyPrograms(source, object.get(), folder, &loaded->programs);
    if (!status.ok()) return status;
  }
  return KeepMaps(object.get(), MapsFolder(bpffs), loaded);
}

}  // namespace

absl::StatusOr<LoadedObjects> LoadObjects(const std::filesystem::path& bpffs, uint32_t front_entries) {
  if (auto status = GiveUpOtherFront(bpffs, front_entries); !status.ok()) return status;
  LoadedObjects loaded;
  for (const Source& source : Sources()) {
    if (auto status = Load(source, bpffs, front_entries, &loaded); !status.ok()) return status;
  }
  return loaded;
}

std::span<const uint8_t> ObjectBytes(std::string_view object) {
  for (const Source& source : Sources()) {
    if (object == source.name) return BytesOf(source);
  }
  return {};
}

}  // namespace ov6
