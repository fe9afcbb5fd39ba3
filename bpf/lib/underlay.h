/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding on a packet from the underlay: RFC 4213 section 3.6, RFC 6169, RFC 6324. */
#ifndef OV6_LIB_UNDERLAY_H
#define OV6_LIB_UNDERLAY_H

#include "deliver.h"
#include "icmp4.h"
#include "negative.h"
#include "parse.h"
#include "punt.h"
#include "route.h"
#include "sum.h"
#include "tunnel.h"

#define OUTER_ICMP 0xffff      /* no verdict: an ICMPv4 message for us */
#define GUE_VARIANT1_IPV6 6    /* variant 1: the first nibble is the IP version's, which begins with 01 */
#define STUN_COOKIE 0x2112a442 /* RFC 8489 section 5: behind type and length, whose first two bits are 0 */

struct outer {
	struct iphdr ip;
	struct udphdr udp;
};

static __always_inline __u32 outer_header(const struct outer *outer)
{
	return outer->ip.ihl * 4;
}

static __always_inline int outer_is_udp_tunnel(hook_ctx *ctx, struct outer *outer,
					       const struct ov6_device *device)
{
	if (outer->ip.frag_off & bpf_htons(IP4_OFFSET) ||
	    hook_load(ctx, HOOK_LINK + outer_header(outer), &outer->udp, sizeof(outer->udp)))
		return 0;
	return outer->udp.dest == device->udp_port;
}

/* Is it for us, and of the right kind? Nothing else is judged of packets that are not. Returns 0 or why not.
 */
static __always_inline __u32 outer_kind(hook_ctx *ctx, struct outer *outer, const struct ov6_device *device)
{
	if (hook_load(ctx, HOOK_LINK, &outer->ip, sizeof(outer->ip)))
		return OV6_VERDICT_PASS_NOT_TUNNEL;
	if (outer->ip.version != 4 || outer->ip.ihl < 5 || outer->ip.daddr != device->address)
		return OV6_VERDICT_PASS_NOT_TUNNEL;
	switch (outer->ip.protocol) {
	case IPPROTO_IPV6:
		return 0;
	case IPPROTO_UDP:
		return outer_is_udp_tunnel(ctx, outer, device) ? 0 : OV6_VERDICT_PASS_NOT_TUNNEL;
	case IPPROTO_ICMP:
		return OUTER_ICMP;
	default:
		return OV6_VERDICT_PASS_NOT_TUNNEL;
	}
}

/* Returns 0 or the verdict it ends with. The stack reassembles, and ov6d brings the whole datagram back. */
static __always_inline __u32 outer_check(hook_ctx *ctx, const struct packet *p, const struct outer *outer,
					 const struct ov6_device *device)
{
	__u32 length = bpf_ntohs(outer->ip.tot_len);

	if (length > p->counted || length < outer_header(outer) || parse_ip4_checksum(ctx, &outer->ip))
		return OV6_VERDICT_DROP_MALFORMED;
	if (in4_martian(outer->ip.saddr) || outer->ip.saddr == device->address)
		return OV6_VERDICT_DROP_OUTER_SOURCE;
	if (outer->ip.frag_off & bpf_htons(IP4_FRAGMENT))
		return p->returned ? OV6_VERDICT_DROP_OUTER_FRAGMENT : OV6_VERDICT_PASS_FRAGMENT;
	return 0;
}

/* RFC 768: with the pseudo header it sums up to zero. What the device or the kernel checked is not read
 * again. */
static __always_inline int outer_udp_checksum(hook_ctx *ctx, const struct outer *outer)
{
	__u32 length = bpf_ntohs(outer->udp.len);
	__u64 pseudo = csum_add(0, &outer->ip.saddr, 8) + bpf_htons(IPPROTO_UDP) + outer->udp.len;

	if (!outer->udp.check || hook_checksum_is_good(ctx))
		return 0;
	return csum_fold(sum_packet(ctx, HOOK_LINK + outer_header(outer), length, csum_reduce(pseudo)));
}

