// SPDX-License-Identifier: Apache-2.0
// What the packet tests call of libbpf, answered by the fake kernel. Linked in its place.
#include <bpf/bpf.h>
#include <bpf/libbpf.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "tests/host/kernel.h"
#include "tests/packet/programs.h"

using ov6::host::Bytes;
using ov6::host::FindMap;

struct ring_buffer {
  ov6::host::Map* map;
  ring_buffer_sample_fn collect;
  void* to;
};

namespace ov6::packet {

Programs::Programs() { host::RegisterAll(); }
Programs::~Programs() = default;

Programs& Programs::Get() {
  static Programs* programs = new Programs;
  return *programs;
}

int Programs::Program(const std::string& name) const {
  const int program = host::FindProgram(name);
  if (program < 0) std::fprintf(stderr, "no program %s\n", name.c_str()), std::abort();
  return program + 1;  // 0 is taken for "none"
}

int Programs::Map(const std::string& name) const { return host::DescriptorOf(name); }

}  // namespace ov6::packet

namespace {

int Fail(int error) {
  errno = error < 0 ? -error : error;
  return -errno;
}

Bytes At(const void* from, size_t size) {
  const auto* bytes = static_cast<const uint8_t*>(from);
  return {bytes, bytes + size};
}

void FillContext(bpf_test_run_opts* options, const ov6::host::Packet& packet) {
  if (options->ctx_out == nullptr || options->ctx_size_out != sizeof(xdp_md)) return;
  auto* after = static_cast<xdp_md*>(options->ctx_out);
  after->data_meta = 0;
  after->data = uint32_t(packet.metadata.size());
}

}  // namespace

int libbpf_num_possible_cpus() { return 1; }

int bpf_map_lookup_elem(int map, const void* key, void* value) {
  const void* found = FindMap(map)->Lookup(key);
  if (found == nullptr) return Fail(ENOENT);
  std::memcpy(value, found, FindMap(map)->value_size);
  return 0;
}

int bpf_map_update_elem(int map, const void* key, const void* value, __u64 flags) {
  const int error = FindMap(map)->Update(key, value, flags);
  return error == 0 ? 0 : Fail(error);
}

int bpf_map_delete_elem(int map, const void* key) {
  const int error = FindMap(map)->Delete(key);
  return error == 0 ? 0 : Fail(error);
}

int bpf_map_get_next_key(int map, const void* key, void* next) {
  const ov6::host::Map& m = *FindMap(map);
  const auto it = key == nullptr ? m.values.begin() : m.values.upper_bound(At(key, m.key_size));
  if (it == m.values.end()) return Fail(ENOENT);
  std::memcpy(next, it->first.data(), m.key_size);
  return 0;
}

int bpf_prog_test_run_opts(int program, bpf_test_run_opts* options) {
  ov6::host::Packet packet{.frame = At(options->data_in, options->data_size_in)};
  if (options->ctx_size_in == sizeof(__sk_buff)) {
    const auto* skb = static_cast<const __sk_buff*>(options->ctx_in);
    packet.ifindex = skb->ifindex;
    packet.segments = skb->gso_segs;
    packet.segment_size = skb->gso_size;
  } else if (options->ctx_in != nullptr) {
    packet.ifindex = static_cast<const xdp_md*>(options->ctx_in)->ingress_ifindex;
  }
  if (packet.frame.size() < 14) return Fail(EINVAL);
  const ov6::host::Ran ran = ov6::host::Run(program - 1, packet);
  Bytes out = ran.packet.metadata;
  out.insert(out.end(), ran.packet.frame.begin(), ran.packet.frame.end());
  if (out.size() > options->data_size_out) return Fail(ENOSPC);
  std::memcpy(options->data_out, out.data(), out.size());
  options->data_size_out = uint32_t(out.size());
  options->retval = ran.code;
  FillContext(options, ran.packet);
  return 0;
}

ring_buffer* ring_buffer__new(int map, ring_buffer_sample_fn collect, void* to, const ring_buffer_opts*) {
  return new ring_buffer{FindMap(map), collect, to};
}

int ring_buffer__consume(ring_buffer* ring) {
  for (Bytes& record : ring->map->records) ring->collect(ring->to, record.data(), record.size());
  ring->map->records.clear();
  return 0;
}

void ring_buffer__free(ring_buffer* ring) { delete ring; }
