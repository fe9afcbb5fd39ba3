/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Who the slaves are: id -> kind, name, prefixes, port. An id is never used twice in an instance's life. */
#ifndef OV6_ABI_SLAVE_H
#define OV6_ABI_SLAVE_H

#include "base.h"

#define OV6_SLAVE_NAME_SIZE 12 /* "ov6-" and 11 characters make an interface name */
#define OV6_SLAVE_MAX_PREFIXES 16
#define OV6_PORT_NONE 0xffff
#define OV6_PORT_DAEMON 0 /* ov6d's own port, shared by all remote slaves */
#define OV6_MAX_PORTS 64

enum ov6_slave_kind {
	OV6_KIND_OPERATOR = 0,
	OV6_KIND_MANAGEMENT = 1,
	OV6_KIND_DHT = 2,
	OV6_KIND_GATEWAY = 3,
	OV6_KIND_MULTICAST = 4,
	OV6_KIND_ANYCAST = 5,
	OV6_KIND_RESILIENCY = 6,
	OV6_KIND_BRIDGE = 7,
	OV6_KIND_UPLINK = 8,
};

enum ov6_slave_state {
	OV6_SLAVE_UP = 0,
	OV6_SLAVE_STALE = 1, /* its process is gone, its entries are kept for a while */
};

struct ov6_slave {
	char name[OV6_SLAVE_NAME_SIZE]; /* zero terminated */
	__u8 kind;			/* enum ov6_slave_kind */
	__u8 state;			/* enum ov6_slave_state */
	__u16 port;			/* slot in slave_ports and port_sockets; OV6_PORT_NONE */
	__u32 prefix_count;
	struct ov6_prefix prefixes[OV6_SLAVE_MAX_PREFIXES];
};
OV6_SIZE(struct ov6_slave, 20 + 20 * OV6_SLAVE_MAX_PREFIXES);

#endif
