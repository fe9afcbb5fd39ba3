// SPDX-License-Identifier: Apache-2.0
// What stands around the slaves that are measured, and the TAP device that they are held against.
//
//   bench_wire drop DEVICE  what comes to DEVICE (a veth) is counted by it, and goes no further
//   bench_wire tap TAP DEVICE drain|echo|source TO FROM SOURCE DESTINATION
//                           between DEVICE and a TAP device that this process reads and writes: XDP programs
//                           that do nothing but redirect. Until it is killed.
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <fcntl.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip6.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

namespace {

constexpr size_t kPacket = 64, kFrame = ETH_HLEN + kPacket;
using FrameBytes = std::array<uint8_t, kFrame>;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "bench_wire: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

struct Ends {
  const char *to, *from;             // MAC addresses
  const char *source, *destination;  // IPv6 addresses
};

void PutMac(const char* text, uint8_t* out) {
  ether_addr address{};
  if (ether_aton_r(text, &address) == nullptr) Fail(std::string(text) + " is no MAC address");
  std::memcpy(out, &address, sizeof(address));
}

void PutIp6(const char* text, in6_addr* out) {
  if (inet_pton(AF_INET6, text, out) != 1) Fail(std::string(text) + " is no IPv6 address");
}

// Nobody looks at its UDP checksum.
FrameBytes MakeFrame(const Ends& ends) {
  FrameBytes frame{};
  PutMac(ends.to, frame.data());
  PutMac(ends.from, frame.data() + ETH_ALEN);
  frame[12] = ETH_P_IPV6 >> 8;
  frame[13] = ETH_P_IPV6 & 0xff;
  ip6_hdr ip{};
  ip.ip6_vfc = 6 << 4;
  ip.ip6_plen = htons(kPacket - sizeof(ip));
  ip.ip6_nxt = IPPROTO_UDP;
  ip.ip6_hlim = 64;
  PutIp6(ends.source, &ip.ip6_src);
  PutIp6(ends.destination, &ip.ip6_dst);
  udphdr udp{};
  udp.source = udp.dest = htons(7777);
  udp.len = htons(kPacket - sizeof(ip));
  std::memcpy(frame.data() + ETH_HLEN, &ip, sizeof(ip));
  std::memcpy(frame.data() + ETH_HLEN + sizeof(ip), &udp, sizeof(udp));
  return frame;
}

// --- programs --------------------------------------------------------------------

using Code = std::vector<bpf_insn>;

constexpr bpf_insn Instruction(int code, int to, int from, int offset, int value) {
  return {static_cast<uint8_t>(code), static_cast<uint8_t>(to), static_cast<uint8_t>(from),
          static_cast<int16_t>(offset), value};
}

void Return(int value, Code* code) {
  code->push_back(Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, value));
  code->push_back(Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0));
}

Code Redirects(uint32_t ifindex) {
  return {Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_1, 0, 0, static_cast<int>(ifindex)),
          Instruction(BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_2, 0, 0, 0),
          Instruction(BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect),
          Instruction(BPF_JMP | BPF_EXIT, 0, 0, 0, 0)};
}

Code Drops() {
  Code code;
  Return(XDP_DROP, &code);
  return code;
}

int Load(const Code& code) {
  const int program =
      bpf_prog_load(BPF_PROG_TYPE_XDP, "bench_wire", "GPL", code.data(), code.size(), nullptr);
  if (program < 0) Fail("loading a program");
  return program;
}

uint32_t IndexOf(const char* device) {
  const uint32_t ifindex = if_nametoindex(device);
  if (ifindex == 0) Fail(std::string("device ") + device);
  return ifindex;
}

void Attach(const char* device, const Code& code) {
  const auto ifindex = static_cast<int>(IndexOf(device));
  if (bpf_xdp_attach(ifindex, Load(code), XDP_FLAGS_DRV_MODE, nullptr) != 0)
    Fail(std::string("a program at ") + device);
}

// --- what it does ----------------------------------------------------------------

int MakeTap(const char* name) {
  const int tap = open("/dev/net/tun", O_RDWR | O_CLOEXEC);
  ifreq request{};
  std::strncpy(request.ifr_name, name, IFNAMSIZ - 1);
  request.ifr_flags = IFF_TAP | IFF_NO_PI;
  if (tap < 0 || ioctl(tap, TUNSETIFF, &request) != 0) Fail(std::string("making ") + name);
  const int any = socket(AF_INET6, SOCK_DGRAM, 0);
  request.ifr_flags = IFF_UP;
  if (ioctl(any, SIOCSIFFLAGS, &request) != 0) Fail(std::string("bringing up ") + name);
  close(any);
  return tap;
}

void Write(int tap, const uint8_t* frame, size_t size) {
  if (write(tap, frame, size) < 0 && errno != ENOBUFS && errno != EAGAIN) Fail("writing to the TAP device");
}

void Tap(const char* name, const char* device, const std::string& mode, const Ends& ends) {
  const int tap = MakeTap(name);
  Attach(name, Redirects(IndexOf(device)));
  Attach(device, Redirects(IndexOf(name)));
  const FrameBytes made = MakeFrame(ends);
  while (mode == "source") Write(tap, made.data(), made.size());
  std::array<uint8_t, 2048> frame;
  constexpr size_t kSource = ETH_HLEN + offsetof(ip6_hdr, ip6_src);
  for (;;) {
    const ssize_t size = read(tap, frame.data(), frame.size());
    if (size < static_cast<ssize_t>(kFrame)) continue;
    if (mode != "echo") continue;
    std::swap_ranges(frame.begin() + kSource, frame.begin() + kSource + 16, frame.begin() + kSource + 16);
    Write(tap, frame.data(), static_cast<size_t>(size));
  }
}

}  // namespace

int main(int argc, char** argv) {
  const std::string what = argc > 1 ? argv[1] : "";
  const auto ends = [argv](int at) { return Ends{argv[at], argv[at + 1], argv[at + 2], argv[at + 3]}; };
  if (what == "drop" && argc == 3)
    Attach(argv[2], Drops());
  else if (what == "tap" && argc == 9)
    Tap(argv[2], argv[3], argv[4], ends(5));
  else
    std::fprintf(stderr, "the head of the source says how it is called\n");
  return what.empty() ? 2 : 0;
}
