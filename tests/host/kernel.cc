// SPDX-License-Identifier: Apache-2.0
#include "tests/host/kernel.h"

#include <arpa/inet.h>
#include <linux/pkt_cls.h>
#include <sys/mman.h>
#include <time.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace ov6::host {
namespace {

constexpr size_t kEthernet = 14, kPage = 4096, kRoom = 24 * kPage;
constexpr uint64_t kTick = 4'000'000;  // ns, a jiffy
constexpr size_t kHeadroom = 216;      // XDP's 256 bytes, less what the kernel keeps for itself

// xdp_md and __sk_buff have 32 bits for a pointer, so the packet lies low; behind it lies nothing.
uint8_t* Area() {
  static uint8_t* const area = [] {
    void* low = reinterpret_cast<void*>(0x10000000);
    void* at = mmap(low, kRoom + kPage, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
    if (at != low || mprotect(at, kRoom, PROT_READ | PROT_WRITE) != 0)
      std::perror("a place for packets"), std::abort();
    return static_cast<uint8_t*>(at);
  }();
  return area;
}

uint32_t Low(const uint8_t* at) { return uint32_t(reinterpret_cast<uintptr_t>(at)); }
uint8_t* High(uint32_t at) { return reinterpret_cast<uint8_t*>(uintptr_t{at}); }

struct Program {
  std::string name;
  int (*run)(void*);
  host_hook hook;
};
std::vector<Program> programs;

// What the helpers work on.
host_hook hook;
xdp_md xdp;
__sk_buff skb;
Packet now_running;
Routes routes;
std::optional<uint64_t> clock_set;
bool old_kernel = false, refuses_room = false, refuses_mark = false;
uint32_t random_state = 1;

size_t LinkSize() { return hook == HOST_TC_NO_LINK ? 0 : kEthernet; }

void Place(const Packet& packet) {
  uint8_t* end = Area() + kRoom;
  uint8_t* data = end - packet.frame.size();
  std::copy(packet.frame.begin(), packet.frame.end(), data);
  std::copy(packet.metadata.begin(), packet.metadata.end(), data - packet.metadata.size());
  xdp = {};
  xdp.data = xdp.data_meta = Low(data);
  xdp.data_end = Low(end);
  xdp.ingress_ifindex = packet.ifindex;
  skb = {};
  skb.data = Low(data);
  skb.data_meta = Low(data - packet.metadata.size());
  skb.data_end = Low(end);
  skb.len = uint32_t(packet.frame.size());
  skb.ifindex = packet.ifindex;
  skb.gso_segs = packet.segments;
  skb.gso_size = packet.segment_size;
  skb.vlan_present = packet.vlan != 0;
  // Without a link header the device tells what it is.
  if (hook == HOST_TC_NO_LINK && !packet.frame.empty())
    skb.protocol = htons(packet.frame[0] >> 4 == 6 ? 0x86dd : 0x0800);
}

// Of the skb's buffer, so much in front of the packet as it came.
uint8_t* Head() { return Area() + kRoom - now_running.frame.size() - kHeadroom; }

// The skb's bytes with `delta` bytes more (zeros) or less from `at` on. Keeps the end where it is.
int MoveFront(size_t at, int delta) {
  uint8_t* data = High(skb.data);
  if (refuses_room || at + size_t(std::max(-delta, 0)) > skb.len || skb.len + delta > kRoom - kHeadroom)
    return -EINVAL;
  std::memmove(data - delta, data, at);
  if (delta > 0) std::memset(data - delta + at, 0, size_t(delta));
  skb.data = Low(data - delta);
  skb.data_meta = skb.data;
  skb.len += uint32_t(delta);
  return 0;
}

}  // namespace

void SetRoutes(Routes answer) { routes = std::move(answer); }
void SetClock(std::optional<uint64_t> now) { clock_set = now; }
void SetOld(bool old) { old_kernel = old; }
void SetRefusals(bool room, bool mark) {
  refuses_room = room;
  refuses_mark = mark;
}

int FindProgram(const std::string& name) {
  for (size_t i = 0; i < programs.size(); i++)
    if (programs[i].name == name) return int(i);
  return -1;
}

Ran Run(int number, const Packet& packet) {
  const Program& program = programs.at(size_t(number));
  hook = program.hook;
  now_running = packet;
  Place(packet);
  Ran ran{.code = 0, .packet = packet};
  if (hook == HOST_XDP) {
    ran.code = uint32_t(program.run(&xdp));
    ran.packet.frame = Bytes(High(xdp.data), High(xdp.data_end));
    ran.packet.metadata = Bytes(High(xdp.data_meta), High(xdp.data));
  } else {
    ran.code = uint32_t(program.run(&skb));
    ran.packet.frame = Bytes(High(skb.data), High(skb.data) + skb.len);
    ran.packet.metadata.clear();
  }
  return ran;
}

}  // namespace ov6::host

using namespace ov6::host;

void host_register_program(const char* name, int (*program)(void*), host_hook where) {
  programs.push_back({name, program, where});
}

