/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The front cache of the doors: what was decided of an address, ready to be done again, and the
 * generations that say whether it still holds. A CPU reads and writes its own part of "front" alone. Of
 * "front_changes" everybody adds to counters, after having changed what they stand for, and nobody
 * takes from them: so the sum of those that an entry stands on is as it was only if each of them is.
 */
#ifndef OV6_ABI_FRONT_H
#define OV6_ABI_FRONT_H

#include "base.h"

#define OV6_FRONT_ENTRIES 7
#define OV6_FRONT_CANDIDATES 4
#define OV6_FRONT_SEEDS 6
#define OV6_FRONT_SITE_BITS 48 /* a destination's generation is that of its first so many bits */
#define OV6_FRONT_DESTINATIONS 16384
#define OV6_FRONT_LOCATORS 2048
#define OV6_FRONT_LIFE_SECONDS 60 /* the most that an entry holds: what nobody tells of is stale so long */
#define OV6_FRONT_KIND_BITS 4

enum ov6_front_kind {
	OV6_FRONT_NONE = 0,
	OV6_FRONT_TUNNEL = 1,	  /* destination of a site's packet -> the tunnel to it, or ov6_front_port */
	OV6_FRONT_SOURCE_OUT = 2, /* source that may send from this site (BCP 38) */
	OV6_FRONT_SITE = 3,	  /* inner destination from the underlay -> the host's link */
	OV6_FRONT_SOURCE_IN = 4,  /* inner source -> who may send for it, and to where */
	OV6_FRONT_WAY = 5,	  /* TC: destination -> struct ov6_front_way */
};

/* What an entry stands on, and how it is used, in one word. */
#define OV6_FRONT_ON_DESTINATION 0x00003fffU /* of which its generation is */
#define OV6_FRONT_ON_LOCATOR_SHIFT 14	     /* TUNNEL, WAY: and of which */
#define OV6_FRONT_ON_LOCATOR 0x000007ffU
#define OV6_FRONT_REFERENCED 0x02000000U /* it was used since the hand came by (CLOCK) */
#define OV6_FRONT_DSCP_SHIFT 26		 /* TUNNEL: of the outer header */

/* One cache line. The key is address, ingress and kind; fields that a kind does not name are zero. */
struct ov6_front_entry {
	__u8 address[16];
	__u32 key;	    /* ifindex of the device it came by, above enum ov6_front_kind; 0: nobody's */
	__u32 generation;   /* the sum, before the tables were asked */
	__u32 until;	    /* it holds before that; jiffies, low half */
	__u32 on;	    /* OV6_FRONT_ON_... */
	__u16 mtu;	    /* TUNNEL, SITE: biggest IPv6 packet; 0: up to `check` it is TC's, or carried */
	__u16 check;	    /* TUNNEL: sum of the outer IPv4 header, but for its length and ECN */
	__u32 egress;	    /* TUNNEL, SITE: ifindex */
	__be32 source;	    /* outer; SOURCE_IN: the peer */
	__be32 destination; /* outer; SOURCE_IN: ours */
	__be16 source_port; /* UDP; TUNNEL: 0 is the flow's, SOURCE_IN: 0 is any */
	__be16 destination_port; /* UDP; TUNNEL: 0 is 6in4 */
	__u8 to[6];		 /* MAC addresses; SOURCE_OUT, SOURCE_IN: ours alone */
	__u8 from[6];
};
OV6_SIZE(struct ov6_front_entry, 64);

/* Of `on` of a host's, where a tunnel's entry has its DSCP: to a site elsewhere, and what is no TCP goes by
 * ov6d's port (OV6_PORT_CARRY). TCP goes by the site's device, where GRO has made it large. */
#define OV6_FRONT_CARRIED (1U << 26)

/* Of `on` of a way, where a tunnel's entry has its DSCP. */
#define OV6_FRONT_WAY_TUNNEL (1U << 26)	    /* else to a host */
#define OV6_FRONT_WAY_FIXED_PORT (1U << 27) /* UDP leaves from the egress's own tunnel port */
#define OV6_FRONT_WAY_GATEWAY (1U << 28)    /* a host's next hop is another than itself */

/* What a TC door decided: in the place of an entry whose key it has. The kernel's neighbours have the last
 * word on the MAC addresses. */
