/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The two values that travel from parse over decide to act. */
#ifndef OV6_LIB_PACKET_H
#define OV6_LIB_PACKET_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ipv6.h>

#include "ov6/abi/mapping.h"
#include "ov6/abi/port.h"

enum origin {
	ORIGIN_SITE,	 /* answered by ICMPv6 errors */
	ORIGIN_UNDERLAY, /* came in a tunnel, and once its source is verified errors go back in it */
	ORIGIN_SLAVE,	 /* made by a slave */
};

/* What parsing found. Nothing here changes the packet. */
struct packet {
	struct ethhdr ethernet;
	__u8 origin; /* enum origin */
	__u8
	    strip; /* bytes in front of the IPv6 header: 0; outer headers, 20-68; an ICMPv4 error's, 48-136 */
	__u8 returned; /* a slave sent or brought it back; `header` stood in front of it */
	__u8 asked;    /* returned, and a slave has been asked about it: it goes to none again */
	__u8 outer_ecn;
	__u8 turn;	   /* an event about its source's mapping went out: another may */
	__u8 around;	   /* not by a tunnel's direct path: who is at its end does not take this packet */
	__be16 outer_port; /* UDP source; 0 under 6in4 */
	struct ipv6hdr ip6;
	__u32 ingress;	/* the site or underlay device it came by, also when a slave brought it back */
	__u32 bytes;	/* of the IPv6 packet as it will be on the wire, after segmentation */
	__u32 counted;	/* bytes to count */
	__u32 quote;	/* bytes of an IPv6 packet that is only quoted in an ICMPv4 error; else 0 */
	__u32 segments; /* packets to count: a GSO packet is many */
	__u32 known;	/* of them the front decided on: all or none */
	__be32 outer_source;
	struct ov6_port_header header;
};

enum act {
	ACT_DROP,
	ACT_STACK,   /* as it came; if `strip`, without its outer headers */
	ACT_FORWARD, /* strip, then out by `fib` */
	ACT_TUNNEL,  /* strip, encapsulate, out by `fib` */
	ACT_PUNT,    /* strip, to a slave's port */
	ACT_ANSWER,  /* strip, an ICMPv6 error, out by `fib`; to the underlay in a tunnel */
};

/* What is to be done with it. */
struct decision {
	__u32 verdict;	/* enum ov6_verdict */
	__u8 act;	/* enum act */
	__u8 strip;	/* outer bytes to take off */
	__u8 neighbour; /* fib knows the MAC addresses */
	__u8 back;	/* leaves by the device it came by, to where it came from */
	__u8 by_stack;	/* by ov6-self into the stack: it fragments, or it is who the packet is for */
	union {
		struct { /* ACT_TUNNEL, and ACT_ANSWER of ORIGIN_UNDERLAY */
			struct ov6_locator locator;
			__be32 source;
			__be16 source_port; /* UDP; 0: the flow's */
			__u8 fragmentable;
		} tunnel;
		struct { /* ACT_PUNT */
			__u32 slave;
			__u32 slot;
			__u32 device;
			__u8 reason;
			__u8 carried; /* by the slave itself: without budgets */
		} punt;
	};
	struct { /* ACT_ANSWER */
		__be32 mtu;
		__u8 type;
		__u8 code;
		__u8 otherwise; /* the verdict if none may be sent */
		struct in6_addr source;
	} answer;
	struct bpf_fib_lookup fib;
};

static __always_inline void drop(struct decision *d, __u32 verdict)
{
	d->act = ACT_DROP;
	d->verdict = verdict;
}

static __always_inline void to_stack(struct decision *d, __u32 verdict, __u8 strip)
{
	d->act = ACT_STACK;
	d->verdict = verdict;
	d->strip = strip;
}

#endif
