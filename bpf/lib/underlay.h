/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding on a packet from the underlay: RFC 4213 section 3.6, RFC 6169, RFC 6324. */
#ifndef OV6_LIB_UNDERLAY_H
#define OV6_LIB_UNDERLAY_H

#include "deliver.h"
#include "parse.h"
#include "punt.h"
#include "route.h"
#include "tunnel.h"

#define IP4_FRAGMENT 0x3fff /* more-fragments and the offset */
#define IP4_OFFSET 0x1fff
#define GUE_VARIANT1_IPV6 6 /* variant 1: the first nibble is the IP version's, which begins with 01 */

struct outer {
	struct iphdr ip;
	struct udphdr udp;
};

static __always_inline __u32 outer_header(const struct outer *outer)
{
	return outer->ip.ihl * 4;
}

/* Is it for us, and of the right kind? Nothing else is judged of packets that are not. */
static __always_inline int outer_is_tunnel(hook_ctx *ctx, struct outer *outer,
					   const struct ov6_device *device)
{
	if (hook_load(ctx, ETH_HLEN, &outer->ip, sizeof(outer->ip)))
		return 0;
	if (outer->ip.version != 4 || outer->ip.ihl < 5 || outer->ip.daddr != device->address)
		return 0;
	if (outer->ip.protocol == IPPROTO_IPV6)
		return 1;
	if (outer->ip.protocol != IPPROTO_UDP || outer->ip.frag_off & bpf_htons(IP4_OFFSET))
		return 0;
	if (hook_load(ctx, ETH_HLEN + outer_header(outer), &outer->udp, sizeof(outer->udp)))
		return 0;
	return outer->udp.dest == device->udp_port;
}

/* Returns 0 or the verdict it ends with. */
static __always_inline __u32 outer_check(hook_ctx *ctx, const struct outer *outer,
					 const struct ov6_device *device, __u32 frame)
{
	__u32 length = bpf_ntohs(outer->ip.tot_len);

	if (outer->ip.frag_off & bpf_htons(IP4_FRAGMENT))
		return OV6_VERDICT_DROP_OUTER_FRAGMENT;
	if (length > frame || length < outer_header(outer) || parse_ip4_checksum(ctx, &outer->ip))
		return OV6_VERDICT_DROP_MALFORMED;
	if (in4_martian(outer->ip.saddr) || outer->ip.saddr == device->address)
		return OV6_VERDICT_DROP_OUTER_SOURCE;
	return 0;
}

/* Returns 0, or the verdict: a pass if the datagram is not the datapath's. */
static __always_inline __u32 outer_udp(hook_ctx *ctx, const struct outer *outer, __u32 payload)
{
	__u8 first = 0;

	if (hook_load(ctx, ETH_HLEN + payload, &first, sizeof(first)))
		return OV6_VERDICT_DROP_MALFORMED;
	if (first >> 4 != GUE_VARIANT1_IPV6)
		return OV6_VERDICT_PASS_GUE;
	return outer->udp.check ? OV6_VERDICT_DROP_UDP_CHECKSUM : 0;
}

__noinline int ov6_outer(hook_ctx *ctx, struct packet *p, const struct ov6_device *device)
{
	struct outer outer = {};
	__u32 verdict;

	if (!p || !device)
		return OV6_VERDICT_DROP_MALFORMED;

	if (!outer_is_tunnel(ctx, &outer, device))
		return OV6_VERDICT_PASS_NOT_TUNNEL;
	verdict = outer_check(ctx, &outer, device, p->counted);
	if (verdict)
		return verdict;
	p->strip = outer_header(&outer);
	p->outer_source = outer.ip.saddr;
	p->outer_ecn = outer.ip.tos & ECN_MASK;
	if (outer.ip.protocol == IPPROTO_UDP) {
		p->strip += sizeof(struct udphdr);
		verdict = outer_udp(ctx, &outer, p->strip);
		if (verdict)
			return verdict;
	}
	return parse_ip6(ctx, p, bpf_ntohs(outer.ip.tot_len) - p->strip) ? OV6_VERDICT_DROP_MALFORMED : 0;
}

static __always_inline int underlay_parse(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_device *device = device_with_role(p->ingress, OV6_DEVICE_UNDERLAY);
	__u32 verdict;

	if (!config_enabled() || !device)
		verdict = OV6_VERDICT_PASS_DISABLED;
	else if (parse_ethernet(ctx, p, ETH_P_IP))
		verdict = OV6_VERDICT_PASS_NOT_IPV6;
	else if (!parse_for_mac(p, device))
		verdict = OV6_VERDICT_PASS_OTHER_MAC;
	else
		verdict = ov6_outer(ctx, p, device);
	if (!verdict)
		return 0;
	if (verdict >= OV6_VERDICT_DROP_MALFORMED)
		drop(d, verdict);
	else
		to_stack(d, verdict, 0);
	return -1;
}

