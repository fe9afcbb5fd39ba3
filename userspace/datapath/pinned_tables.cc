// SPDX-License-Identifier: Apache-2.0
#include <memory>
#include <utility>

#include "userspace/datapath/kernel_datapath.h"
#include "userspace/datapath/libbpf_log.h"
#include "userspace/datapath/map_tables.h"
#include "userspace/datapath/pins.h"

namespace ov6 {
namespace {

// Opens maps/NAME one after the other; after the first error the rest is left alone.
class PinOpener {
 public:
  PinOpener(std::filesystem::path bpffs, bool read_only) : bpffs_(std::move(bpffs)), read_only_(read_only) {}

  RawMap Open(const std::string& name, size_t value_size) {
    if (!status_.ok()) return {};
    auto fd = OpenPin(MapsFolder(bpffs_) / name, read_only_);
    if (!fd.ok()) {
      status_ = absl::IsNotFound(fd.status())
                    ? absl::NotFoundError("there is no datapath at " + bpffs_.string() + " (no map \"" +
                                          name + "\")")
                    : fd.status();
      return {};
    }
    auto info = MapInfo(fd->get());
    if (!info.ok()) {
      status_ = info.status();
    } else if (info->value_size != value_size) {
      status_ = absl::FailedPreconditionError("the map \"" + name + "\" in " + bpffs_.string() +
                                              " is of another version of ov6: its values have " +
                                              std::to_string(info->value_size) + " bytes instead of " +
                                              std::to_string(value_size));
    }
    return RawMap(name, *std::move(fd));
  }

  const absl::Status& status() const { return status_; }

 private:
  std::filesystem::path bpffs_;
  bool read_only_;
  absl::Status status_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Tables>> OpenPinnedTables(const std::filesystem::path& bpffs, Access access) {
  RouteLibbpfLog();
  PinOpener opener(bpffs, access == Access::kReadOnly);
  auto config = opener.Open("config", sizeof(ov6_config));
  if (!opener.status().ok()) return opener.status();
  if (auto status = CheckAbiVersion(config.fd(), bpffs); !status.ok()) return status;
  TableMaps maps;
  maps.config = TypedMap<uint32_t, ov6_config>(std::move(config));
  maps.routes = TypedMap<ov6_prefix, ov6_route>(opener.Open("routes", sizeof(ov6_route)));
  maps.mappings = TypedMap<ov6_prefix, ov6_mapping>(opener.Open("mappings", sizeof(ov6_mapping)));
  maps.negatives = TypedMap<ov6_prefix, ov6_negative>(opener.Open("negatives", sizeof(ov6_negative)));
  maps.slaves = TypedMap<uint32_t, ov6_slave>(opener.Open("slaves", sizeof(ov6_slave)));
  maps.verdicts = opener.Open("verdicts", sizeof(ov6_count));
  if (!opener.status().ok()) return opener.status();
  if (access == Access::kReadWrite) {
    auto front = PinnedFront(bpffs);
    if (!front.ok()) return front.status();
    maps.front = *std::move(front);
  }
  return std::make_unique<MapTables<Tables>>(std::move(maps));
}

}  // namespace ov6
