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
  if (bpf_map__pin(skeleton->maps.arrived, (folder + "/arrived").c_str()) != 0) Fail("pinning its map", errno);
  for (const std::string& device : devices) Attach(skeleton, device, folder);
  bench_sink::destroy(skeleton);
}

}  // namespace

Arrived::Arrived(const std::string& folder) : map_(bpf_obj_get((folder + "/arrived").c_str())) {
  if (map_ < 0) Fail("the sink in " + folder, errno);
}

uint64_t Arrived::Packets() const {
  const uint32_t first = 0;
  std::vector<uint64_t> counts(static_cast<size_t>(libbpf_num_possible_cpus()));
  if (bpf_map_lookup_elem(map_, &first, counts.data()) != 0) Fail("reading the sink", errno);
  return std::accumulate(counts.begin(), counts.end(), uint64_t{0});
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
