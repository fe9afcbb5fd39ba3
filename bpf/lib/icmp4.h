/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * ICMPv4 errors about our own tunnel packets (RFC 792, RFC 1191): "fragmentation needed" lowers
 * the path's MTU, and what the quote allows to tell the inner source is told by an ICMPv6 error
 * (RFC 4213 section 3.4, RFC 2473 section 8.3). Anybody can send such an error: the quote must be
 * of a packet that we can have sent.
 */
#ifndef OV6_LIB_ICMP4_H
#define OV6_LIB_ICMP4_H

#include "answer.h"
#include "parse.h"
#include "path.h"
#include "route.h"
#include "sum.h"

#define ICMP4_MIN_QUOTE 8  /* bytes behind the quoted IPv4 header that every router sends back */
#define ICMP4_PLATEAU 1492 /* RFC 1191 section 7: the one below Ethernet's */
#define ICMP4_MIN_MTU 68

/* RFC 792; linux/icmp.h can't be read here: it wants the C library's headers. */
enum {
	ICMP4_UNREACHABLE = 3,
	ICMP4_NET_PROHIBITED = 9,
	ICMP4_HOST_PROHIBITED = 10,
	ICMP4_FRAGMENTATION_NEEDED = 4,
	ICMP4_FILTERED = 13, /* and what follows it */
	ICMP4_TIME_EXCEEDED = 11,
	ICMP4_TTL_EXCEEDED = 0,
};

struct icmp4 {
	struct {
		__u8 type;
		__u8 code;
		__sum16 checksum;
		__u8 unused;
		__u8 length; /* RFC 4884: of the quote, in 32-bit words; 0: all that follows */
		__be16 mtu;  /* RFC 1191 */
	} icmp;
	struct iphdr quoted;
	struct udphdr udp; /* quoted; zeros under 6in4 */
};

static __always_inline int icmp4_is_udp(const struct icmp4 *e)
{
	return e->quoted.protocol == IPPROTO_UDP;
}

/* Bytes of outer headers in the quoted packet. */
static __always_inline __u32 icmp4_quoted_header(const struct icmp4 *e)
{
	return e->quoted.ihl * 4 + (icmp4_is_udp(e) ? sizeof(e->udp) : 0);
}

/* End of the quote, RFC 4884 section 4.1: other things may stand behind it. */
static __always_inline __u32 icmp4_quote_end(const struct icmp4 *e, const struct iphdr *ip)
{
	__u32 words = e->icmp.length;
	__u32 whole = bpf_ntohs(ip->tot_len), end = ip->ihl * 4 + sizeof(e->icmp) + words * 4;

	return words && end < whole ? end : whole;
}

/* Datagrams of other kinds leave from other ports. Returns not 0 if it is one, or none was quoted. */
static __always_inline int icmp4_parse_udp(hook_ctx *ctx, __u32 at, const struct ov6_device *device,
					   struct icmp4 *e)
{
	if (hook_load(ctx, at, &e->udp, sizeof(e->udp)))
		return -1;
	return e->udp.source != device->udp_port && bpf_ntohs(e->udp.source) < OV6_FLOW_PORT_FIRST;
}

/* Reads the error and the quoted outer headers. Returns not 0 if it is not about a packet like ours. */
static __always_inline int icmp4_parse(hook_ctx *ctx, struct packet *p, const struct ov6_device *device,
				       const struct iphdr *ip, struct icmp4 *e)
{
	__u32 at = HOOK_LINK + ip->ihl * 4;

	if (hook_load(ctx, at, e, sizeof(e->icmp) + sizeof(e->quoted)))
		return -1;
	if (e->icmp.type != ICMP4_UNREACHABLE && e->icmp.type != ICMP4_TIME_EXCEEDED)
		return -1;
	if (e->quoted.version != 4 || e->quoted.ihl < 5 || e->quoted.saddr != device->address ||
	    e->quoted.frag_off & bpf_htons(IP4_OFFSET))
		return -1;
	if (icmp4_is_udp(e) && icmp4_parse_udp(ctx, at + sizeof(e->icmp) + e->quoted.ihl * 4, device, e))
		return -1;
	if (!icmp4_is_udp(e) && e->quoted.protocol != IPPROTO_IPV6)
		return -1;
	p->strip = ip->ihl * 4 + sizeof(e->icmp) + icmp4_quoted_header(e);
	return 0;
}

