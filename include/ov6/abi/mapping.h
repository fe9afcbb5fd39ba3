/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map-cache: IPv6 prefix -> up to four locators, with lifetimes; and the negatives beside it. */
#ifndef OV6_ABI_MAPPING_H
#define OV6_ABI_MAPPING_H

#include "base.h"

#define OV6_MAX_LOCATORS 4

enum ov6_encapsulation {
	OV6_ENCAPSULATION_6IN4 = 0, /* IPv4 protocol 41, RFC 4213 */
	OV6_ENCAPSULATION_UDP =
	    1, /* the IPv6 packet right behind UDP: GUE variant 1 = FOU with protocol 41 */
};

enum ov6_locator_flags {
	/* UDP leaves from the underlay's own tunnel port, not from the flow's, and what comes from there
	 * comes from that port: what NATs on the way have opened is for these two ports. */
	OV6_LOCATOR_FIXED_PORT = 1 << 0,
};

struct ov6_locator {
	__be32 address;
	__be16 port;	    /* UDP destination; 0 under 6in4 */
	__u8 encapsulation; /* enum ov6_encapsulation */
	__u8 priority;	    /* lower is better; 255: accept packets from it, never send to it */
	__u16 mtu;	    /* biggest outer IPv4 packet, bytes; 0: as the egress device */
	__u8 flags;	    /* enum ov6_locator_flags */
	__u8 reserved;
};
OV6_SIZE(struct ov6_locator, 12);

enum ov6_mapping_flags {
	OV6_MAPPING_STATIC = 1 << 0, /* set by hand: never expires, never asked about */
	OV6_MAPPING_STALE = 1 << 1, /* its slave is gone; shown to the operator, forwards until hard_expiry */
	OV6_MAPPING_SILENT =
	    1 << 2, /* past its lifetime: who knows could not be asked; forwards until then too */
	/* The places that a prefix of ours moved from: they may bring what comes for it, and have verified
	   who sent it. For everything else it is as if it were not there. */
	OV6_MAPPING_FORMER = 1 << 3,
	/* A direct path to what a tunnel's route, or one with OV6_ROUTE_DIRECT, carries otherwise: sent to
	   until soft_expiry, which each answer of the peer moves on, then its locators without a fixed port;
	   accepted from until hard_expiry. In use it is told, not asked about. */
	OV6_MAPPING_DIRECT = 1 << 4,
};

/* Locators are sorted by priority; the first is the one sent to. */
struct ov6_mapping {
	__u64 soft_expiry;   /* from here on a use asks for a refresh; 0: never */
	__u64 hard_expiry;   /* from here on it no longer counts; 0: never */
	__u64 next_question; /* the kernel sends no event about it before this time */
	__u32 slave;	     /* who mapped it */
	__u8 locator_count;
	__u8 flags; /* enum ov6_mapping_flags */
	__u16 span; /* seconds from when it was last confirmed to hard_expiry; 65535: that or more, 0: not
		       said */
	struct ov6_locator locators[OV6_MAX_LOCATORS];
};
OV6_SIZE(struct ov6_mapping, 80);

/* What is known of the way to a tunnel peer, by its IPv4 address: one entry, however many mappings name it.
 */
struct ov6_path {
	__u64 mtu_expiry; /* from here on `mtu` no longer counts */
	__u16 mtu; /* biggest outer IPv4 packet a router on the way lets through; 0: none has complained */
	__u8 reserved[6];
};
OV6_SIZE(struct ov6_path, 16);

enum ov6_negative_reason {
	OV6_NEGATIVE_ABSENT = 0, /* asked, and nobody registered it */
	OV6_NEGATIVE_FAILED = 1, /* could not be asked */
};

/* A remembered failure. Asked only on a miss; its prefix covers the hole, not one address. */
struct ov6_negative {
	__u64 expiry;
	__u32 slave;
	__u8 icmp_code; /* code of the ICMPv6 Destination Unreachable it answers with */
	__u8 reason;	/* enum ov6_negative_reason */
	__u8 reserved[2];
};
OV6_SIZE(struct ov6_negative, 16);

#endif
