// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/pcap_file.h"

#include <fmt/format.h>

#include <array>

#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

constexpr uint32_t kMicroseconds = 0xa1b2c3d4, kNanoseconds = 0xa1b23c4d, kPcapng = 0x0a0d0d0a;
constexpr uint32_t kEthernet = 1, kRaw = 101, kIpv4 = 228, kIpv6 = 229;
constexpr uint32_t kLargest = 262144;  // tcpdump's own limit

uint32_t Swapped(uint32_t word) { return __builtin_bswap32(word); }

}  // namespace

uint32_t PcapFile::Word(const uint8_t* bytes) const {
  const uint32_t big = uint32_t{bytes[0]} << 24 | bytes[1] << 16 | bytes[2] << 8 | bytes[3];
  return big_endian_ ? big : Swapped(big);
}

absl::StatusOr<PcapFile> PcapFile::Open(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) return Refused(fmt::format("{} cannot be read", path.native()));
  PcapFile pcap(path, std::move(file));
  if (auto status = pcap.ReadHead(); !status.ok()) return status;
  return pcap;
}

absl::Status PcapFile::ReadHead() {
  std::array<uint8_t, 24> head{};
  if (!file_.read(reinterpret_cast<char*>(head.data()), head.size())) {
    return Refused(fmt::format("{} is no pcap file: it is shorter than its head would be", path_.native()));
  }
  big_endian_ = true;
  const uint32_t magic = Word(head.data());
  big_endian_ = magic == kMicroseconds || magic == kNanoseconds;
  if (!big_endian_ && Swapped(magic) != kMicroseconds && Swapped(magic) != kNanoseconds) {
    return Refused(fmt::format("{} is no pcap file{}", path_.native(),
                               magic == kPcapng ? " but pcapng; \"editcap -F pcap\" makes one of it" : ""));
  }
  const uint32_t link = Word(&head[20]) & 0xffff;
  if (link != kEthernet && link != kRaw && link != kIpv4 && link != kIpv6) {
    return Refused(fmt::format("{} has frames of link type {}; Ethernet (1) and raw IP (101) can be traced",
                               path_.native(), link));
  }
  ethernet_ = link == kEthernet;
  return absl::OkStatus();
}

absl::StatusOr<std::optional<PcapFile::Packet>> PcapFile::Next() {
  std::array<uint8_t, 16> head{};
  file_.read(reinterpret_cast<char*>(head.data()), head.size());
  if (file_.gcount() == 0) return std::nullopt;
  Packet packet{.bytes = {}, .original_size = Word(&head[12])};
  const uint32_t size = Word(&head[8]);
  if (file_ && size <= kLargest) {
    packet.bytes.resize(size);
    file_.read(reinterpret_cast<char*>(packet.bytes.data()), size);
  }
  if (!file_ || size > kLargest)
    return Refused(fmt::format("{} ends in the middle of a packet", path_.native()));
  return packet;
}

}  // namespace ov6::ctl
