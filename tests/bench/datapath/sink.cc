// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/datapath/sink.h"

#include <bpf/bpf.h>
#include <linux/if_link.h>
#include <net/if.h>

#include <cerrno>
#include <memory>
#include <numeric>
#include <vector>

#include "bench_sink.skel.h"
#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"

namespace ov6::bench {
namespace {

// The pins hold program and map when this process is gone.
void Attach(const bench_sink* skeleton, const std::string& device, const std::string& folder) {
  LIBBPF_OPTS(bpf_link_create_opts, options);
  options.flags = XDP_FLAGS_DRV_MODE;
  const auto ifindex = static_cast<int>(if_nametoindex(device.c_str()));
  const int link = bpf_link_create(bpf_program__fd(skeleton->progs.sink), ifindex, BPF_XDP, &options);
  if (link < 0) Fail("a sink at " + device, errno);
  if (bpf_obj_pin(link, (folder + "/" + device).c_str()) != 0) Fail("pinning the sink of " + device, errno);
}

void Sink(const std::string& folder, const std::vector<std::string>& devices) {
  bench_sink* skeleton = bench_sink::open_and_load();
  if (skeleton == nullptr) Fail("loading the sink", errno);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    if (bpf_map__pin(map, (folder + "/" + bpf_map__name(map)).c_str()) != 0) Fail("pinning its maps", errno);
  }
  for (const std::string& device : devices) Attach(skeleton, device, folder);
  bench_sink::destroy(skeleton);
}

uint64_t Sum(int map, uint32_t key) {
  std::vector<uint64_t> counts(static_cast<size_t>(libbpf_num_possible_cpus()));
  if (bpf_map_lookup_elem(map, &key, counts.data()) != 0) Fail("reading the sink", errno);
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
}

}  // namespace

Arrived::Arrived(const std::string& folder)
    : packets_(Pinned(folder + "/arrived")),
      delays_(Pinned(folder + "/delays")),
      stamped_(Pinned(folder + "/stamped")) {}

uint64_t Arrived::Packets() const { return Sum(packets_, 0); }

void Arrived::CountDelays(bool on) {
  const uint32_t first = 0, value = on ? 1 : 0;
  if (bpf_map_update_elem(stamped_, &first, &value, BPF_ANY) != 0) Fail("telling the sink", errno);
  if (!on) return;
  const std::vector<uint64_t> none(static_cast<size_t>(libbpf_num_possible_cpus()));
  for (uint32_t bucket = 0; bucket < DELAY_BUCKETS; ++bucket) {
    if (bpf_map_update_elem(delays_, &bucket, none.data(), BPF_ANY) != 0) Fail("clearing delays", errno);
  }
}

std::vector<uint64_t> Arrived::Delays() const {
  std::vector<uint64_t> delays;
  for (uint32_t bucket = 0; bucket < DELAY_BUCKETS; ++bucket) delays.push_back(Sum(delays_, bucket));
  return delays;
}

void AddSink(CLI::App& app) {
  struct Options {
    std::string folder;
    std::vector<std::string> devices;
  };
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("sink", "counts and drops what comes to devices");
  verb->add_option("folder", options->folder, "of a bpffs, for its pins")->required();
  verb->add_option("devices", options->devices)->required();
  verb->callback([options] { Sink(options->folder, options->devices); });
}

}  // namespace ov6::bench
