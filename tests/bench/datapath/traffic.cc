// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/datapath/traffic.h"

#include <bpf/bpf.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <sched.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <iterator>

#include "ov6/abi/config.h"
#include "tests/bench/datapath/bpf/flows.h"

namespace ov6::bench {
namespace {

constexpr uint16_t kDestinationPort = 7777;
constexpr uint8_t kHopLimit = 64;
constexpr uint16_t kDontFragment = 0x4000;

ethhdr Ethernet(const Traffic& traffic, uint16_t type) {
  ethhdr header{};
  ether_addr address{};
  for (const auto& [text, field] :
       {std::pair(&traffic.to, header.h_dest), {&traffic.from, header.h_source}}) {
    if (ether_aton_r(text->c_str(), &address) == nullptr) Fail("'" + *text + "' is no MAC address");
    std::memcpy(field, &address, ETH_ALEN);
  }
  header.h_proto = htons(type);
  return header;
}

ipv6hdr Ip6(uint32_t frame) {
  ipv6hdr header{};
  header.version = 6;
  header.nexthdr = IPPROTO_UDP;
  header.hop_limit = kHopLimit;
  header.payload_len = htons(static_cast<uint16_t>(frame - ETH_HLEN - sizeof(header)));
  return header;
}

iphdr Ip4(const Traffic& traffic, uint8_t protocol, size_t payload) {
  iphdr header{};
  header.version = 4;
  header.ihl = 5;
  header.ttl = kHopLimit;
  header.protocol = protocol;
  header.frag_off = htons(kDontFragment);
  header.tot_len = htons(static_cast<uint16_t>(sizeof(header) + payload));
  if (inet_pton(AF_INET, traffic.router.c_str(), &header.daddr) != 1) {
    Fail("'" + traffic.router + "' is no IPv4 address");
  }
  return header;
}

udphdr Udp(uint16_t from, uint16_t to, size_t length, uint16_t checksum) {
  return {.source = htons(from),
          .dest = htons(to),
          .len = htons(static_cast<uint16_t>(length)),
          .check = checksum};
}

// How often each flow and those before it are drawn: by Zipf's law (s = 1), or all alike.
std::vector<double> Sums(uint32_t flows, bool zipf) {
  std::vector<double> sums(flows);
  double sum = 0;
  for (uint32_t k = 0; k < flows; ++k) sums[k] = sum += zipf ? 1.0 / (k + 1) : 1.0;
  return sums;
}

// Below which part of the flows so much of the traffic is, with 32 bits behind the point; within a flow as
// much as its part.
uint64_t Quantile(const std::vector<double>& sums, double part) {
  const double wanted = part * sums.back();
  const auto flow = std::ranges::lower_bound(sums, wanted);
  const double before = flow == sums.begin() ? 0 : *std::prev(flow);
  const double within = (wanted - before) / (*flow - before);
  return static_cast<uint64_t>(std::ldexp(static_cast<double>(flow - sums.begin()) + within, 32));
}

// Each CPU at another place of the random numbers.
std::vector<flow_cursor> Starts() {
  std::vector<flow_cursor> cursors(static_cast<size_t>(libbpf_num_possible_cpus()));
  for (size_t cpu = 0; cpu < cursors.size(); ++cpu) cursors[cpu].at = uint64_t{cpu} << 48;
  return cursors;
}

}  // namespace

void Fail(const std::string& what, int error) {
  std::fprintf(stderr, "bench_datapath: %s%s%s\n", what.c_str(), error != 0 ? ": " : "",
               error != 0 ? std::strerror(error) : "");
  std::exit(1);
}

int Pinned(const std::string& pin) {
  const int fd = bpf_obj_get(pin.c_str());
  if (fd < 0) Fail(pin, errno);
  return fd;
}

void StayOnCpu(int cpu) {
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(cpu, &set);
  if (sched_setaffinity(0, sizeof(set), &set) != 0) Fail("going to CPU " + std::to_string(cpu), errno);
}

void ComeFirst(Rank rank) {
  sched_param parameters{};
  parameters.sched_priority = static_cast<int>(rank);
  if (sched_setscheduler(0, SCHED_FIFO, &parameters) == 0) return;
  std::fprintf(stderr,
               "bench_datapath: no real-time priority (%s): other processes disturb what is measured\n",
               std::strerror(errno));
}

in6_addr Ip6Address(const std::string& text) {
  in6_addr address{};
  if (inet_pton(AF_INET6, text.c_str(), &address) != 1) Fail("'" + text + "' is no IPv6 address");
  return address;
}

void AddOptions(CLI::App& app, Traffic* traffic) {
  app.add_option("--way", traffic->way, "site, underlay or underlay_udp")
      ->check(CLI::IsMember({"site", "underlay", "underlay_udp"}));
  app.add_option("--device", traffic->device)->required();
  app.add_option("--to", traffic->to, "MAC address")->required();
  app.add_option("--from", traffic->from, "MAC address")->required();
  app.add_option("--site", traffic->site, "the hosts' /64")->required()->take_last();
  app.add_option("--router", traffic->router, "outer IPv4 destination");
  app.add_option("--destination", traffic->destination, "IPv6 address; else those of the flows");
  app.add_option("--flows", traffic->flows);
  app.add_flag("--zipf", traffic->zipf, "by Zipf's law, s = 1.0; else all alike");
  app.add_flag("--plain", traffic->plain, "to addresses that no tunnel leads to");
  app.add_flag("--forged", traffic->forged);
  app.add_flag("--stamp", traffic->stamp, "how long they take is told, too; --size 80 or more");
  app.add_option("--size", traffic->size, "of the frame with the IPv6 packet")->check(CLI::Range(64, 3400));
}

Generator::Generator(const Traffic& traffic, int moved) : skeleton_(bench_generator::open()) {
  if (!skeleton_) Fail("opening the generator", errno);
  bpf_program* program = nullptr;
  bpf_object__for_each_program(program, skeleton_->obj) {
    const std::string name = bpf_program__name(program);
    bpf_program__set_autoload(program, name == "nothing" || name.substr(name.find('_') + 1) == traffic.way);
  }
  if (bench_generator::load(skeleton_.get()) != 0) Fail("loading the generator", errno);
  ifindex_ = if_nametoindex(traffic.device.c_str());
  if (ifindex_ == 0) Fail(traffic.device, errno);
  const bpf_object* object = skeleton_->obj;
  sender_ = bpf_program__fd(bpf_object__find_program_by_name(object, ("send_" + traffic.way).c_str()));
  caller_ = bpf_program__fd(bpf_object__find_program_by_name(object, ("call_" + traffic.way).c_str()));
  Set(traffic, moved);
  Draw(traffic.flows, traffic.zipf, 0);
  if (traffic.beside > 0) Draw(traffic.beside, traffic.zipf, FLOW_TABLE);
  BeginAgain();
}

void Generator::Set(const Traffic& traffic, int moved) {
  flow_setting& setting = skeleton_->bss->setting;
  const size_t inner = traffic.size - ETH_HLEN;
  const in6_addr site = Ip6Address(traffic.site);
  const udphdr udp = Udp(0, kDestinationPort, inner - sizeof(ipv6hdr), 0xffff);
  setting.site = {Ethernet(traffic, ETH_P_IPV6), Ip6(traffic.size), udp};
  setting.site.ip6.saddr = site;
  setting.fixed = traffic.destination.empty() ? 0 : 1;
  if (setting.fixed != 0) setting.site.ip6.daddr = Ip6Address(traffic.destination);
  size_t overhead = 0;
  if (traffic.way != "site") {
    const ethhdr ethernet = Ethernet(traffic, ETH_P_IP);
    const size_t with_udp = inner + sizeof(udphdr);
    setting.underlay = {ethernet, Ip4(traffic, IPPROTO_IPV6, inner), Ip6(traffic.size), udp};
    setting.underlay_udp = {ethernet, Ip4(traffic, IPPROTO_UDP, with_udp),
                            Udp(FLOW_FIRST_PORT, OV6_UDP_PORT, with_udp, 0), Ip6(traffic.size), udp};
    setting.underlay.ip6.daddr = site;
    setting.underlay_udp.ip6.daddr = site;
    overhead = sizeof(iphdr) + (traffic.way == "underlay" ? 0 : sizeof(udphdr));
  }
  setting.stamp = traffic.stamp ? 1 : 0;
  setting.first = traffic.plain ? FLOW_PLAIN : FLOW_OVERLAY;
  setting.size = static_cast<uint32_t>(traffic.size + overhead);
  setting.moved = moved;
  setting.lie = traffic.forged ? 1 : 0;
  frame_.assign(setting.size, 0);
}

void Generator::Pace(double rate) {
  skeleton_->bss->setting.gap = rate > 0 ? static_cast<uint32_t>(FLOW_BATCH * 1e9 / rate) : 0;
}

void Generator::Beside(bool on) { skeleton_->bss->setting.table = on ? FLOW_TABLE : 0; }

void Generator::Draw(uint32_t flows, bool zipf, uint32_t table) {
  const auto sums = Sums(flows, zipf);
  const int fd = bpf_map__fd(skeleton_->maps.quantiles);
  for (uint32_t at = 0; at <= FLOW_QUANTILES; ++at) {
    // No flow is above the last one.
    const uint64_t quantile =
        std::min(Quantile(sums, static_cast<double>(at) / FLOW_QUANTILES), (uint64_t{flows} << 32) - 1);
    const uint32_t entry = table + at;
    if (bpf_map_update_elem(fd, &entry, &quantile, BPF_ANY) != 0) Fail("writing the quantiles", errno);
  }
}

void Generator::Measure(int program) {
  const uint32_t first = 0;
  const int fd = bpf_map__fd(skeleton_->maps.measured);
  if (bpf_map_update_elem(fd, &first, &program, BPF_ANY) != 0) Fail("calling the measured program", errno);
  BeginAgain();
}

bpf_test_run_opts Generator::TestRun(xdp_md* context, int repeat) const {
  context->data_end = static_cast<uint32_t>(frame_.size());
  context->ingress_ifindex = ifindex_;
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = frame_.data();
  options.data_size_in = static_cast<uint32_t>(frame_.size());
  options.ctx_in = context;
  options.ctx_size_in = sizeof(*context);
  options.repeat = repeat;
  return options;
}

void Generator::BeginAgain() {
  const uint32_t first = 0;
  auto cursors = Starts();
  const int fd = bpf_map__fd(skeleton_->maps.cursors);
  if (bpf_map_update_elem(fd, &first, cursors.data(), BPF_ANY) != 0) Fail("setting the cursors", errno);
}

uint64_t Generator::Written() const {
  const uint32_t first = 0;
  const auto starts = Starts();
  auto cursors = starts;
  if (bpf_map_lookup_elem(bpf_map__fd(skeleton_->maps.cursors), &first, cursors.data()) != 0) {
    Fail("reading the cursors", errno);
  }
  uint64_t written = 0;
  for (size_t cpu = 0; cpu < cursors.size(); ++cpu) written += cursors[cpu].at - starts[cpu].at;
  return written;
}

}  // namespace ov6::bench
