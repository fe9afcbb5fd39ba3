// SPDX-License-Identifier: Apache-2.0
// Reading what the programs say of packets as they end (ov6/abi/monitor.h), through an
// instance's pins. It needs root, and no daemon. A ring buffer has one reader: whoever holds
// the lock on the folder of the pins.
#ifndef OV6_USERSPACE_DATAPATH_SIGHTINGS_H
#define OV6_USERSPACE_DATAPATH_SIGHTINGS_H

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "ov6/abi/monitor.h"
#include "ov6/time.h"

namespace ov6 {

class SightingReader {
 public:
  // Stops the programs' reports.
  virtual ~SightingReader() = default;
  // Readable when sightings wait.
  virtual int fd() const = 0;
  // The programs report packets of these classes (enum ov6_monitor_class, ored) until then.
  virtual absl::Status Ask(uint32_t wanted, BootTime until) = 0;
  virtual absl::Status Read(const std::function<void(const ov6_sighting&)>& handler) = 0;
  // Sightings that found no room since the last call; a lower bound.
  virtual absl::StatusOr<uint32_t> Lost() = 0;
};

// FailedPrecondition: another process reads them.
absl::StatusOr<std::unique_ptr<SightingReader>> OpenSightings(const std::filesystem::path& bpffs);

}  // namespace ov6

#endif
