// SPDX-License-Identifier: Apache-2.0
// As many packets as the machine makes, for some seconds, each with another address; how many went out is
// printed.
//
//   flood site DEVICE MAC SOURCE PREFIX SECONDS        from a host: to random addresses below PREFIX (a /8)
//   flood sources DEVICE MAC PREFIX DESTINATION SECONDS  the same host under random sources below PREFIX (a
//   /64) flood underlay DEVICE MAC OURS PREFIX INNER SECONDS  6in4 to the router OURS, from random IPv4
//   addresses, inner
//                                                        sources below PREFIX (a /8), to INNER
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netpacket/packet.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <random>
#include <string>

#ifndef PACKET_QDISC_BYPASS
#define PACKET_QDISC_BYPASS 20
#endif

namespace {

constexpr size_t kBurst = 64, kPayload = 8;

struct Site {
  ether_header link;
  ip6_hdr ip6;
  char payload[kPayload];
} __attribute__((packed));
struct Underlay {
  ether_header link;
  iphdr ip;
  ip6_hdr ip6;
  char payload[kPayload];
} __attribute__((packed));

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "flood: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

in6_addr Ip6(const char* text) {
  in6_addr address{};
  if (inet_pton(AF_INET6, text, &address) != 1) Fail(std::string(text) + " is no IPv6 address");
  return address;
}

ether_header Link(const std::string& device, const char* mac, uint16_t type, int fd) {
  ether_header link{};
  link.ether_type = htons(type);
  ifreq request{};
  device.copy(request.ifr_name, IFNAMSIZ - 1);
  if (ioctl(fd, SIOCGIFHWADDR, &request) != 0) Fail(device);
  std::memcpy(link.ether_shost, request.ifr_hwaddr.sa_data, ETH_ALEN);
  unsigned bytes[ETH_ALEN];
  if (std::sscanf(mac, "%x:%x:%x:%x:%x:%x", &bytes[0], &bytes[1], &bytes[2], &bytes[3], &bytes[4],
                  &bytes[5]) != 6)
    Fail(std::string(mac) + " is no MAC address");
  for (int i = 0; i < ETH_ALEN; i++) link.ether_dhost[i] = static_cast<uint8_t>(bytes[i]);
  return link;
}

ip6_hdr Header6(const in6_addr& source, const in6_addr& destination) {
  ip6_hdr ip6{};
  ip6.ip6_flow = htonl(6u << 28);
  ip6.ip6_plen = htons(kPayload);
  ip6.ip6_nxt = 17;
  ip6.ip6_hlim = 64;
  ip6.ip6_src = source;
  ip6.ip6_dst = destination;
  return ip6;
}

uint16_t HeaderChecksum(const iphdr& ip) {
  uint32_t sum = 0;
  uint16_t words[10];
  std::memcpy(words, &ip, sizeof(words));
  for (const uint16_t word : words) sum += word;
  while (sum >> 16) sum = (sum & 0xffff) + (sum >> 16);
  return static_cast<uint16_t>(~sum);
}

using Random = std::mt19937_64;

// The bytes of `address` (16) behind `kept`.
void Vary(uint8_t* address, size_t kept, Random& random) {
  const std::array<uint64_t, 2> bits = {random(), random()};
  std::memcpy(address + kept, bits.data(), 16 - kept);
}

// A unicast address that no martian rule takes.
uint32_t AnyIp4(Random& random) { return htonl(0x0b000000 + static_cast<uint32_t>(random() % 0x60000000)); }

template <typename Packet, typename Change>
uint64_t Send(int fd, const Packet& pattern, int seconds, Change change) {
  std::array<Packet, kBurst> packets;
  packets.fill(pattern);
  std::array<iovec, kBurst> pieces;
  std::array<mmsghdr, kBurst> messages{};
  for (size_t i = 0; i < kBurst; i++) {
    pieces[i] = {&packets[i], sizeof(Packet)};
    messages[i].msg_hdr.msg_iov = &pieces[i];
    messages[i].msg_hdr.msg_iovlen = 1;
  }
  Random random(1);
  uint64_t sent = 0;
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(seconds);
  while (std::chrono::steady_clock::now() < end) {
    for (Packet& packet : packets) change(packet, random);
    const int count = sendmmsg(fd, messages.data(), kBurst, 0);
    if (count < 0 && errno != ENOBUFS && errno != EAGAIN) Fail("sendmmsg");
    if (count > 0) sent += static_cast<uint64_t>(count);
  }
  return sent;
}

int Open(const std::string& device) {
  const int fd = socket(AF_PACKET, SOCK_RAW, 0);
  sockaddr_ll to{};
  to.sll_family = AF_PACKET;
  to.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (fd < 0 || bind(fd, reinterpret_cast<sockaddr*>(&to), sizeof(to)) != 0) Fail(device);
  const int bypass = 1;
  if (setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &bypass, sizeof(bypass)) != 0)
    Fail("PACKET_QDISC_BYPASS");
  return fd;
}

uint64_t FloodSite(const std::string& mode, char** words) {
  const int fd = Open(words[0]);
  Site pattern{Link(words[0], words[1], ETHERTYPE_IPV6, fd), Header6(Ip6(words[2]), Ip6(words[3])), {}};
  if (mode == "site")
    return Send(fd, pattern, std::atoi(words[4]),
                [](Site& p, Random& random) { Vary(p.ip6.ip6_dst.s6_addr, 1, random); });
  return Send(fd, pattern, std::atoi(words[4]), [](Site& p, Random& random) {
    Vary(p.ip6.ip6_src.s6_addr, 8, random);
    p.ip6.ip6_dst.s6_addr[5] = p.ip6.ip6_src.s6_addr[9];
    p.ip6.ip6_dst.s6_addr[4] = p.ip6.ip6_src.s6_addr[10];
  });
}

uint64_t FloodUnderlay(char** words) {
  const int fd = Open(words[0]);
  Underlay pattern{Link(words[0], words[1], ETHERTYPE_IP, fd), {}, Header6(Ip6(words[3]), Ip6(words[4])), {}};
  pattern.ip.version = 4;
  pattern.ip.ihl = 5;
  pattern.ip.tot_len = htons(sizeof(Underlay) - sizeof(ether_header));
  pattern.ip.ttl = 64;
  pattern.ip.protocol = 41;
  if (inet_pton(AF_INET, words[2], &pattern.ip.daddr) != 1)
    Fail(std::string(words[2]) + " is no IPv4 address");
  return Send(fd, pattern, std::atoi(words[5]), [](Underlay& p, Random& random) {
    p.ip.saddr = AnyIp4(random);
    p.ip.check = 0;
    iphdr ip;
    std::memcpy(&ip, &p.ip, sizeof(ip));
    p.ip.check = HeaderChecksum(ip);
    Vary(p.ip6.ip6_src.s6_addr, 1, random);
  });
}

}  // namespace

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if ((mode == "site" || mode == "sources") && argc == 7) {
    std::printf("%llu\n", static_cast<unsigned long long>(FloodSite(mode, argv + 2)));
  } else if (mode == "underlay" && argc == 8) {
    std::printf("%llu\n", static_cast<unsigned long long>(FloodUnderlay(argv + 2)));
  } else {
    std::fprintf(stderr,
                 "usage: flood site|sources DEVICE MAC SOURCE DESTINATION SECONDS\n"
                 "       flood underlay DEVICE MAC OURS PREFIX INNER SECONDS\n");
    return 2;
  }
  return 0;
}
