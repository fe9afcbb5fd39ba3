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

static __always_inline __be16 flow_port(hook_ctx *ctx, const struct packet *p)
{
	struct transport t = {};
	__u32 hash = 0, ports = 0;

#pragma unroll
	for (int i = 0; i < 4; i++)
		hash = flow_mix(flow_mix(hash, p->ip6.saddr.s6_addr32[i]), p->ip6.daddr.s6_addr32[i]);
	hash = flow_mix(hash, *(__u32 *)&p->ip6 & bpf_htonl(0xfffff));
	if (!ov6_transport(ctx, p, &t) && transport_has_ports(&t))
		__builtin_memcpy(&ports, t.start, sizeof(ports));
	hash = flow_mix(hash, ports);
	return bpf_htons(OV6_FLOW_PORT_FIRST + (hash & 0x3fff));
}

#endif
