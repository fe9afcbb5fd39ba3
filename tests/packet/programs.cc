// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/programs.h"

#include <cstdio>
#include <cstdlib>
#include <vector>

#include "tc_l3.skel.h"
#include "tc_port.skel.h"
#include "tc_site.skel.h"
#include "tc_underlay.skel.h"
#include "xdp_port.skel.h"
#include "xdp_site.skel.h"
#include "xdp_underlay.skel.h"

namespace ov6::packet {
namespace {

Programs* in_use = nullptr;

[[noreturn]] void Die(const std::string& what) {
  std::fprintf(stderr, "%s\n", what.c_str());
  std::abort();
}

// The maps of the first object serve all.
void ShareMaps(const bpf_object* owner, bpf_object* object) {
  bpf_map* map;
  bpf_object__for_each_map(map, object) {
    const bpf_map* shared = bpf_object__find_map_by_name(owner, bpf_map__name(map));
    if (shared != nullptr && bpf_map__reuse_fd(map, bpf_map__fd(shared)) != 0) Die("reuse_fd");
  }
}

bpf_object* OpenFile(const std::string& folder, const std::string& name) {
  bpf_object* object = bpf_object__open_file((folder + "/" + name + ".bpf.o").c_str(), nullptr);
  if (object == nullptr) Die("there is no object " + name + " in " + folder);
  return object;
}

}  // namespace

Programs::Programs() {
  if (const char* folder = std::getenv("OV6_BPF_OBJECTS")) {
    objects_ = {OpenFile(folder, "xdp_site"), OpenFile(folder, "xdp_underlay"), OpenFile(folder, "xdp_port"),
                OpenFile(folder, "tc_site"),  OpenFile(folder, "tc_underlay"),  OpenFile(folder, "tc_port"),
                OpenFile(folder, "tc_l3")};
  } else {
    objects_ = {xdp_site::open()->obj, xdp_underlay::open()->obj, xdp_port::open()->obj,
                tc_site::open()->obj,  tc_underlay::open()->obj,  tc_port::open()->obj,
                tc_l3::open()->obj};
  }
  bpf_map__set_max_entries(bpf_object__find_map_by_name(objects_[0], "front"),
                           kFrontSets * uint32_t(libbpf_num_possible_cpus()));
  for (bpf_object* object : objects_) {
    if (object != objects_[0]) ShareMaps(objects_[0], object);
    if (bpf_object__load(object) != 0) Die(std::string("the kernel refuses ") + bpf_object__name(object));
  }
}

Programs::~Programs() {
  for (bpf_object* object : objects_) bpf_object__close(object);
}

Programs& Programs::Get() {
  static Programs* own = new Programs;
  return in_use == nullptr ? *own : *in_use;
}

void Programs::Use(Programs* programs) { in_use = programs; }

int Programs::Program(const std::string& name) const {
  for (bpf_object* object : objects_) {
    const bpf_program* program = bpf_object__find_program_by_name(object, name.c_str());
    if (program != nullptr) return bpf_program__fd(program);
  }
  Die("no program " + name);
}

int Programs::Map(const std::string& name) const {
  const int fd = bpf_object__find_map_fd_by_name(objects_[0], name.c_str());
  if (fd < 0) Die("no map " + name);
  return fd;
}

const bpf_object* Programs::Object(const std::string& name) const {
  for (bpf_object* object : objects_)
    if (name == bpf_object__name(object)) return object;
  Die("no object " + name);
}

}  // namespace ov6::packet
