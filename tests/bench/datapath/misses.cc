// SPDX-License-Identifier: Apache-2.0
// Cold misses as hosts make them: one packet to each destination in turn, each from a host of its own
// (address and MAC address), since what one host may ask is bounded; spread evenly over the time.
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip6.h>
#include <sys/socket.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <iostream>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"
#include "userspace/base/unique_fd.h"

namespace ov6::bench {
namespace {

using Clock = std::chrono::steady_clock;

struct Options {
  std::string device, to, site;
  double rate = 100;
};

// Nobody answers it: its receiver drops a packet without a payload protocol silently.
struct Packet {
  ether_header ethernet;
  ip6_hdr ip6;
} __attribute__((packed));

std::vector<in6_addr> Destinations() {
  std::vector<in6_addr> destinations;
  for (std::string line; std::getline(std::cin, line);) destinations.push_back(Ip6Address(line));
  return destinations;
}

UniqueFd Open(const std::string& device) {
  UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  if (!fd.ok() || bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    Fail("sending at " + device, errno);
  return fd;
}

Packet Pattern(const Options& options) {
  Packet packet{};
  ether_addr to{};
  if (ether_aton_r(options.to.c_str(), &to) == nullptr) Fail("'" + options.to + "' is no MAC address");
  std::memcpy(packet.ethernet.ether_dhost, &to, ETH_ALEN);
  packet.ethernet.ether_shost[0] = 2;
  packet.ethernet.ether_type = htons(ETHERTYPE_IPV6);
  packet.ip6.ip6_vfc = 6 << 4;
  packet.ip6.ip6_nxt = IPPROTO_NONE;
  packet.ip6.ip6_hlim = 64;
  packet.ip6.ip6_src = Ip6Address(options.site);
  return packet;
}

void SetHost(uint16_t number, Packet* packet) {
  const uint16_t bytes = htons(number);
  std::memcpy(packet->ethernet.ether_shost + ETH_ALEN - sizeof(bytes), &bytes, sizeof(bytes));
  std::memcpy(packet->ip6.ip6_src.s6_addr + sizeof(in6_addr) - sizeof(bytes), &bytes, sizeof(bytes));
}

void Miss(const Options& options) {
  ComeFirst(Rank::kMeasures);
  const UniqueFd fd = Open(options.device);
  const std::vector<in6_addr> destinations = Destinations();
  Packet packet = Pattern(options);
  const auto begin = Clock::now();
  for (size_t i = 0; i < destinations.size(); ++i) {
    SetHost(static_cast<uint16_t>(i + 0x1000), &packet);
    packet.ip6.ip6_dst = destinations[i];
    std::this_thread::sleep_until(begin +
                                  std::chrono::duration_cast<Clock::duration>(
                                      std::chrono::duration<double>(static_cast<double>(i) / options.rate)));
    if (send(fd.get(), &packet, sizeof(packet), 0) != sizeof(packet)) Fail("sending", errno);
  }
}

}  // namespace

void AddMisses(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb =
      app.add_subcommand("misses", "a packet to each destination on stdin, each from another host");
  verb->add_option("--device", options->device)->required();
  verb->add_option("--to", options->to, "MAC address")->required();
  verb->add_option("--site", options->site, "the hosts' /64")->required();
  verb->add_option("--rate", options->rate, "packets a second");
  verb->callback([options] { Miss(*options); });
}

}  // namespace ov6::bench
