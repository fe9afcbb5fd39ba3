/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The master's routing table: IPv6 prefix -> slave, longest prefix first. */
#ifndef OV6_ABI_ROUTE_H
#define OV6_ABI_ROUTE_H

#include "base.h"

enum ov6_action {
	OV6_ACTION_NONE = 0,   /* an entry that is not filled in: dropped */
	OV6_ACTION_TUNNEL = 1, /* the slave's mappings are in the kernel: encapsulate, punt on a miss */
	OV6_ACTION_SITE = 2,   /* a local site: deliver through the kernel's IPv6 routes */
	OV6_ACTION_PORT = 3,   /* every packet to the slave's port (negatives are asked first) */
	OV6_ACTION_PASS = 4,   /* leave it to the kernel's own routing */
	OV6_ACTION_REJECT = 5, /* answer with ICMPv6 unreachable, code 0 (no route) */
};

enum ov6_route_flags {
	/* Of a tunnel: a packet from the underlay may leave to the underlay (RFC 6324: never by default), and
	 * a host here may send from it (BCP 38: only from a site, by default). */
	OV6_ROUTE_RELAY = 1 << 0,
	/* Of a site or a port: where a mapping has a direct path (OV6_MAPPING_DIRECT), that is taken first,
	 * and what comes by it is accepted. */
	OV6_ROUTE_DIRECT = 1 << 1,
	/* Of a port: the slave sends on what it gets and asks nobody about it. The budgets of punts are not
	 * for such packets: what the port's ring has no room for is dropped. */
	OV6_ROUTE_CARRIED = 1 << 2,
};

/* The owner of what the operator or ov6d itself set; nobody withdraws it. */
#define OV6_SLAVE_OPERATOR 0

struct ov6_route {
	__u32 slave; /* id in the map "slaves"; OV6_SLAVE_OPERATOR for the operator */
	__u8 action; /* enum ov6_action */
	__u8 flags;  /* enum ov6_route_flags */
	__u8 reserved[2];
};
OV6_SIZE(struct ov6_route, 8);

#endif
