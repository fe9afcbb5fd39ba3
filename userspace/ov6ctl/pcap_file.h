// SPDX-License-Identifier: Apache-2.0
// Frames of a capture in the classic format of tcpdump (draft-ietf-opsawg-pcap), either byte order,
// with Ethernet frames or bare IP packets in it.
#ifndef OV6_USERSPACE_OV6CTL_PCAP_FILE_H
#define OV6_USERSPACE_OV6CTL_PCAP_FILE_H

#include <cstdint>
#include <filesystem>
#include <fstream>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"

namespace ov6::ctl {

class PcapFile {
 public:
  struct Packet {
    std::vector<uint8_t> bytes;
    uint32_t original_size = 0;  // more than `bytes` has: the capture cut it
  };

  // FailedPrecondition: it is no such file, or of another link type.
  static absl::StatusOr<PcapFile> Open(const std::filesystem::path& path);

  bool has_ethernet() const { return ethernet_; }
  // nullopt: the end.
  absl::StatusOr<std::optional<Packet>> Next();

 private:
  PcapFile(std::filesystem::path path, std::ifstream file) : path_(std::move(path)), file_(std::move(file)) {}
  absl::Status ReadHead();
  uint32_t Word(const uint8_t* bytes) const;

  std::filesystem::path path_;
  std::ifstream file_;
  bool big_endian_ = false;
  bool ethernet_ = true;
};

}  // namespace ov6::ctl

#endif
