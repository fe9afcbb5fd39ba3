/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The datapath's configuration: the one entry of the map "config". All zero means "pass everything". */
#ifndef OV6_ABI_CONFIG_H
#define OV6_ABI_CONFIG_H

#include "base.h"

enum ov6_config_flags {
	OV6_CONFIG_ENABLED = 1 << 0, /* without it every packet goes to the stack */
};

struct ov6_config {
	__u32 abi_version; /* OV6_ABI_VERSION of whoever wrote it */
	__u32 flags;	   /* enum ov6_config_flags */
	__u32 fib_ifindex; /* the kernel's routes are asked as if packets came from here (a device of ours
			      with forwarding on, so that the operator's devices need none); 0: the ingress
			      device */
	__u32 next_slave;  /* next free slave id; ov6d's, kept here so that a successor never reuses one */
	__u32 punt_rate;   /* punts per second and CPU; 0: OV6_DEFAULT_PUNT_RATE */
	__u32 punt_burst;  /* 0: OV6_DEFAULT_PUNT_BURST */
	__u32 icmp_rate;   /* ICMPv6 errors per second and source; 0: 10 (RFC 4443 section 2.4 (f)) */
	__u32 icmp_burst;  /* 0: 10 */
	__u32 punt_source_rate;	 /* punts per second of one site address, or one outer IPv4 /24; 0: default */
	__u32 punt_source_burst; /* 0: OV6_DEFAULT_PUNT_SOURCE_BURST */
	__u32 path_mtu_lifetime; /* seconds until a learned path MTU is forgotten; 0:
				    OV6_DEFAULT_PATH_MTU_LIFETIME */
	__u8 dscp;		 /* of the outer header, 0-63 (RFC 2983 pipe model) */
	__u8 reserved[3];
};
OV6_SIZE(struct ov6_config, 48);

#define OV6_DEFAULT_PUNT_RATE 1000 /* misses; verifications have half of it */
#define OV6_DEFAULT_PUNT_BURST 256
#define OV6_DEFAULT_PUNT_SOURCE_RATE 50 /* per site address, or outer IPv4 /24 */
#define OV6_DEFAULT_PUNT_SOURCE_BURST 50
#define OV6_PUNT_ROUTE_FACTOR 20 /* slaves that take every packet of a route get so much more */
#define OV6_PUNT_STATION_FACTOR                                                                              \
	4 /* one MAC address may spend so many sources' budgets, however it varies its own */
#define OV6_DEFAULT_PATH_MTU_LIFETIME 600 /* RFC 1191 section 6.3: ten minutes */
#define OV6_DEFAULT_ICMP_RATE 10
#define OV6_DEFAULT_ICMP_BURST 10
#define OV6_ICMP_STATION_FACTOR 10 /* one MAC address may cause so many sources' errors */
#define OV6_OUTER_TTL 64
#define OV6_UDP_PORT 6080
#define OV6_FLOW_PORT_FIRST 49152 /* outer UDP source ports: RFC 6335's dynamic range */
#define OV6_MIN_MTU 1280

#endif