/* A source of ours, or of no one, is a lie. */
static __always_inline int underlay_source_is_wrong(const struct packet *p, const struct ov6_route *route)
{
	__u8 action = route_action(route);

	return in6_martian(&p->ip6.saddr) || action == OV6_ACTION_SITE || action == OV6_ACTION_REJECT;
}

/* Strict: one of the source mapping's locators sent it. Else its slave is asked, unless it just was. */
static __always_inline int underlay_verify(struct packet *p, struct decision *d,
					   const struct ov6_route *route)
{
	struct ov6_mapping *mapping = mapping_find(&p->ip6.saddr);

	if (mapping && mapping_has_locator(mapping, p->outer_source)) {
		mapping_used(mapping, &p->ip6.saddr);
		return 0;
	}
	if (route_action(route) != OV6_ACTION_TUNNEL || (p->returned && mapping) ||
	    (!mapping && negative_find(&p->ip6.saddr)))
		drop(d, OV6_VERDICT_DROP_SOURCE_MISMATCH);
	else
		punt(p, d, route->slave, OV6_PUNT_VERIFY);
	return -1;
}

static __always_inline void underlay_relay(hook_ctx *ctx, struct packet *p, struct decision *d,
					   const struct ov6_route *route)
{
	struct ov6_mapping *mapping = mapping_find(&p->ip6.daddr);

	if (!mapping)
		return drop(d, OV6_VERDICT_DROP_RELAY);
	if (p->ip6.hop_limit <= 1)
		return drop(d, OV6_VERDICT_DROP_HOP_LIMIT);
	tunnel(ctx, p, d, mapping);
}

static __always_inline void underlay_forward(hook_ctx *ctx, struct packet *p, struct decision *d,
					     const struct ov6_route *route)
{
	switch (route->action) {
	case OV6_ACTION_SITE:
		return deliver(ctx, p, d, OV6_VERDICT_SITE);
	case OV6_ACTION_TUNNEL:
		return underlay_relay(ctx, p, d, route);
	default: /* PORT: see underlay_goes_nowhere */
		if (negative_find(&p->ip6.daddr))
			return drop(d, OV6_VERDICT_DROP_NEGATIVE);
		return punt(p, d, route->slave, OV6_PUNT_ROUTE);
	}
}

/* Judged before the source is: what would not be sent on need not be verified. Returns 0 or the drop. */
static __always_inline __u32 underlay_goes_nowhere(const struct packet *p, const struct ov6_route *route)
{
	if (in6_martian(&p->ip6.daddr))
		return OV6_VERDICT_DROP_INNER_DESTINATION;
	if (!route)
		return OV6_VERDICT_DROP_NO_ROUTE;
	switch (route->action) {
	case OV6_ACTION_SITE:
	case OV6_ACTION_PORT:
		return 0;
	case OV6_ACTION_TUNNEL:
		return route->flags & OV6_ROUTE_RELAY ? 0 : OV6_VERDICT_DROP_RELAY;
	case OV6_ACTION_PASS:
		return OV6_VERDICT_DROP_RELAY;
	case OV6_ACTION_REJECT:
		return OV6_VERDICT_DROP_SITE_REJECT;
	default:
		return OV6_VERDICT_DROP_ROUTE_EMPTY;
	}
}

static __always_inline void underlay_decide(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_route *source = route_find(&p->ip6.saddr);
	struct ov6_route *route = route_find(&p->ip6.daddr);
	__u8 ecn = ecn_decapsulate(ip6_ecn(&p->ip6), p->outer_ecn);
	__u32 verdict;

	if (underlay_source_is_wrong(p, source))
		return drop(d, OV6_VERDICT_DROP_INNER_SOURCE);
	verdict = underlay_goes_nowhere(p, route);
	if (verdict || !route)
		return drop(d, verdict);
	if (underlay_verify(p, d, source))
		return;
	if (ecn == ECN_DROP)
		return drop(d, OV6_VERDICT_DROP_ECN);
	ip6_set_ecn(&p->ip6, ecn);
	underlay_forward(ctx, p, d, route);
}

/* A function of its own for the verifier: see act.h. */
__noinline int ov6_underlay(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (p && d)
		underlay_decide(ctx, p, d);
	return 0;
}

#endif
