/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs know of each device: ifindex -> role, addresses, MTU, abilities. */
#ifndef OV6_ABI_DEVICE_H
#define OV6_ABI_DEVICE_H

#include "base.h"

enum ov6_device_role {
	OV6_DEVICE_NONE = 0,
	OV6_DEVICE_SITE = 1,
	OV6_DEVICE_UNDERLAY = 2,
	OV6_DEVICE_PORT = 3, /* near end of a slave port */
};

enum ov6_device_flags {
	OV6_DEVICE_XDP_TARGET = 1 << 0, /* XDP may redirect to it; without this the frame is finished by TC */
	OV6_DEVICE_XDP_DOOR = 1 << 1,	/* an XDP door stands here, TC is only its tail */
	OV6_DEVICE_NO_LINK = 1 << 2,	/* packets have no Ethernet header there: TUN, PPP */
	OV6_DEVICE_ELSEWHERE = 1 << 3,	/* site: its hosts are behind a slave on another machine */
};

struct ov6_device {
	__u8 role;	    /* enum ov6_device_role */
	__u8 flags;	    /* enum ov6_device_flags */
	__u8 encapsulation; /* underlay: what this router asks its peers to send it, enum ov6_encapsulation */
	__u8 reserved;
	__u16 mtu;	 /* bytes */
	__be16 udp_port; /* underlay: where tunnel packets in UDP arrive */
	__be32 address;	 /* underlay: our IPv4 address there, outer source and the only outer destination
			    accepted */
	__u8 mac[6];
	__u16 slot;	      /* port: its slot; else OV6_PORT_NONE */
	__u8 icmp_source[16]; /* site: routable IPv6 address of ours there, source of ICMPv6 errors; :: if
				 none */
};
OV6_SIZE(struct ov6_device, 36);

#endif