struct ov6_front_way {
	__u8 address[16];
	__u32 key; /* of kind OV6_FRONT_WAY */
	__u32 generation;
	__u32 until;
	__u32 on;
	__u16 mtu;	    /* biggest IPv6 packet */
	__be16 port;	    /* UDP destination; 0: 6in4 */
	__u32 egress;	    /* ifindex */
	__be32 source;	    /* outer; of a gateway fe80::/64 the interface identifier, first half */
	__be32 destination; /* outer; second half */
	__be32 next_hop;    /* a tunnel's */
	__u8 to[6];
	__u8 from[6];
};
OV6_SIZE(struct ov6_front_way, sizeof(struct ov6_front_entry));
#define OV6_FRONT_SAME(field)                                                                                \
	OV6_STATIC_ASSERT(__builtin_offsetof(struct ov6_front_way, field) ==                                 \
			      __builtin_offsetof(struct ov6_front_entry, field),                             \
			  "a way's " #field " is where an entry's is")
OV6_FRONT_SAME(key);
OV6_FRONT_SAME(generation);
OV6_FRONT_SAME(until);
OV6_FRONT_SAME(on);
OV6_FRONT_SAME(egress);
OV6_FRONT_SAME(to);
OV6_FRONT_SAME(from);
#undef OV6_FRONT_SAME

/* A site's packet to where a slave carries it (OV6_ROUTE_CARRIED): in the place of a tunnel's entry, which
 * has something where `none` is. Remembered failures are looked for with every packet. */
struct ov6_front_port {
	__u8 address[16];
	__u32 key; /* of kind OV6_FRONT_TUNNEL */
	__u32 generation;
	__u32 until;
	__u32 on;
	__u16 none[2]; /* 0, an entry's mtu and check */
	__u32 slave;   /* id */
	__u16 slot;    /* its port's */
	__u16 mtu;     /* biggest IPv6 packet */
	__u8 reserved[20];
};
OV6_SIZE(struct ov6_front_port, sizeof(struct ov6_front_entry));
OV6_STATIC_ASSERT(__builtin_offsetof(struct ov6_front_port, none) ==
		      __builtin_offsetof(struct ov6_front_entry, mtu),
		  "a port's none is where an entry's mtu and check are");

/* Eight cache lines: what is looked through, and the entries. */
struct ov6_front_set {
	__u16 tags[OV6_FRONT_ENTRIES]; /* of the keys' hashes; 0: empty */
	__u8 hand;		       /* the entry that went last */
	__u8 candidate_hand;
	__u32 candidates[OV6_FRONT_CANDIDATES]; /* hashes seen once, and not admitted */
	__u8 reserved[32];
	struct ov6_front_entry entries[OV6_FRONT_ENTRIES];
};
OV6_SIZE(struct ov6_front_set, 512);

enum ov6_front_flags {
	OV6_FRONT_LOOK = 1 << 0, /* use it, write nothing into it ("ov6ctl trace") */
};

struct ov6_front_generations {
	__u32 sets;		/* of each CPU, a power of two to 65536; 0: there is no front */
	__u16 ticks_per_second; /* jiffies */
	__u16 flags;		/* enum ov6_front_flags */
	__u64 until;		/* jiffies: nothing holds from then on; a program puts it off once a second */
	__u64 seeds[OV6_FRONT_SEEDS]; /* secret: who knew them could fill a set */
	__u32 all;  /* devices, configuration, short prefixes, the kernel's routes and neighbours */
	__u32 told; /* not 0: who tells of changes has lived since `until` was put off */
	__u32 reserved_line[14];
	__u32 destinations[OV6_FRONT_DESTINATIONS]; /* routes and mappings, by hash of their first 48 bits */
	__u32 locators[OV6_FRONT_LOCATORS];	    /* path MTUs, by hash of the IPv4 address */
};
OV6_SIZE(struct ov6_front_generations, 128 + 4 * (OV6_FRONT_DESTINATIONS + OV6_FRONT_LOCATORS));

/* Of one CPU. */
struct ov6_front_counts {
	__u64 misses; /* decided by the tables */
	__u64 filled; /* entries written */
	__u64 evicted;
};
OV6_SIZE(struct ov6_front_counts, 24);

#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define OV6_FRONT_SITE_MASK 0x0000ffffU /* of the second word, as it lies in memory */
#else
#define OV6_FRONT_SITE_MASK 0xffff0000U
#endif

static inline __u32 ov6_front_key(__u32 ingress, __u8 kind)
{
	return ingress << OV6_FRONT_KIND_BITS | kind;
}

static inline __u8 ov6_front_kind(const struct ov6_front_entry *entry)
{
	return entry->key & ((1 << OV6_FRONT_KIND_BITS) - 1);
}

/*
 * Pair-multiply-shift (Thorup, "High Speed Hashing for Integers and Strings", section 4): the upper half is
 * strongly universal. `address`: four words as they lie in memory.
 */
static inline __u64 ov6_front_hash(const __u64 *seeds, const __u32 *address, __u32 key)
{
	return (seeds[0] + address[1]) * (seeds[1] + address[0]) +
	       (seeds[2] + address[3]) * (seeds[3] + address[2]) + seeds[4] * key;
}

static inline __u32 ov6_front_index(__u64 hash, __u32 sets)
{
	return (hash >> 48) & (sets - 1);
}

static inline __u16 ov6_front_tag(__u64 hash)
{
	return (hash >> 32 & 0xffff) | 1;
}

/* The slot of its set where an entry is looked for before its tag is. */
static inline __u32 ov6_front_home(__u64 hash)
{
	return (hash >> 16 & 0xffff) * OV6_FRONT_ENTRIES >> 16;
}

static inline __u32 ov6_front_destination(const __u64 *seeds, const __u32 *address)
{
	return (seeds[0] + (address[1] & OV6_FRONT_SITE_MASK)) * (seeds[1] + address[0]) >> 50;
}

static inline __u32 ov6_front_locator(const __u64 *seeds, __be32 address)
{
	return (seeds[5] + seeds[4] * address) >> 53;
}

#endif
