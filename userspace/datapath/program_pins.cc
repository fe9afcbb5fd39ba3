// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/program_pins.h"

#include <bpf/bpf.h>

#include <algorithm>
#include <array>
#include <vector>

#include "userspace/base/crypto.h"
#include "userspace/datapath/pins.h"

namespace ov6 {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMaxMaps = 64;  // the verifier's own limit

absl::StatusOr<std::vector<uint32_t>> MapIds(int program) {
  std::array<uint32_t, kMaxMaps> ids{};
  bpf_prog_info info{};
  info.nr_map_ids = ids.size();
  info.map_ids = reinterpret_cast<uint64_t>(ids.data());
  uint32_t size = sizeof(info);
  const int result = bpf_obj_get_info_by_fd(program, &info, &size);
  if (result < 0) return absl::ErrnoToStatus(-result, "asking what a pinned program is");
  return std::vector<uint32_t>(ids.begin(), ids.begin() + std::min<size_t>(info.nr_map_ids, ids.size()));
}

}  // namespace

std::string ProgramPinName(const std::string& program, std::span<const uint8_t> object) {
  static constexpr char kDigits[] = "0123456789abcdef";
  const auto hash = Sha256(object);
  std::string name = program + "-";
  for (size_t i = 0; i < 8; ++i) {
    name += kDigits[hash[i] >> 4];
    name += kDigits[hash[i] & 15];
  }
  return name;
}

absl::StatusOr<UniqueFd> AdoptProgram(const fs::path& pin, const std::set<uint32_t>& map_ids,
                                      size_t internal_maps) {
  auto fd = OpenPin(pin, false);
  if (!fd.ok()) return fd.status();
  const auto used = MapIds(fd->get());
  if (!used.ok()) return used.status();
  const auto ours = [&](uint32_t id) { return map_ids.contains(id); };
  const auto others = static_cast<size_t>(used->size() - std::ranges::count_if(*used, ours));
  if (others > internal_maps) return absl::NotFoundError(pin.string() + " uses maps that are not pinned now");
  return fd;
}

absl::Status PinProgram(int fd, const fs::path& folder, const std::string& program,
                        std::span<const uint8_t> object) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(folder, error)) {
    if (entry.path().filename().string().starts_with(program + "-")) fs::remove(entry.path(), error);
  }
  const fs::path pin = folder / ProgramPinName(program, object);
  const int result = bpf_obj_pin(fd, pin.c_str());
  return result < 0 ? absl::ErrnoToStatus(-result, "pinning " + pin.string()) : absl::OkStatus();
}

}  // namespace ov6
