/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What "ov6ctl monitor" and the programs say to each other: the map "monitor" asks, the ring
 * buffer "sightings" answers. Nobody asks for long: a reader that dies costs nothing a second later.
 */
#ifndef OV6_ABI_MONITOR_H
#define OV6_ABI_MONITOR_H

#include "base.h"

enum ov6_monitor_class {
	OV6_MONITOR_FORWARD = 1 << 0,
	OV6_MONITOR_PASS = 1 << 1,
	OV6_MONITOR_PUNT = 1 << 2,
	OV6_MONITOR_ANSWER = 1 << 3,
	OV6_MONITOR_DROP = 1 << 4,
};

struct ov6_monitor {
	__u64 until;  /* the programs report packets up to this time */
	__u32 wanted; /* enum ov6_monitor_class, ored */
	__u32 lost;   /* sightings that found the ring buffer full */
};
OV6_SIZE(struct ov6_monitor, 16);

/* One packet, where it ended. What parsing did not get as far as is zero. */
struct ov6_sighting {
	__u64 time;
	__u32 verdict; /* enum ov6_verdict */
	__u32 ingress; /* ifindex */
	__u32 bytes;   /* of the packet without its Ethernet header */
	__be32 outer_source;
	__u8 source[16];
	__u8 destination[16];
	__u8 next_header;
	__u8 hop_limit;
	__u8 reserved[6];
};
OV6_SIZE(struct ov6_sighting, 64);

#endif
