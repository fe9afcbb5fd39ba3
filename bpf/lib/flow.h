/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The outer UDP source port tells flows apart for load balancers on the way (RFC 7510 section 3). */
#ifndef OV6_LIB_FLOW_H
#define OV6_LIB_FLOW_H

#include "transport.h"

static __always_inline __u32 flow_mix(__u32 hash, __u32 word)
{
	hash = (hash ^ word) * 0x9e3779b1;
	return hash ^ hash >> 15;
}

/* `ports`: the first four bytes of a transport header that has ports, else 0. */
static __always_inline __be16 flow_port_of(const struct ipv6hdr *ip6, __u32 ports)
{
	__u32 hash = 0;

#pragma unroll
	for (int i = 0; i < 4; i++)
		hash = flow_mix(flow_mix(hash, ip6->saddr.s6_addr32[i]), ip6->daddr.s6_addr32[i]);
	hash = flow_mix(hash, *(const __u32 *)ip6 & bpf_htonl(0xfffff));
	hash = flow_mix(hash, ports);
	return bpf_htons(OV6_FLOW_PORT_FIRST + (hash & 0x3fff));
}

static __always_inline __be16 flow_port(hook_ctx *ctx, const struct packet *p)
{
	struct transport t = {};
	__u32 ports = 0;

	if (!ov6_transport(ctx, p, &t) && transport_has_ports(&t))
		__builtin_memcpy(&ports, t.start, sizeof(ports));
	return flow_port_of(&p->ip6, ports);
}

#endif