/*
 * How much of the quoted IPv6 header there is: all (2), so much that the tunnel can be recognised (1),
 * nothing of use (0). RFC 792 promises 8 bytes behind the IPv4 header: the UDP header, or the first 8 of
 * IPv6.
 */
static __always_inline int icmp4_parse_inner(hook_ctx *ctx, struct packet *p, const struct icmp4 *e,
					     __u32 end)
{
	__u32 quote = end > p->strip ? end - p->strip : 0;

	if (quote < ICMP4_MIN_QUOTE)
		return icmp4_is_udp(e) && end >= p->strip;
	if (hook_load(ctx, HOOK_LINK + p->strip, &p->ip6, ICMP4_MIN_QUOTE) || p->ip6.version != 6)
		return 0;
	if (quote < sizeof(p->ip6) || hook_load(ctx, HOOK_LINK + p->strip, &p->ip6, sizeof(p->ip6)))
		return 1;
	/* What the router appended is no part of it. */
	p->quote = quote < ip6_length(&p->ip6) ? quote : ip6_length(&p->ip6);
	return 2;
}

/* The quoted lengths must agree; of what was fragmented (small paths), the first fragment is quoted. */
static __always_inline int icmp4_lengths_fit(const struct packet *p, const struct icmp4 *e, int inner)
{
	__u32 sent = bpf_ntohs(e->quoted.tot_len), udp = bpf_ntohs(e->udp.len);
	__u32 packet = e->quoted.ihl * 4 + (icmp4_is_udp(e) ? udp : ip6_length(&p->ip6));

	if (icmp4_is_udp(e) && inner == 2 && udp != sizeof(e->udp) + ip6_length(&p->ip6))
		return 0;
	return e->quoted.frag_off & bpf_htons(IP4_MORE_FRAGMENTS) ? sent < packet : sent == packet;
}

/* With the inner addresses: the mapping sends there, and the source is one that may use it. */
static __always_inline int icmp4_was_mapped(const struct packet *p, const struct icmp4 *e)
{
	struct ov6_mapping *mapping = mapping_find(&p->ip6.daddr);
	struct ov6_route *route = route_find(&p->ip6.daddr);

	if (!mapping || !mapping_sends_to(mapping, e->quoted.daddr, icmp4_is_udp(e), e->udp.dest))
		return 0;
	return route_admits_source(&p->ip6.saddr) || (route && route->flags & OV6_ROUTE_RELAY);
}

/* Can it have been us? Without the inner addresses: we have sent to that peer at all. */
static __always_inline int icmp4_plausible(const struct packet *p, const struct icmp4 *e, int inner)
{
	if (!icmp4_lengths_fit(p, e, inner))
		return 0;
	return inner == 2 ? icmp4_was_mapped(p, e) : path_find(e->quoted.daddr) != 0;
}

static __always_inline int icmp4_is_too_big(const struct icmp4 *e)
{
	return e->icmp.type == ICMP4_UNREACHABLE && e->icmp.code == ICMP4_FRAGMENTATION_NEEDED;
}

/* What the router says fits, or a guess for one older than RFC 1191; 0: it lies. */
static __always_inline __u32 icmp4_mtu(const struct icmp4 *e)
{
	__u32 mtu = bpf_ntohs(e->icmp.mtu), sent = bpf_ntohs(e->quoted.tot_len);

	if (!(e->quoted.frag_off & bpf_htons(IP4_DONT_FRAGMENT)))
		return 0;
	if (!mtu)
		return sent > ICMP4_PLATEAU ? ICMP4_PLATEAU : OV6_MIN_MTU;
	return mtu < ICMP4_MIN_MTU || mtu >= sent ? 0 : mtu;
}

/* RFC 2473 section 8.3 has one code for all; a filter's refusal is told as what it is. */
static __always_inline __u8 icmp4_code(const struct icmp4 *e)
{
	if (e->icmp.type == ICMP4_UNREACHABLE &&
	    (e->icmp.code == ICMP4_NET_PROHIBITED || e->icmp.code == ICMP4_HOST_PROHIBITED ||
	     e->icmp.code >= ICMP4_FILTERED))
		return ICMPV6_ADM_PROHIBITED;
	return ICMPV6_ADDR_UNREACH;
}