extern "C" {

uint64_t host_ktime_get_boot_ns() {
  if (clock_set) return *clock_set;
  timespec now{};
  clock_gettime(CLOCK_BOOTTIME, &now);
  return uint64_t(now.tv_sec) * 1'000'000'000 + uint64_t(now.tv_nsec);
}

uint64_t host_jiffies64() { return host_ktime_get_boot_ns() / kTick; }

uint32_t host_get_smp_processor_id() { return 0; }

uint32_t host_get_prandom_u32() { return random_state = random_state * 1664525 + 1013904223; }

int64_t host_csum_diff(const uint32_t*, uint32_t from_size, const uint32_t* to, uint32_t to_size,
                       uint32_t seed) {
  if (from_size != 0 || to_size % 4 != 0) return -EINVAL;
  uint64_t sum = seed;
  for (uint32_t i = 0; i < to_size / 4; i++) sum += to[i];
  while (sum >> 16 != 0) sum = (sum & 0xffff) + (sum >> 16);
  return int64_t(sum);
}

long host_fib_lookup(void*, bpf_fib_lookup* question, int, uint32_t) {
  return routes ? routes(*question) : -EINVAL;
}

long host_redirect(uint32_t, uint64_t) {
  return hook == HOST_XDP ? long{XDP_REDIRECT} : long{TC_ACT_REDIRECT};
}
long host_redirect_neigh(uint32_t, bpf_redir_neigh*, int, uint64_t) { return TC_ACT_REDIRECT; }

long host_redirect_map(void* map, uint64_t key, uint64_t otherwise) {
  const auto index = uint32_t(key);
  return FindMap(map)->Lookup(&index) != nullptr ? long{XDP_REDIRECT} : long(otherwise);
}

void* host_map_lookup_elem(void* map, const void* key) { return FindMap(map)->Lookup(key); }

long host_map_update_elem(void* map, const void* key, const void* value, uint64_t flags) {
  return FindMap(map)->Update(key, value, flags);
}

long host_for_each_map_elem(void* map, long (*callback)(void*, const void*, void*, void*), void* argument,
                            uint64_t) {
  for (auto& [key, value] : FindMap(map)->values)
    if (callback(map, key.data(), value.data(), argument) != 0) break;
  return 0;
}

long host_loop(uint32_t times, long (*callback)(uint32_t, void*), void* argument, uint64_t) {
  for (uint32_t i = 0; i < times; i++)
    if (callback(i, argument) != 0) break;
  return 0;
}

void* host_ringbuf_reserve(void* map, uint64_t size, uint64_t) {
  Map* ring = FindMap(map);
  if ((ring->records.size() + 1) * (size + 8) > ring->entries) return nullptr;
  ring->records.emplace_back(size);
  return ring->records.back().data();
}

void host_ringbuf_submit(void*, uint64_t) {}

long host_xdp_adjust_head(xdp_md* ctx, int delta) {
  if (refuses_room || ctx->data + delta < Low(Head()) || ctx->data + delta + kEthernet > ctx->data_end)
    return -EINVAL;
  ctx->data += uint32_t(delta);
  ctx->data_meta = ctx->data;
  return 0;
}

long host_xdp_adjust_meta(xdp_md* ctx, int delta) {
  if (refuses_mark || delta > 0 || delta < -32 || delta % 4 != 0) return -EACCES;
  ctx->data_meta = ctx->data + uint32_t(delta);
  return 0;
}

long host_xdp_adjust_tail(xdp_md* ctx, int delta) {
  if (refuses_room || delta > 0 || ctx->data_end + delta < ctx->data + kEthernet) return -EINVAL;
  ctx->data_end += uint32_t(delta);
  return 0;
}

long host_xdp_load_bytes(xdp_md* ctx, uint32_t offset, void* to, uint32_t size) {
  if (size == 0 || uint64_t{ctx->data} + offset + size > ctx->data_end) return -EINVAL;
  std::memcpy(to, High(ctx->data) + offset, size);
  return 0;
}

long host_skb_load_bytes(const void*, uint32_t offset, void* to, uint32_t size) {
  if (uint64_t{offset} + size > skb.len) return -EFAULT;
  std::memcpy(to, High(skb.data) + offset, size);
  return 0;
}

long host_skb_store_bytes(__sk_buff*, uint32_t offset, const void* from, uint32_t size, uint64_t) {
  if (uint64_t{offset} + size > skb.len) return -EFAULT;
  std::memcpy(High(skb.data) + offset, from, size);
  return 0;
}

long host_skb_adjust_room(__sk_buff*, int32_t delta, uint32_t, uint64_t flags) {
  constexpr uint64_t kDecapsulatesToIp6 = 1 << 8;
  if (old_kernel && (flags & kDecapsulatesToIp6) != 0) return -EINVAL;
  return MoveFront(LinkSize(), delta);
}

// Of an IPv4 header the kernel makes one of IPv6, by twenty bytes that mean nothing.
long host_skb_change_proto(__sk_buff*, uint16_t, uint64_t) { return MoveFront(LinkSize(), 20); }

long host_skb_change_head(__sk_buff*, uint32_t bytes, uint64_t) { return MoveFront(0, int(bytes)); }

// Takes the segmentation off, and completes no checksum.
long host_skb_change_tail(__sk_buff*, uint32_t length, uint64_t) {
  if (refuses_room || length > skb.len) return -EINVAL;
  skb.len = length;
  skb.gso_size = skb.gso_segs = 0;
  return 0;
}

uint8_t* host_skb_head(const void*) { return Head(); }
uint8_t* host_skb_data(const void*) { return High(skb.data); }
uint16_t host_skb_csum_start(const void*) { return uint16_t(kHeadroom + now_running.unfinished->first); }
uint16_t host_skb_csum_offset(const void*) { return now_running.unfinished->second; }
uint8_t host_skb_ip_summed(const void*) { return now_running.unfinished ? 3 : 0; }

}  // extern "C"
