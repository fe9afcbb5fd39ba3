// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/kernel_subject.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <cstring>
#include <utility>

#include "tests/packet/front.h"
#include "tests/packet/programs.h"

namespace ov6::differential {
namespace {

using model::Door;
using model::Hook;
using packet::ClearMap;
using packet::Programs;
using packet::SetEntry;

int Collect(void* to, void* data, size_t) {
  static_cast<std::vector<ov6_event>*>(to)->push_back(*static_cast<ov6_event*>(data));
  return 0;
}

template <typename Value>
void SetOnEveryCpu(int map, uint32_t key, const Value& value) {
  const std::vector<Value> values(libbpf_num_possible_cpus(), value);
  bpf_map_update_elem(map, &key, values.data(), BPF_ANY);
}

// The one CPU that ran moved it; the others stand where they were set.
template <typename Value>
std::vector<Value> OnEveryCpu(int map, uint32_t key) {
  std::vector<Value> values(libbpf_num_possible_cpus());
  bpf_map_lookup_elem(map, &key, values.data());
  return values;
}

ov6_bucket_key ToAbi(const model::BucketKey& key) {
  ov6_bucket_key abi{};
  std::memcpy(abi.source, key.source.bytes.data(), sizeof(abi.source));
  abi.purpose = key.purpose;
  return abi;
}

}  // namespace

KernelSubject::KernelSubject() {
  const char* const names[] = {"site", "underlay", "port", "far"};
  for (const Hook hook : {Hook::kXdp, Hook::kTc})
    for (const Door door : {Door::kSite, Door::kUnderlay, Door::kPort, Door::kFar})
      if (hook == Hook::kXdp || door == Door::kSite || door == Door::kUnderlay)
        programs_[int(hook)][int(door)] =
            Programs::Get().Program((hook == Hook::kXdp ? "xdp_" : "tc_") + std::string(names[int(door)]));
  ring_ = ring_buffer__new(Map("events"), Collect, &events_, nullptr);
}

KernelSubject::~KernelSubject() { ring_buffer__free(ring_); }

int KernelSubject::Map(const char* name) { return Programs::Get().Map(name); }

void KernelSubject::Load(const model::Tables& tables) {
  for (const char* map : {"routes", "mappings", "negatives", "slaves", "devices", "slave_ports",
                          "port_devices", "buckets", "locators"})
    ClearMap(map);
  packet::FrontOn(packet::kSlowestTicks);
  SetEntry("config", uint32_t{0}, tables.config);
  for (const auto& [prefix, route] : tables.routes) SetEntry("routes", prefix.ToAbi(), route);
  for (const auto& [prefix, mapping] : tables.mappings) SetMapping(prefix, mapping);
  for (const auto& [prefix, negative] : tables.negatives) SetEntry("negatives", prefix.ToAbi(), negative);
  for (const auto& [id, slave] : tables.slaves) SetEntry("slaves", id, slave);
  for (const auto& [ifindex, device] : tables.devices) SetEntry("devices", ifindex, device);
  for (const auto& [slot, ifindex] : tables.port_devices) {
    SetEntry("slave_ports", slot, ifindex);
    SetEntry("port_devices", slot, ifindex);
  }
  for (const auto& [key, bucket] : tables.buckets) SetBucket(key, bucket);
  for (const auto& [peer, path] : tables.paths) SetPath(peer, path);
  for (uint32_t reason = 0; reason < tables.punt_budgets.size(); reason++)
    SetPuntBudget(ov6_punt_reason(reason), tables.punt_budgets[reason]);
  for (uint32_t verdict = 0; verdict < OV6_VERDICT_MAX; verdict++)
    SetOnEveryCpu(Map("verdicts"), verdict, ov6_count{});
  TakeEvents();
}

std::optional<Result> KernelSubject::Run(const model::Arrival& arrival) {
  const int program = programs_[int(arrival.hook)][int(arrival.door)];
  if (program == 0) return std::nullopt;  // slaves' frames reach TC with XDP's mark only
  xdp_md xdp{}, after{};
  __sk_buff skb{};
  xdp.data_end = uint32_t(arrival.frame.size());
  xdp.ingress_ifindex = skb.ifindex = skb.ingress_ifindex = arrival.device;
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = arrival.frame.data(), .data_out = out_.data(),
              .data_size_in = uint32_t(arrival.frame.size()), .data_size_out = uint32_t(out_.size()),
              .repeat = 1);
  options.ctx_in = arrival.hook == Hook::kXdp ? static_cast<void*>(&xdp) : &skb;
  options.ctx_size_in = arrival.hook == Hook::kXdp ? sizeof(xdp) : sizeof(skb);
  options.ctx_out = arrival.hook == Hook::kXdp ? &after : nullptr;
  options.ctx_size_out = arrival.hook == Hook::kXdp ? sizeof(after) : 0;
  // An skb without a whole IP header is refused before the program runs.
  if (bpf_prog_test_run_opts(program, &options) != 0) return std::nullopt;
  const size_t metadata = arrival.hook == Hook::kXdp ? after.data - after.data_meta : 0;
  return Result{options.retval, Bytes(out_.begin() + metadata, out_.begin() + options.data_size_out),
                Bytes(out_.begin(), out_.begin() + metadata)};
}

ov6_count KernelSubject::Count(ov6_verdict verdict) {
  ov6_count sum{};
  for (const ov6_count& count : OnEveryCpu<ov6_count>(Map("verdicts"), verdict)) {
    sum.packets += count.packets;
    sum.bytes += count.bytes;
  }
  return sum;
}

uint64_t KernelSubject::AllPackets() {
  uint64_t packets = 0;
  for (const ov6_count& count : packet::Verdicts()) packets += count.packets;
  return packets;
}

ov6_bucket KernelSubject::Bucket(const model::BucketKey& key) {
  const ov6_bucket_key abi = ToAbi(key);
  ov6_bucket bucket{};
  bpf_map_lookup_elem(Map("buckets"), &abi, &bucket);
  return bucket;
}

void KernelSubject::SetBucket(const model::BucketKey& key, const ov6_bucket& bucket) {
  SetEntry("buckets", ToAbi(key), bucket);
}

ov6_bucket KernelSubject::PuntBudget(ov6_punt_reason reason) {
  ov6_bucket least{0, UINT64_MAX};
  for (const ov6_bucket& bucket : OnEveryCpu<ov6_bucket>(Map("punt_budget"), reason))
    if (bucket.tokens < least.tokens) least = bucket;
  return least;
}

void KernelSubject::SetPuntBudget(ov6_punt_reason reason, const ov6_bucket& bucket) {
  SetOnEveryCpu(Map("punt_budget"), reason, bucket);
}

std::optional<ov6_path> KernelSubject::Path(Ipv4 peer) {
  const uint32_t key = peer.ToBe();
  ov6_path path{};
  if (bpf_map_lookup_elem(Map("locators"), &key, &path) != 0) return std::nullopt;
  return path;
}

void KernelSubject::SetPath(Ipv4 peer, const ov6_path& path) {
  SetEntry("locators", peer.ToBe(), path);
  packet::FrontForget();
}

void KernelSubject::SetMapping(const Prefix& prefix, const ov6_mapping& mapping) {
  SetEntry("mappings", prefix.ToAbi(), mapping);
  packet::FrontForget();
}

std::vector<ov6_event> KernelSubject::TakeEvents() {
  ring_buffer__consume(ring_);
  return std::exchange(events_, {});
}

}  // namespace ov6::differential
