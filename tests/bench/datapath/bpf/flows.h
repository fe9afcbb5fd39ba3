/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What the generator's programs, the limit's and user space say to each other; and the flows: site i
 * elsewhere is a /48 of fd00::/8 with random bits, behind an IPv4 address of its own. Legal as BPF C and as
 * C++. Who knows i knows both, so that the generator reads no table of addresses, which would take the caches
 * away from what is measured.
 */
#ifndef OV6_BENCH_FLOWS_H
#define OV6_BENCH_FLOWS_H

#include <linux/if_ether.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/types.h>
#include <linux/udp.h>

#define FLOW_QUANTILE_BITS 10
#define FLOW_QUANTILES (1u << FLOW_QUANTILE_BITS) /* of the distribution that flows are drawn by */
#define FLOW_TABLE (FLOW_QUANTILES + 1)		  /* entries of such a distribution, with both ends */
#define FLOW_OVERLAY 0xfd			  /* fd00::/8 */
#define FLOW_PLAIN 0x20				  /* 2000::/8: what goes without a tunnel */
#define FLOW_BATCH 64				  /* live frames are sent so many at a time */
#define FLOW_HOSTS 16				  /* hosts here: the site's prefix and 1 to 16 */
#define FLOW_LOCATORS 0xc6120000u		  /* 198.18.0.0/15, RFC 2544's own */
#define FLOW_LOCATOR_MASK 0x1ffffu		  /* more sites than addresses: some share one */
#define FLOW_FIRST_PORT 0xc000u			  /* of 16384 UDP source ports */

/* Number `index` of splitmix64. */
static inline __u64 flow_random(__u64 index)
{
	__u64 z = (index + 1) * 0x9e3779b97f4a7c15ull;

	z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ (z >> 27)) * 0x94d049bb133111ebull;
	return z ^ (z >> 31);
}

/* The 40 random bits of site `index`. */
static inline __u64 flow_bits(__u64 index)
{
	return flow_random(index) >> 24;
}

/* One between those two quantiles, which have 32 bits behind the point, and as likely as any other there. */
static inline __u32 flow_between(__u64 low, __u64 high, __u64 random)
{
	return (low + ((high - low) >> 22) * (random & 0x3fffff)) >> 32;
}

/* The first half of its addresses, in host byte order: a /48 of the /8 `first`, subnet 0. */
static inline __u64 flow_network(__u8 first, __u32 index)
{
	return (__u64)first << 56 | flow_bits(index) << 16;
}

/* Its locator, in host byte order. */
static inline __u32 flow_locator(__u32 index)
{
	return FLOW_LOCATORS | (index & FLOW_LOCATOR_MASK);
}

struct site_frame {
	struct ethhdr ethernet;
	struct ipv6hdr ip6;
	struct udphdr udp;
} __attribute__((packed));

struct underlay_frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct ipv6hdr ip6;
	struct udphdr udp;
} __attribute__((packed));

struct underlay_udp_frame {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr outer;
	struct ipv6hdr ip6;
	struct udphdr udp;
} __attribute__((packed));

/* The generator's orders: what every packet begins with. */
struct flow_setting {
	struct site_frame site;
	struct underlay_frame underlay;
	struct underlay_udp_frame underlay_udp;
	__u32 first; /* byte of the addresses elsewhere */
	__u32 fixed; /* from a site: all to the destination as it is */
	__u32 size;  /* of the frame */
	__u32 lie;   /* the outer source is the locator of the site so much further on */
	__u32 gap;   /* ns between batches of one CPU; 0: none but what they take */
	__u32 table; /* the first of the quantiles in use: 0, or FLOW_TABLE for the other distribution */
	__u32 stamp; /* the time of sending is the frame's last eight bytes */
	__s32 moved; /* test-runs: bytes to be put back if the program under test has changed the packet's
			length */
};

/* Each CPU's own. */
struct flow_cursor {
	__u64 at;  /* packets, and where it began */
	__u64 due; /* paced: when the next batch may leave */
	__u64 pad[14];
};

#define DELAY_BUCKETS 16384 /* of the sink's, the last for all that took longer */
#define DELAY_SHIFT 7	    /* 128 ns each */

/* What a frame of the limit begins with when it leaves, and the device it leaves by. */
struct limit_setting {
	__u8 header[64];
	__u32 egress;
};

#endif
