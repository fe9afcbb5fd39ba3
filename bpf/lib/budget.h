/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Token buckets. Tokens are counted in thousandths; races between CPUs cost or give a token. */
#ifndef OV6_LIB_BUDGET_H
#define OV6_LIB_BUDGET_H

#include "address.h"
#include "device.h"
#include "hook.h"

#define BUDGET_TOKEN 1000ULL
#define BUDGET_NS_PER_PART 1000000ULL /* ns that one thousandth of a token takes at one token a second */
#define BUDGET_MAX_NS 60000000000ULL

static __always_inline void budget_fill(struct ov6_bucket *bucket, __u64 now, __u32 rate, __u32 burst)
{
	/* Another CPU may have looked at the clock later. */
	__u64 elapsed = now > bucket->updated ? now - bucket->updated : 0, gained;

	if (elapsed > BUDGET_MAX_NS)
		elapsed = BUDGET_MAX_NS;
	gained = elapsed * rate / BUDGET_NS_PER_PART;
	if (!gained)
		return;
	/* What did not make a whole part counts next time. */
	bucket->updated = now - elapsed * rate % BUDGET_NS_PER_PART / rate;
	bucket->tokens += gained;
	if (bucket->tokens > burst * BUDGET_TOKEN)
		bucket->tokens = burst * BUDGET_TOKEN;
}

static __always_inline int budget_take(struct ov6_bucket *bucket, __u32 rate, __u32 burst)
{
	budget_fill(bucket, bpf_ktime_get_boot_ns(), rate, burst);
	if (bucket->tokens < BUDGET_TOKEN)
		return 0;
	bucket->tokens -= BUDGET_TOKEN;
	return 1;
}

static __always_inline int budget_take_of(const struct ov6_bucket_key *key, __u32 rate, __u32 burst)
{
	struct ov6_bucket *bucket = bpf_map_lookup_elem(&buckets, key);
	struct ov6_bucket fresh = {};

	if (bucket)
		return budget_take(bucket, rate, burst);
	fresh.updated = bpf_ktime_get_boot_ns();
	fresh.tokens = (burst - 1) * BUDGET_TOKEN;
	bpf_map_update_elem(&buckets, key, &fresh, BPF_ANY);
	return 1;
}

/* The outer source's /24, v4-mapped. */
static __always_inline void budget_outer(struct ov6_bucket_key *key, const struct packet *p)
{
	key->source[10] = key->source[11] = 0xff;
	__builtin_memcpy(key->source + 12, &p->outer_source, 3);
}

/* From a site: the source. From the underlay: the outer one. */
static __always_inline void budget_key(struct ov6_bucket_key *key, const struct packet *p, __u32 purpose)
{
	__builtin_memset(key, 0, sizeof(*key));
	key->purpose = purpose;
	if (p->origin == ORIGIN_UNDERLAY)
		budget_outer(key, p);
	else
		__builtin_memcpy(key->source, &p->ip6.saddr, sizeof(key->source));
}

/*
 * Who sends, whatever sources it makes up: a host's MAC address, the device where
 * there are none, and for an ICMPv4 error about a host's packet the outer source.
 */
static __always_inline int budget_take_station(const struct packet *p, __u32 purpose, __u32 rate, __u32 burst)
{
	struct ov6_bucket_key key = {.purpose = purpose};

	if (p->origin != ORIGIN_SITE || p->returned)
		return 1;
	if (p->quote)
		budget_outer(&key, p);
	else if (HOOK_LINK)
		__builtin_memcpy(key.source, p->ethernet.h_source, ETH_ALEN);
	else
		__builtin_memcpy(key.source, &p->ingress, sizeof(p->ingress));
	return budget_take_of(&key, rate, burst);
}

/* The sender's first: it must not use up what is another's. */
static __always_inline int budget_take_answer(const struct packet *p)
{
	struct ov6_config *c = config_get();
	__u32 rate = c && c->icmp_rate ? c->icmp_rate : OV6_DEFAULT_ICMP_RATE;
	__u32 burst = c && c->icmp_burst ? c->icmp_burst : OV6_DEFAULT_ICMP_BURST;
	struct ov6_bucket_key key;

	if (!budget_take_station(p, OV6_BUCKET_ICMP_STATION, rate * OV6_ICMP_STATION_FACTOR,
				 burst * OV6_ICMP_STATION_FACTOR))
		return 0;
	budget_key(&key, p, OV6_BUCKET_ICMP);
	return budget_take_of(&key, rate, burst);
}

/* Slaves that take every packet of a route get more of them, and verifying never starves resolving. */
static __always_inline __u32 budget_punt_halves(__u8 reason)
{
	if (reason == OV6_PUNT_ROUTE)
		return 2 * OV6_PUNT_ROUTE_FACTOR;
	return reason == OV6_PUNT_VERIFY ? 1 : 2;
}

static __always_inline int budget_take_source(const struct packet *p, __u8 reason)
{
	struct ov6_config *c = config_get();
	__u32 rate = c && c->punt_source_rate ? c->punt_source_rate : OV6_DEFAULT_PUNT_SOURCE_RATE;
	__u32 burst = c && c->punt_source_burst ? c->punt_source_burst : OV6_DEFAULT_PUNT_SOURCE_BURST;
	struct ov6_bucket_key key;

	if (reason == OV6_PUNT_ROUTE) {
		rate *= OV6_PUNT_ROUTE_FACTOR;
		burst *= OV6_PUNT_ROUTE_FACTOR;
	}
	budget_key(&key, p, OV6_BUCKET_PUNT);
	return budget_take_of(&key, rate, burst) &&
	       budget_take_station(p, OV6_BUCKET_STATION, rate * OV6_PUNT_STATION_FACTOR,
				   burst * OV6_PUNT_STATION_FACTOR);
}

/* The source's own budget first: a flood from one place must not use up everybody's. Returns 0 or the drop.
 */
static __always_inline __u32 budget_take_punt(const struct packet *p, __u8 reason)
{
	struct ov6_config *c = config_get();
	__u32 rate = c && c->punt_rate ? c->punt_rate : OV6_DEFAULT_PUNT_RATE;
	__u32 burst = c && c->punt_burst ? c->punt_burst : OV6_DEFAULT_PUNT_BURST;
	__u32 halves = budget_punt_halves(reason);
	__u32 kind = reason;
	struct ov6_bucket *all;

	if (!budget_take_source(p, reason))
		return OV6_VERDICT_DROP_PUNT_SOURCE_BUDGET;
	all = bpf_map_lookup_elem(&punt_budget, &kind);
	if (!all || !budget_take(all, rate * halves / 2, burst * halves / 2))
		return OV6_VERDICT_DROP_PUNT_BUDGET;
	return 0;
}

#endif