/* What is no IPv6 packet on the tunnel port: to ov6d's socket, which takes STUN alone. */
static __always_inline __u32 outer_other(hook_ctx *ctx, __u32 payload, __u8 first, __u32 length)
{
	__be32 cookie = 0;

	if (first >> 6 || length < sizeof(struct udphdr) + 8 ||
	    hook_load(ctx, HOOK_LINK + payload + 4, &cookie, sizeof(cookie)))
		return OV6_VERDICT_PASS_GUE;
	return cookie == bpf_htonl(STUN_COOKIE) ? OV6_VERDICT_PASS_STUN : OV6_VERDICT_PASS_GUE;
}

/* Returns 0, or the verdict: a pass if the datagram is not the datapath's. */
static __always_inline __u32 outer_udp(hook_ctx *ctx, const struct outer *outer, __u32 payload)
{
	__u32 length = bpf_ntohs(outer->udp.len);
	__u8 first = 0;

	if (length <= sizeof(outer->udp) || outer_header(outer) + length > bpf_ntohs(outer->ip.tot_len) ||
	    hook_load(ctx, HOOK_LINK + payload, &first, sizeof(first)))
		return OV6_VERDICT_DROP_MALFORMED;
	if (first >> 4 != GUE_VARIANT1_IPV6)
		return outer_other(ctx, payload, first, length);
	return outer_udp_checksum(ctx, outer) ? OV6_VERDICT_DROP_UDP_CHECKSUM : 0;
}

/* Bytes of the IPv4 packet that are the tunnel's: all, or what UDP says. */
static __always_inline __u32 outer_end(const struct outer *outer)
{
	if (outer->ip.protocol == IPPROTO_UDP)
		return outer_header(outer) + bpf_ntohs(outer->udp.len);
	return bpf_ntohs(outer->ip.tot_len);
}

__noinline int ov6_outer(hook_ctx *ctx, struct packet *p, const struct ov6_device *device)
{
	struct outer outer = {};
	__u32 verdict;

	if (!p || !device)
		return OV6_VERDICT_DROP_MALFORMED;

	verdict = outer_kind(ctx, &outer, device);
	if (verdict)
		return verdict;
	p->outer_source = outer.ip.saddr;
	verdict = outer_check(ctx, p, &outer, device);
	if (verdict)
		return verdict;
	p->strip = outer_header(&outer);
	p->outer_ecn = outer.ip.tos & ECN_MASK;
	if (outer.ip.protocol == IPPROTO_UDP) {
		p->strip += sizeof(struct udphdr);
		p->outer_port = outer.udp.source;
		verdict = outer_udp(ctx, &outer, p->strip);
		if (verdict)
			return verdict;
	}
	return parse_ip6(ctx, p, outer_end(&outer) - p->strip) ? OV6_VERDICT_DROP_MALFORMED : 0;
}

static __always_inline int underlay_parse(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_device *device = device_with_role(p->ingress, OV6_DEVICE_UNDERLAY);
	__u32 verdict = OV6_VERDICT_PASS_DISABLED;

	if (config_enabled() && device)
		verdict = parse_ethernet(ctx, p, ETH_P_IP);
	if (!verdict && device)
		verdict = parse_for_mac(p, device) ? ov6_outer(ctx, p, device) : OV6_VERDICT_PASS_OTHER_MAC;
	if (!verdict)
		return 0;
	if (verdict == OUTER_ICMP && device)
		ov6_icmp4(ctx, p, d, device);
	else if (verdict >= OV6_VERDICT_DROP_MALFORMED)
		drop(d, verdict);
	else
		to_stack(d, verdict, 0);
	return -1;
}

/* A source of ours, or of no one, is a lie. A site of ours elsewhere may have a direct path to here. */
static __always_inline int underlay_source_is_wrong(const struct packet *p, const struct ov6_route *route)
{
	__u8 action = route_action(route);

	if (in6_martian(&p->ip6.saddr) || action == OV6_ACTION_REJECT)
		return 1;
	return action == OV6_ACTION_SITE && route && !(route->flags & OV6_ROUTE_DIRECT);
}

