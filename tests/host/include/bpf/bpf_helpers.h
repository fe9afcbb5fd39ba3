/* SPDX-License-Identifier: Apache-2.0 */
/* Stands in for libbpf's header of this name when bpf/ is built for the host. The labels keep helpers apart
 * from libbpf's functions of the same names. */
#ifndef OV6_TESTS_HOST_BPF_HELPERS_H
#define OV6_TESTS_HOST_BPF_HELPERS_H

#include <linux/types.h>

#define SEC(name)
#define __uint(name, value) int(*name)[value]
#define __type(name, value) __typeof__(value)* name
#undef __always_inline
#define __always_inline inline __attribute__((always_inline))
#undef __noinline
#define __noinline __attribute__((noinline))

enum { LIBBPF_PIN_NONE, LIBBPF_PIN_BY_NAME };

#define HOST_HELPER(name) __asm__("host_" #name)

struct bpf_fib_lookup;
struct bpf_redir_neigh;
struct __sk_buff;
struct xdp_md;

void* bpf_map_lookup_elem(void* map, const void* key) HOST_HELPER(map_lookup_elem);
long bpf_map_update_elem(void* map, const void* key, const void* value, __u64 flags)
    HOST_HELPER(map_update_elem);
long bpf_for_each_map_elem(void* map, void* callback, void* argument, __u64 flags)
    HOST_HELPER(for_each_map_elem);
long bpf_loop(__u32 times, void* callback, void* argument, __u64 flags) HOST_HELPER(loop);
void* bpf_ringbuf_reserve(void* map, __u64 size, __u64 flags) HOST_HELPER(ringbuf_reserve);
void bpf_ringbuf_submit(void* record, __u64 flags) HOST_HELPER(ringbuf_submit);
__u64 bpf_ktime_get_boot_ns(void) HOST_HELPER(ktime_get_boot_ns);
__u64 bpf_jiffies64(void) HOST_HELPER(jiffies64);
__u32 bpf_get_smp_processor_id(void) HOST_HELPER(get_smp_processor_id);
__u32 bpf_get_prandom_u32(void) HOST_HELPER(get_prandom_u32);
__s64 bpf_csum_diff(const __be32* from, __u32 from_size, const __be32* to, __u32 to_size, __u32 seed)
    HOST_HELPER(csum_diff);
long bpf_fib_lookup(void* ctx, struct bpf_fib_lookup* question, int size, __u32 flags)
    HOST_HELPER(fib_lookup);
long bpf_redirect(__u32 ifindex, __u64 flags) HOST_HELPER(redirect);
long bpf_redirect_map(void* map, __u64 key, __u64 flags) HOST_HELPER(redirect_map);
long bpf_redirect_neigh(__u32 ifindex, struct bpf_redir_neigh* hop, int size, __u64 flags)
    HOST_HELPER(redirect_neigh);

long bpf_xdp_adjust_head(struct xdp_md* ctx, int delta) HOST_HELPER(xdp_adjust_head);
long bpf_xdp_adjust_meta(struct xdp_md* ctx, int delta) HOST_HELPER(xdp_adjust_meta);
long bpf_xdp_adjust_tail(struct xdp_md* ctx, int delta) HOST_HELPER(xdp_adjust_tail);
long bpf_xdp_load_bytes(struct xdp_md* ctx, __u32 offset, void* to, __u32 size) HOST_HELPER(xdp_load_bytes);

long bpf_skb_load_bytes(const void* ctx, __u32 offset, void* to, __u32 size) HOST_HELPER(skb_load_bytes);
long bpf_skb_store_bytes(struct __sk_buff* ctx, __u32 offset, const void* from, __u32 size, __u64 flags)
    HOST_HELPER(skb_store_bytes);
long bpf_skb_adjust_room(struct __sk_buff* ctx, __s32 delta, __u32 mode, __u64 flags)
    HOST_HELPER(skb_adjust_room);
long bpf_skb_change_head(struct __sk_buff* ctx, __u32 bytes, __u64 flags) HOST_HELPER(skb_change_head);
long bpf_skb_change_tail(struct __sk_buff* ctx, __u32 length, __u64 flags) HOST_HELPER(skb_change_tail);
long bpf_skb_change_proto(struct __sk_buff* ctx, __be16 protocol, __u64 flags) HOST_HELPER(skb_change_proto);

#endif