/* The host that sent the quoted packet hears of it, as if it were here. */
static __always_inline void icmp4_pass_on(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	p->origin = ORIGIN_SITE;
	answer(ctx, p, d, OV6_VERDICT_ANSWER_UNDERLAY, OV6_VERDICT_DROP_ICMP_LIMIT);
}

static __always_inline void icmp4_too_big(hook_ctx *ctx, struct packet *p, struct decision *d,
					  const struct icmp4 *e, int for_host)
{
	__u32 mtu = icmp4_mtu(e), overhead = icmp4_quoted_header(e), inner;

	if (!mtu)
		return drop(d, OV6_VERDICT_DROP_ICMP4);
	path_lower(e->quoted.daddr, mtu);
	inner = mtu < OV6_MIN_MTU + overhead ? OV6_MIN_MTU : mtu - overhead;
	/* Small enough for every IPv6 link: from now on it goes without "don't fragment". */
	if (!for_host || ip6_length(&p->ip6) <= inner)
		return to_stack(d, OV6_VERDICT_PASS_PATH_MTU, 0);
	d->answer.type = ICMPV6_PKT_TOOBIG;
	d->answer.code = 0;
	d->answer.mtu = bpf_htonl(inner);
	icmp4_pass_on(ctx, p, d);
}

static __always_inline void icmp4_unreachable(hook_ctx *ctx, struct packet *p, struct decision *d,
					      const struct icmp4 *e, int for_host)
{
	if (!for_host || (e->icmp.type == ICMP4_TIME_EXCEEDED && e->icmp.code != ICMP4_TTL_EXCEEDED))
		return to_stack(d, OV6_VERDICT_PASS_NOT_TUNNEL, 0);
	d->answer.type = ICMPV6_DEST_UNREACH;
	d->answer.code = icmp4_code(e);
	d->answer.mtu = 0;
	icmp4_pass_on(ctx, p, d);
}

static __always_inline void icmp4_decide(hook_ctx *ctx, struct packet *p, struct decision *d,
					 const struct ov6_device *device, const struct iphdr *ip)
{
	__u32 length = bpf_ntohs(ip->tot_len) - ip->ihl * 4;
	struct icmp4 e = {};
	int inner, for_host;

	if (icmp4_parse(ctx, p, device, ip, &e))
		return to_stack(d, OV6_VERDICT_PASS_NOT_TUNNEL, 0);
	inner = icmp4_parse_inner(ctx, p, &e, icmp4_quote_end(&e, ip));
	if (!inner || csum_fold(sum_packet(ctx, HOOK_LINK + ip->ihl * 4, length, 0)))
		return to_stack(d, OV6_VERDICT_PASS_NOT_TUNNEL, 0);
	if (!icmp4_plausible(p, &e, inner)) {
		/* A UDP header alone may be of any datagram. */
		if (inner == 1 && icmp4_is_udp(&e))
			return to_stack(d, OV6_VERDICT_PASS_NOT_TUNNEL, 0);
		return drop(d, OV6_VERDICT_DROP_ICMP4);
	}
	for_host = inner == 2 && route_action(route_find(&p->ip6.saddr)) == OV6_ACTION_SITE;
	if (icmp4_is_too_big(&e))
		icmp4_too_big(ctx, p, d, &e, for_host);
	else
		icmp4_unreachable(ctx, p, d, &e, for_host);
}

/* A function of its own for the verifier: see act.h. The packet is IPv4, ICMP and for us. */
__noinline int ov6_icmp4(hook_ctx *ctx, struct packet *p, struct decision *d, const struct ov6_device *device)
{
	struct iphdr ip;

	if (!p || !d || !device)
		return 0;
	if (hook_load(ctx, HOOK_LINK, &ip, sizeof(ip))) {
		to_stack(d, OV6_VERDICT_PASS_NOT_TUNNEL, 0);
		return 0;
	}
	p->outer_source = ip.saddr;
	if (ip.frag_off & bpf_htons(IP4_FRAGMENT) || bpf_ntohs(ip.tot_len) > p->counted ||
	    bpf_ntohs(ip.tot_len) < ip.ihl * 4 || parse_ip4_checksum(ctx, &ip))
		to_stack(d, OV6_VERDICT_PASS_NOT_TUNNEL, 0);
	else if (in4_martian(ip.saddr) || ip.saddr == device->address)
		drop(d, OV6_VERDICT_DROP_OUTER_SOURCE);
	else
		icmp4_decide(ctx, p, d, device, &ip);
	return 0;
}

#endif
