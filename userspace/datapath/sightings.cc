// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/sightings.h"

#include <bpf/libbpf.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <fstream>
#include <string>

#include "userspace/datapath/front.h"
#include "userspace/datapath/libbpf_log.h"
#include "userspace/datapath/pins.h"
#include "userspace/datapath/typed_map.h"

namespace ov6 {
namespace {

namespace fs = std::filesystem;

// "process 17 (ov6ctl)", of /proc/locks, or "another process".
std::string HolderOf(int fd) {
  struct stat info {};
  if (fstat(fd, &info) != 0) return "another process";
  char wanted[64];
  std::snprintf(wanted, sizeof(wanted), " %02x:%02x:%llu ", major(info.st_dev), minor(info.st_dev),
                static_cast<unsigned long long>(info.st_ino));
  std::ifstream locks("/proc/locks");
  for (std::string line; std::getline(locks, line);) {
    int pid = 0;
    if (line.find(wanted) == line.npos || line.find("FLOCK") == line.npos) continue;
    if (std::sscanf(line.c_str(), "%*s FLOCK %*s %*s %d", &pid) != 1 || pid <= 0) continue;
    std::string name;
    std::getline(std::ifstream("/proc/" + std::to_string(pid) + "/comm"), name);
    return "process " + std::to_string(pid) + (name.empty() ? "" : " (" + name + ")");
  }
  return "another process";
}

// Nothing is left behind, whatever ends the holder.
absl::StatusOr<UniqueFd> Lock(const fs::path& folder) {
  UniqueFd fd(open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!fd.ok()) return absl::ErrnoToStatus(errno, "opening " + folder.string());
  if (flock(fd.get(), LOCK_EX | LOCK_NB) == 0) return fd;
  if (errno != EWOULDBLOCK) return absl::ErrnoToStatus(errno, "locking " + folder.string());
  return absl::FailedPreconditionError(HolderOf(fd.get()) +
                                       " reads them already, and only one can: the ring buffer of \"" +
                                       (folder / "sightings").string() + "\" has one reader");
}

class KernelSightings : public SightingReader {
 public:
  KernelSightings(UniqueFd lock, UniqueFd ring, UniqueFd monitor, Front front)
      : lock_(std::move(lock)),
        ring_map_(std::move(ring)),
        monitor_(RawMap("monitor", std::move(monitor))),
        front_(std::move(front)),
        opened_(BootClock::now()) {}

  ~KernelSightings() override {
    (void)monitor_.Set(kOnly, {});
    ring_buffer__free(ring_);
  }

  absl::Status Open() {
    const auto deliver = [](void* self, void* data, size_t size) {
      static_cast<KernelSightings*>(self)->Deliver(data, size);
      return 0;
    };
    ring_ = ring_buffer__new(ring_map_.get(), deliver, this, nullptr);
    if (ring_ == nullptr) return absl::ErrnoToStatus(errno, "mapping the map \"sightings\"");
    return monitor_.Set(kOnly, {});
  }

  int fd() const override { return ring_buffer__epoll_fd(ring_); }

  absl::Status Ask(uint32_t wanted, BootTime until) override {
    const auto now = monitor_.Get(kOnly);
    if (!now.ok()) return now.status();
    const auto status =
        monitor_.Set(kOnly, {.until = ToNanoseconds(until), .wanted = wanted, .lost = now->lost});
    front_.Lapse();
    return status;
  }

  absl::Status Read(const std::function<void(const ov6_sighting&)>& handler) override {
    handler_ = &handler;
    const int result = ring_buffer__consume(ring_);
    handler_ = nullptr;
    return result < 0 ? absl::ErrnoToStatus(-result, "reading the map \"sightings\"") : absl::OkStatus();
  }

  absl::StatusOr<uint32_t> Lost() override {
    const auto now = monitor_.Get(kOnly);
    if (!now.ok()) return now.status();
    const uint32_t lost = now->lost - told_lost_;
    told_lost_ = now->lost;
    return lost;
  }

 private:
  static constexpr uint32_t kOnly = 0;

  void Deliver(const void* data, size_t size) {
    ov6_sighting sighting;
    if (handler_ == nullptr || size < sizeof(sighting)) return;
    std::memcpy(&sighting, data, sizeof(sighting));
    // Left by a reader that is gone.
    if (FromNanoseconds(sighting.time) >= opened_) (*handler_)(sighting);
  }

  UniqueFd lock_, ring_map_;
  TypedMap<uint32_t, ov6_monitor> monitor_;
  Front front_;
  BootTime opened_;
  uint32_t told_lost_ = 0;
  ring_buffer* ring_ = nullptr;
  const std::function<void(const ov6_sighting&)>* handler_ = nullptr;  // while the ring is read
};

}  // namespace

absl::StatusOr<std::unique_ptr<SightingReader>> OpenSightings(const fs::path& bpffs) {
  RouteLibbpfLog();
  const fs::path folder = MapsFolder(bpffs);
  const auto config = OpenPin(folder / "config", true);
  if (absl::IsNotFound(config.status())) {
    return absl::NotFoundError("there is no datapath at " + bpffs.string());
  }
  if (!config.ok()) return config.status();
  if (auto status = CheckAbiVersion(config->get(), bpffs); !status.ok()) return status;
  auto ring = OpenPin(folder / "sightings", false);
  if (!ring.ok()) return ring.status();
  auto monitor = OpenPin(folder / "monitor", false);
  if (!monitor.ok()) return monitor.status();
  auto front = PinnedFront(bpffs);
  if (!front.ok()) return front.status();
  auto lock = Lock(folder);
  if (!lock.ok()) return lock.status();
  auto reader = std::make_unique<KernelSightings>(*std::move(lock), *std::move(ring), *std::move(monitor),
                                                  *std::move(front));
  if (auto status = reader->Open(); !status.ok()) return status;
  return reader;
}

}  // namespace ov6
