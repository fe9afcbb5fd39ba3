/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The header in front of every packet on a slave port, in both directions and
 * whatever door it came by: Ethernet (type OV6_ETH_P_PORT), this, the packet
 * from its IP version nibble on. A slave returns a punted frame by changing
 * `type` and leaving the rest as it came. Fields are in network byte order,
 * since a remote slave gets the same bytes over its session.
 */
#ifndef OV6_ABI_PORT_H
#define OV6_ABI_PORT_H

#include "base.h"

#define OV6_ETH_P_PORT 0x88b5 /* IEEE 802 local experimental; never leaves the machine */
#define OV6_PORT_HEADER_VERSION 1
#define OV6_PORT_HEADROOM 64 /* a port's MTU is the datapath's largest MTU and this */

enum ov6_port_type {
	/* datapath -> slave */
	OV6_PORT_PUNT = 1,
	/* datapath -> ov6d: for the site elsewhere that is behind the device `ingress`; decided and counted,
	 * its hop limit is lower by one */
	OV6_PORT_CARRY = 2,
	/* slave -> datapath */
	OV6_PORT_RESUBMIT_OUT = 16, /* treat it as if it had just come from the site */
	OV6_PORT_RESUBMIT_IN = 17,  /* with its outer header: as if it had just come from the underlay */
	OV6_PORT_DELIVER = 18,	    /* a bare IPv6 packet for a SITE route */
};

enum ov6_punt_reason {
	OV6_PUNT_MISS = 1,  /* no mapping, or expired */
	OV6_PUNT_ROUTE = 2, /* the route's action is PORT */
	OV6_PUNT_VERIFY =
	    3, /* from the underlay, with its outer IPv4 header: source mapping unknown or another */
};

struct ov6_port_header {
	__u8 version; /* OV6_PORT_HEADER_VERSION */
	__u8 type;    /* enum ov6_port_type */
	__u8 reason;  /* enum ov6_punt_reason */
	__u8 flags;   /* 0 */
	__be16 port;  /* slot of the slave's port */
	__be16 reserved;
	__be32 slave;	/* id of the slave the route names */
	__be32 ingress; /* ifindex of the device the packet came by; CARRY: that it is for */
};
OV6_SIZE(struct ov6_port_header, 16);

#endif
