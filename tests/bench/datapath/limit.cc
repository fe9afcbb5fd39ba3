// SPDX-License-Identifier: Apache-2.0
// Programs change places in the link that ov6d has pinned: same device, same peers, nothing else touched.
#include "tests/bench/datapath/limit.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/ether.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>
#include <string>

#include "ov6/abi/config.h"
#include "tests/bench/datapath/bpf/flows.h"
#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"
#include "userspace/base/ip_checksum.h"
// Names the structures of flows.h.
#include "bench_limit.skel.h"

namespace ov6::bench {
namespace {

void PutMac(const std::string& text, uint8_t* to) {
  ether_addr address{};
  if (ether_aton_r(text.c_str(), &address) == nullptr) Fail("'" + text + "' is no MAC address");
  std::memcpy(to, &address, ETH_ALEN);
}

void Replace(const std::string& link, int program) {
  if (bpf_link_update(Pinned(link), program, nullptr) != 0) Fail("another program for " + link, errno);
}

iphdr Outer(const LimitWay& way, uint8_t protocol, size_t payload) {
  iphdr ip{};
  ip.version = 4;
  ip.ihl = 5;
  ip.ttl = 64;
  ip.protocol = protocol;
  ip.tot_len = htons(static_cast<uint16_t>(sizeof(ip) + payload));
  if (inet_pton(AF_INET, way.outer_from.c_str(), &ip.saddr) != 1 ||
      inet_pton(AF_INET, way.outer_to.c_str(), &ip.daddr) != 1) {
    Fail("encapsulating wants --outer-from and --outer-to");
  }
  ip.check = IpChecksum(ip);
  return ip;
}

void WriteHeader(const std::string& name, const LimitWay& way, uint32_t size, uint8_t* to) {
  const bool encap = name.starts_with("encap"), in_udp = name == "encap_udp";
  ethhdr ethernet{};
  PutMac(way.to, ethernet.h_dest);
  PutMac(way.from, ethernet.h_source);
  ethernet.h_proto = htons(encap ? ETH_P_IP : ETH_P_IPV6);
  std::memcpy(to, &ethernet, sizeof(ethernet));
  if (!encap) return;
  const size_t length = size - ETH_HLEN + (in_udp ? sizeof(udphdr) : 0);
  const iphdr ip = Outer(way, in_udp ? IPPROTO_UDP : IPPROTO_IPV6, length);
  const udphdr udp{.source = htons(FLOW_FIRST_PORT),
                   .dest = htons(OV6_UDP_PORT),
                   .len = htons(static_cast<uint16_t>(length)),
                   .check = 0};
  std::memcpy(to + ETH_HLEN, &ip, sizeof(ip));
  std::memcpy(to + ETH_HLEN + sizeof(ip), &udp, sizeof(udp));
}

}  // namespace

void AddOptions(CLI::App& app, LimitWay* way) {
  app.add_option("--egress", way->egress, "device it leaves by");
  app.add_option("--egress-to", way->to, "MAC address");
  app.add_option("--egress-from", way->from, "MAC address");
  app.add_option("--outer-to", way->outer_to, "IPv4 address");
  app.add_option("--outer-from", way->outer_from, "IPv4 address");
}

// What encapsulates writes a header for frames of `size` alone.
int LoadLimit(const std::string& name, const LimitWay& way, uint32_t size) {
  auto* skeleton = bench_limit::open_and_load();
  if (skeleton == nullptr) Fail("loading the limit", errno);
  limit_setting& setting = skeleton->bss->setting;
  setting.egress = if_nametoindex(way.egress.c_str());
  if (setting.egress == 0) Fail(way.egress, errno);
  WriteHeader(name, way, size, setting.header);
  const bpf_program* program = bpf_object__find_program_by_name(skeleton->obj, name.c_str());
  if (program == nullptr) Fail("there is no limit '" + name + "'");
  return bpf_program__fd(program);  // held until the process ends
}

int DoorsProgram(const std::string& folder, const std::string& name) {
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (!entry.path().filename().string().starts_with(name + "-")) continue;
    return Pinned(entry.path());
  }
  Fail("no program " + name + " in " + folder);
}

void AddLimit(CLI::App& app) {
  struct Options {
    std::string bpffs, device, program;
    LimitWay way;
    uint32_t size = 64;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("place", "another program at a door of ov6d's");
  verb->add_option("bpffs", options->bpffs, "of the instance")->required();
  verb->add_option("device", options->device)->required();
  verb->add_option("program", options->program,
                   "encap, encap_line, encap_udp, decap, decap_udp; ov6d's own; or a pin")
      ->required();
  verb->add_option("--size", options->size, "of the frames to be encapsulated");
  AddOptions(*verb, &options->way);
  verb->callback([options] {
    const std::string& name = options->program;
    Replace(options->bpffs + "/links/xdp-" + options->device,
            name.starts_with("/")      ? Pinned(name)
            : name.starts_with("xdp_") ? DoorsProgram(options->bpffs + "/programs", name)
                                       : LoadLimit(name, options->way, options->size));
  });
}

}  // namespace ov6::bench