static __always_inline int underlay_source_is_known(const struct packet *p)
{
	struct ov6_mapping *mapping = mapping_find(&p->ip6.saddr);

	return mapping && mapping_has_locator(mapping, p->outer_source, p->outer_port);
}

/* A place that the destination moved from still gets packets for it, verifies them and brings them here. */
static __always_inline int underlay_comes_from_former(const struct packet *p, const struct ov6_route *to)
{
	struct ov6_mapping *former = to->action == OV6_ACTION_SITE ? mapping_find_former(&p->ip6.daddr) : 0;

	return former && mapping_has_locator(former, p->outer_source, p->outer_port);
}

/* Strict: one of the source mapping's locators sent it, or who vouches for it. Else its slave is asked,
 * unless it just was. */
static __always_inline int underlay_verify(struct packet *p, struct decision *d,
					   const struct ov6_route *source, const struct ov6_route *to)
{
	struct ov6_mapping *mapping = mapping_find(&p->ip6.saddr);

	if (mapping && mapping_has_locator(mapping, p->outer_source, p->outer_port)) {
		p->turn = mapping_used(mapping, &p->ip6.saddr);
		return 0;
	}
	if (underlay_comes_from_former(p, to))
		return 0;
	if (route_action(source) != OV6_ACTION_TUNNEL || (p->asked && mapping) ||
	    (!mapping && negative_find(&p->ip6.saddr)))
		drop(d, OV6_VERDICT_DROP_SOURCE_MISMATCH);
	else
		punt(p, d, source->slave, OV6_PUNT_VERIFY);
	return -1;
}

/* It goes on, but its sender should know better: user space tells the peer. */
__noinline int ov6_relayed(const struct packet *p, __u32 slave)
{
	struct ov6_mapping *source;
	__u64 now = bpf_ktime_get_boot_ns();

	if (!p)
		return 0;
	source = mapping_find(&p->ip6.saddr);
	if (source && (p->turn || mapping_turn(source, now)))
		mapping_event(OV6_EVENT_RELAYED, slave, &p->ip6.daddr, p->outer_source, now);
	return 0;
}

/* On to where it has moved, or to a site of ours that is elsewhere. */
static __always_inline void underlay_relay(hook_ctx *ctx, struct packet *p, struct decision *d,
					   const struct ov6_route *route, struct ov6_mapping *mapping)
{
	if (p->ip6.hop_limit <= 1)
		return answer_time_exceeded(ctx, p, d);
	tunnel(ctx, p, d, mapping);
	if (d->act == ACT_TUNNEL && route->action == OV6_ACTION_TUNNEL)
		ov6_relayed(p, route->slave);
}

static __always_inline void underlay_forward(hook_ctx *ctx, struct packet *p, struct decision *d,
					     const struct ov6_route *route)
{
	struct ov6_mapping *mapping = route->action == OV6_ACTION_TUNNEL
					  ? mapping_find(&p->ip6.daddr)
					  : mapping_find_direct(route, &p->ip6.daddr);

	if (mapping)
		return underlay_relay(ctx, p, d, route, mapping);
	switch (route->action) {
	case OV6_ACTION_SITE:
		return deliver(ctx, p, d, OV6_VERDICT_SITE);
	case OV6_ACTION_TUNNEL:
		return drop(d, OV6_VERDICT_DROP_RELAY);
	default: /* PORT: see underlay_goes_nowhere */
		if (negative_decide(ctx, p, d))
			return;
		return punt_by_route(p, d, route);
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
		return 0;
	case OV6_ACTION_PORT: /* whoever has direct paths is nobody's way to others */
		return route->flags & OV6_ROUTE_DIRECT ? OV6_VERDICT_DROP_RELAY : 0;
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
	if (verdict == OV6_VERDICT_DROP_SITE_REJECT && underlay_source_is_known(p))
		return answer_unreachable(ctx, p, d, ICMPV6_NOROUTE, verdict);
	if (verdict || !route)
		return drop(d, verdict);
	if (underlay_verify(p, d, source, route))
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
