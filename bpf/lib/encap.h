/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writing the outer header: RFC 4213 section 3.5, RFC 6040, RFC 2983 (pipe). */
#ifndef OV6_LIB_ENCAP_H
#define OV6_LIB_ENCAP_H

#include "csum.h"
#include "decap.h"
#include "flow.h"
#include "ip6.h"
#include "locator.h"
#include "parse.h"

struct encap {
	struct iphdr ip;
	struct udphdr udp;
};

static __always_inline __be16 encap_length(__u32 length)
{
	return bpf_htons(length > 0xffff ? 0xffff : length);
}

static __always_inline void encap_ip(struct iphdr *ip, const struct packet *p, const struct decision *d)
{
	struct ov6_config *c = config_get();
	__u32 dscp = c ? c->dscp & 0x3f : 0;

	ip->version = 4;
	ip->ihl = 5;
	ip->tos = dscp << 2 | ip6_ecn(&p->ip6);
	ip->tot_len = encap_length(locator_overhead(&d->tunnel.locator) + ip6_length(&p->ip6));
	/* RFC 6864: an id means something only to who may fragment. */
	ip->id = d->tunnel.fragmentable ? bpf_get_prandom_u32() : 0;
	ip->frag_off = d->tunnel.fragmentable ? 0 : bpf_htons(IP4_DONT_FRAGMENT);
	ip->ttl = OV6_OUTER_TTL;
	ip->protocol = d->tunnel.locator.encapsulation == OV6_ENCAPSULATION_UDP ? IPPROTO_UDP : IPPROTO_IPV6;
	ip->saddr = d->tunnel.source;
	ip->daddr = d->tunnel.locator.address;
	ip->check = 0;
	ip->check = csum_fold(csum_add(0, ip, sizeof(*ip)));
}

/* Checksum 0: over IPv4 no checksum is sent (RFC 768). */
static __always_inline void encap_udp(struct udphdr *udp, const struct packet *p, const struct decision *d,
				      __be16 source)
{
	udp->source = source;
	udp->dest = d->tunnel.locator.port;
	udp->len = encap_length(sizeof(*udp) + ip6_length(&p->ip6));
	udp->check = 0;
}

/* Around the IPv6 packet whose header is p->ip6, behind the Ethernet header or what it came in of that
 * length. */
static __always_inline int encap(hook_ctx *ctx, const struct packet *p, const struct decision *d)
{
	int udp = d->tunnel.locator.encapsulation == OV6_ENCAPSULATION_UDP;
	struct encap outer = {};

	encap_ip(&outer.ip, p, d);
	if (udp)
		encap_udp(&outer.udp, p, d,
			  d->tunnel.source_port ? d->tunnel.source_port : flow_port(ctx, p));
	if (p->strip != locator_overhead(&d->tunnel.locator) &&
	    hook_encapsulate(ctx, locator_overhead(&d->tunnel.locator)))
		return -1;
	return udp ? hook_store(ctx, HOOK_LINK, &outer, sizeof(outer))
		   : hook_store(ctx, HOOK_LINK, &outer.ip, sizeof(outer.ip));
}

#endif
