// SPDX-License-Identifier: Apache-2.0
// ov6d's map-cache has the size that abi/maps.h says. What the same program does with more sites is seen by a
// second copy of it with a larger map of its own for the mappings; all other maps are the instance's.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <chrono>
#include <filesystem>
#include <memory>
#include <string>

#include "ov6/mapping.h"
#include "tests/bench/datapath/sites.h"
#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"
#include "xdp_site.skel.h"

namespace ov6::bench {
namespace {

struct Options {
  std::string bpffs, pin;
  uint32_t sites = 1000000;
};

void Fill(int map, uint32_t sites) {
  for (uint32_t i = 0; i < sites; ++i) {
    const ov6_prefix key = Site(i).ToAbi();
    const ov6_mapping value = ToAbi(To(i, false, OV6_SLAVE_OPERATOR));
    if (bpf_map_update_elem(map, &key, &value, BPF_ANY) != 0) Fail("writing a mapping", errno);
  }
}

void Load(const Options& options) {
  const std::unique_ptr<xdp_site, void (*)(xdp_site*)> skeleton(xdp_site::open(), xdp_site::destroy);
  if (!skeleton) Fail("opening the program", errno);
  bpf_map* map = nullptr;
  bpf_object__for_each_map(map, skeleton->obj) {
    const std::string pin = options.bpffs + "/maps/" + bpf_map__name(map);
    if (map == skeleton->maps.mappings || !std::filesystem::exists(pin)) continue;
    const int fd = bpf_obj_get(pin.c_str());
    if (fd < 0 || bpf_map__reuse_fd(map, fd) != 0) Fail("taking " + pin, errno);
  }
  if (bpf_map__set_max_entries(skeleton->maps.mappings, options.sites) != 0 ||
      xdp_site::load(skeleton.get()) != 0) {
    Fail("loading the program", errno);
  }
  Fill(bpf_map__fd(skeleton->maps.mappings), options.sites);
  if (bpf_program__pin(skeleton->progs.xdp_site, options.pin.c_str()) != 0) Fail("pinning it", errno);
}

}  // namespace

void AddMillion(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("million", "the site's program with a larger map-cache, full");
  verb->add_option("bpffs", options->bpffs, "of the instance")->required();
  verb->add_option("pin", options->pin, "of the program")->required();
  verb->add_option("--sites", options->sites);
  verb->callback([options] { Load(*options); });
}

}  // namespace ov6::bench
