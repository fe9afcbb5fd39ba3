/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Names (which are the pins' names under <run>/bpf/maps) and default sizes of the maps. */
#ifndef OV6_ABI_MAPS_H
#define OV6_ABI_MAPS_H

#include "base.h"

/* M(name, default number of entries, what it is) */
#define OV6_MAPS(M)                                                                                          \
	M(routes, 16384, "IPv6 prefix -> slave and action, longest prefix first")                            \
	M(mappings, 131072, "map-cache: IPv6 prefix -> locators and lifetimes")                              \
	M(negatives, 131072, "remembered failures: IPv6 prefix -> expiry and answer")                        \
	M(locators, 16384, "IPv4 address of a tunnel peer -> path MTU learned on the way to it")             \
	M(slaves, 1024, "slave id -> name, kind, prefixes, port")                                            \
	M(devices, 256, "ifindex -> role, addresses and abilities of a device")                              \
	M(slave_ports, 64, "port slot -> near end of its veth pair, for XDP")                                \
	M(port_devices, 64, "port slot -> near end's ifindex, for TC")                                       \
	M(port_sockets, 64, "port slot -> AF_XDP socket")                                                    \
	M(verdicts, 128, "verdict -> packets and bytes, per CPU")                                            \
	M(buckets, 16384, "source -> token bucket for ICMPv6 errors and punts")                              \
	M(punt_budget, 4, "punt reason -> token bucket for all such punts, per CPU")                         \
	M(config, 1, "the datapath's configuration")                                                         \
	M(events, 262144, "ring buffer of events for ov6d (bytes)")                                          \
	M(monitor, 1, "which packets \"ov6ctl monitor\" wants to see, and until when")                       \
	M(sightings, 262144, "ring buffer of those packets (bytes)")                                         \
	M(front, 1, "the doors' front cache: sets of entries, a part for each CPU; ov6d makes it big")       \
	M(front_changes, 1, "what an entry of \"front\" stands on: counters of changes")                     \
	M(front_counts, 1, "misses and fillings of \"front\", per CPU")

struct ov6_count {
	__u64 packets;
	__u64 bytes; /* of the IPv6 packet */
	__u64 front; /* packets that the front answered */
};
OV6_SIZE(struct ov6_count, 24);

struct ov6_bucket_key {
	__u8 source[16]; /* IPv6; IPv4: v4-mapped /24; STATION: six bytes of MAC address, or the ifindex */
	__u32 purpose;	 /* enum ov6_bucket_purpose */
};
OV6_SIZE(struct ov6_bucket_key, 20);

enum ov6_bucket_purpose {
	OV6_BUCKET_ICMP = 1,
	OV6_BUCKET_PUNT = 2,
	OV6_BUCKET_STATION = 3, /* punts of one MAC address, whatever sources it names */
	/* ICMPv6 errors because of one MAC address, or of one /24's ICMPv4 errors */
	OV6_BUCKET_ICMP_STATION = 4,
};

struct ov6_bucket {
	__u64 updated; /* boot time, ns */
	__u64 tokens;  /* in thousandths */
};
OV6_SIZE(struct ov6_bucket, 16);

#endif
