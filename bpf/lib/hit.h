/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * A packet of the plain kind, of both of whose addresses the front has an entry that holds, is done here as
 * act.h would, byte for byte and counter for counter. Nothing is written but this CPU's own lines: the
 * packet, its counters, and in the front a reference bit that is not set.
 */
#ifndef OV6_LIB_HIT_H
#define OV6_LIB_HIT_H

#include "front.h"

#define HIT_NONE (-1) /* the packet is as it came */

/* Of the Ethernet header, which the compiler reads and writes in bytes otherwise. */
#define HIT_PROTOCOL(frame) (*(__be16 *)((char *)(frame) + 2 * ETH_ALEN))

/* 0: the frame is for that address. */
static __always_inline __u32 hit_other_mac(const void *frame, const __u8 *mac)
{
	const __u16 *to = frame, *is = (const void *)mac;

	return (*(const __u32 *)to ^ *(const __u32 *)is) | (to[2] ^ is[2]);
}

/* Of a header that holds together: may it go on, in so many bytes? */
static __always_inline int hit_fits(const struct ipv6hdr *ip6, const struct ov6_front_entry *way, __u32 bytes)
{
	return ip6->hop_limit > 1 && bytes <= way->mtu;
}

static __always_inline int hit_sent(__u32 verdict, __u32 bytes, __u32 egress)
{
	count_packets(verdict, 1, bytes, 1);
	return bpf_redirect(egress, 0);
}

static __always_inline int hit_no_room(__u32 bytes)
{
	count_packets(OV6_VERDICT_DROP_NO_ROOM, 1, bytes, 1);
	return XDP_DROP;
}

/* The packet of a frame that begins with `macs` into a slave's port, behind so many bytes that are taken off.
 */
static __always_inline int hit_push(hook_ctx *ctx, const __u32 *macs, __u32 strip,
				    const struct ov6_port_header *header)
{
	__u32 to = macs[0], both = macs[1], from = macs[2], *frame;

	if (bpf_xdp_adjust_head(ctx, (int)strip - (int)sizeof(*header)))
		return -1;
	frame = hook_at(ctx, 0, ETH_HLEN + sizeof(*header));
	if (!frame)
		return -1;
	frame[0] = to;
	frame[1] = both;
	frame[2] = from;
	HIT_PROTOCOL(frame) = bpf_htons(OV6_ETH_P_PORT);
	__builtin_memcpy((char *)frame + ETH_HLEN, header, sizeof(*header));
	return 0;
}

/* A packet whose destination has an entry, but none that XDP sends by. */
struct hit {
	const void *frame; /* it begins there */
	struct ipv6hdr *ip6;
	__u32 strip;   /* bytes between the Ethernet header and `ip6`, to be taken off */
	__u32 counted; /* bytes of the IPv6 packet */
	__u32 verdict; /* if it is delivered */
};

static __always_inline int hit_into_port(hook_ctx *ctx, const struct hit *h, __u32 slot,
					 const struct ov6_port_header *header, __u32 verdict)
{
	int result;

	if (hit_push(ctx, h->frame, h->strip, header))
		return hit_no_room(h->counted);
	result = bpf_redirect_map(&slave_ports, slot, XDP_DROP);
	count_packets(result == XDP_DROP ? OV6_VERDICT_DROP_NO_PORT : verdict, 1, h->counted, 1);
	return result;
}

static __always_inline int hit_carry(hook_ctx *ctx, const struct hit *h, const struct ov6_front_entry *way)
{
	struct ov6_port_header header = {
	    .version = OV6_PORT_HEADER_VERSION,
	    .type = OV6_PORT_CARRY,
	    .port = bpf_htons(OV6_PORT_DAEMON),
	    .ingress = bpf_htonl(way->egress),
	};

	h->ip6->hop_limit--;
	return hit_into_port(ctx, h, OV6_PORT_DAEMON, &header, h->verdict);
}

/* To where XDP sends nothing: what may go on is carried or TC's, and the rest the tables'. */
static __always_inline int hit_left(hook_ctx *ctx, const struct hit *h, const struct ov6_front_entry *way)
{
	if (!way || way->mtu || h->ip6->hop_limit <= 1 || h->counted > way->check)
		return HIT_NONE;
	if (way->on & OV6_FRONT_CARRIED && ip6_is_carried(h->ip6))
		return hit_carry(ctx, h, way);
	return hook_leave(ctx);
}

/* The whole Ethernet header, in front of which ever packet stands there now. */
static __always_inline void hit_write_link(void *frame, const struct ov6_front_entry *way, __u16 protocol)
{
	const __u32 *from = (const __u32 *)way->to;
	__u32 *to = frame;

	to[0] = from[0];
	to[1] = from[1];
	to[2] = from[2];
	HIT_PROTOCOL(frame) = bpf_htons(protocol);
}

static __always_inline void hit_write_ip(struct iphdr *ip, const struct ov6_front_entry *way, __u8 ecn,
					 __u32 length)
{
	*(__u8 *)ip = 0x45;
	ip->tos = way->on >> OV6_FRONT_DSCP_SHIFT << 2 | ecn;
	ip->tot_len = bpf_htons(length);
	ip->id = 0;
	ip->frag_off = bpf_htons(IP4_DONT_FRAGMENT);
	ip->ttl = OV6_OUTER_TTL;
	ip->protocol = way->destination_port ? IPPROTO_UDP : IPPROTO_IPV6;
	ip->check = csum_fold((__u64)way->check + bpf_htons(ecn) + bpf_htons(length));
	ip->saddr = way->source;
	ip->daddr = way->destination;
}

static __always_inline void hit_write_udp(struct udphdr *udp, const struct ov6_front_entry *way,
					  __be16 source, __u32 length)
{
	udp->source = source;
	udp->dest = way->destination_port;
	udp->len = bpf_htons(length);
	udp->check = 0;
}

/* What flow_port would take for the ports; not 0: there is more to be read for it. */
static __always_inline int hit_ports(hook_ctx *ctx, const struct ipv6hdr *ip6, __u32 *ports)
{
	switch (ip6->nexthdr) {
	case IPPROTO_TCP:
	case IPPROTO_UDP:
	case IPPROTO_SCTP:
		if ((char *)(ip6 + 1) + sizeof(*ports) > (char *)(long)ctx->data_end)
			return -1;
		*ports = *(const __u32 *)(ip6 + 1);
		return 0;
	case IPPROTO_ICMPV6:
		*ports = 0;
		return 0;
	default:
		return -1;
	}
}

/* `udp` is a constant. */
static __always_inline int hit_encapsulate(hook_ctx *ctx, struct ipv6hdr *ip6,
					   const struct ov6_front_entry *way, __u32 counted, int udp,
					   __be16 source)
{
	__u32 overhead = sizeof(struct iphdr) + (udp ? sizeof(struct udphdr) : 0), length = ip6_length(ip6);
	struct ethhdr *ethernet;
	__u8 ecn = ip6_ecn(ip6);

	ip6->hop_limit--;
	if (bpf_xdp_adjust_head(ctx, -(int)overhead))
		return hit_no_room(counted);
	ethernet = hook_at(ctx, 0, ETH_HLEN + overhead);
	if (!ethernet)
		return hit_no_room(counted);
	hit_write_link(ethernet, way, ETH_P_IP);
	hit_write_ip((void *)(ethernet + 1), way, ecn, overhead + length);
	if (udp)
		hit_write_udp((void *)(ethernet + 1) + sizeof(struct iphdr), way, source,
			      sizeof(struct udphdr) + length);
	return hit_sent(OV6_VERDICT_TUNNEL, counted, way->egress);
}

static __always_inline int hit_tunnel(hook_ctx *ctx, struct ipv6hdr *ip6, const struct ov6_front_entry *way,
				      __u32 counted)
{
	__be16 source = way->source_port;
	__u32 ports;

	if (!way->destination_port)
		return hit_encapsulate(ctx, ip6, way, counted, 0, 0);
	if (!source) {
		if (hit_ports(ctx, ip6, &ports))
			return HIT_NONE;
		source = flow_port_of(ip6, ports);
	}
	return hit_encapsulate(ctx, ip6, way, counted, 1, source);
}

/* As act_punt of what a slave carries. */
static __always_inline int hit_port(hook_ctx *ctx, const struct hit *h, const struct ov6_front_port *port)
{
	struct in6_addr destination = h->ip6->daddr; /* on the stack: see punt_device */
	struct ov6_port_header header = {
	    .version = OV6_PORT_HEADER_VERSION,
	    .type = OV6_PORT_PUNT,
	    .reason = OV6_PUNT_ROUTE,
	    .port = bpf_htons(port->slot),
	    .slave = bpf_htonl(port->slave),
	    .ingress = bpf_htonl(hook_ifindex(ctx)),
	};

	if (h->ip6->hop_limit <= 1 || h->counted > port->mtu || negative_find(&destination))
		return HIT_NONE;
	return hit_into_port(ctx, h, port->slot, &header, OV6_VERDICT_PUNT_ROUTE);
}

/* To where no tunnel leads, or not that packet. */
static __always_inline int hit_elsewhere(hook_ctx *ctx, const void *frame, struct ipv6hdr *ip6,
					 const struct ov6_front_entry *way, __u32 counted)
{
	struct hit h = {.frame = frame, .ip6 = ip6, .counted = counted, .verdict = OV6_VERDICT_LOCAL};

	if (way && !way->mtu && !way->check)
		return hit_port(ctx, &h, (const void *)way);
	return hit_left(ctx, &h, way);
}

/* A packet from a site, or HIT_NONE: it is as it came. No function of its own, since calls are dear where
 * returns are guarded. */
static __always_inline int hit_site(hook_ctx *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct ipv6hdr *ip6 = (void *)(ethernet + 1);
	const struct ov6_front_entry *source, *way;
	__u32 counted = hook_length(ctx) - ETH_HLEN;
	struct front f;

	if ((void *)(ip6 + 1) > (void *)(long)ctx->data_end ||
	    HIT_PROTOCOL(ethernet) != bpf_htons(ETH_P_IPV6) || ip6->version != 6 ||
	    ip6_length(ip6) > counted || front_open(&f, hook_ifindex(ctx)))
		return HIT_NONE;
	source = front_get(&f, &ip6->saddr, OV6_FRONT_SOURCE_OUT);
	if (!source || hit_other_mac(ethernet, source->to))
		return HIT_NONE;
	way = front_get(&f, &ip6->daddr, OV6_FRONT_TUNNEL);
	if (!way || !hit_fits(ip6, way, counted))
		return hit_elsewhere(ctx, ethernet, ip6, way, counted);
	return hit_tunnel(ctx, ip6, way, counted);
}

/* Takes off what is in front of `ip6`, and sends the rest. */
static __always_inline int hit_deliver(hook_ctx *ctx, struct ipv6hdr *ip6, const struct ov6_front_entry *way,
				       __u32 strip, __u32 counted)
{
	struct ethhdr *ethernet;

	ip6->hop_limit--;
	if (bpf_xdp_adjust_head(ctx, (int)strip))
		return hit_no_room(counted);
	ethernet = hook_at(ctx, 0, sizeof(*ethernet));
	if (!ethernet)
		return hit_no_room(counted);
	hit_write_link(ethernet, way, ETH_P_IPV6);
	return hit_sent(OV6_VERDICT_SITE, counted, way->egress);
}

/* Bytes of the outer headers; bit 4 tells UDP (17) from IPv6 (41). */
static __always_inline __u32 hit_strip(const struct iphdr *ip)
{
	return sizeof(*ip) + (ip->protocol & 16) / 2;
}

/* Bytes behind the outer headers, or 0. Only headers without options, of no fragment, with no UDP checksum to
 * be read. */
static __always_inline __u32 hit_outer(hook_ctx *ctx, const struct ethhdr *ethernet, const struct iphdr *ip,
				       const struct udphdr *udp)
{
	__u32 total = bpf_ntohs(ip->tot_len), length = bpf_ntohs(udp->len);

	if (HIT_PROTOCOL(ethernet) != bpf_htons(ETH_P_IP) || *(const __u8 *)ip != 0x45 ||
	    ip->frag_off & bpf_htons(IP4_FRAGMENT) || total > hook_length(ctx) - ETH_HLEN ||
	    total < sizeof(*ip) || csum_fold(csum_add(0, ip, sizeof(*ip))))
		return 0;
	if (ip->protocol == IPPROTO_IPV6)
		return total - sizeof(*ip);
	if (ip->protocol != IPPROTO_UDP || udp->check || length <= sizeof(*udp) ||
	    length > total - sizeof(*ip))
		return 0;
	return length - sizeof(*udp);
}

/* Did who may send for the inner source send it, to us? */
static __always_inline int hit_is_from(const struct ov6_front_entry *source, const struct ethhdr *ethernet,
				       const struct iphdr *ip, const struct udphdr *udp)
{
	if ((ip->saddr ^ source->source) | (ip->daddr ^ source->destination) |
	    hit_other_mac(ethernet, source->to))
		return 0;
	if (ip->protocol == IPPROTO_IPV6)
		return !source->source_port;
	return udp->dest == source->destination_port &&
	       (!source->source_port || udp->source == source->source_port);
}

/*
 * A packet from the underlay, or HIT_NONE. The source comes last: of many it is what comes from afar, and
 * while it comes the processor does what follows from the way.
 */
static __always_inline int hit_underlay(hook_ctx *ctx)
{
	struct ethhdr *ethernet = (void *)(long)ctx->data;
	struct iphdr *ip = (void *)(ethernet + 1);
	struct udphdr *udp = (void *)(ip + 1); /* of 6in4 the first bytes of the packet inside */
	const struct ov6_front_entry *source, *way;
	__u32 counted, strip;
	struct ipv6hdr *ip6;
	struct front f;

	if ((void *)(udp + 1) > (void *)(long)ctx->data_end)
		return HIT_NONE;
	counted = hit_outer(ctx, ethernet, ip, udp);
	strip = hit_strip(ip);
	ip6 = hook_at(ctx, ETH_HLEN + strip, sizeof(*ip6));
	if (!counted || !ip6 || ip6->version != 6 || ip6_length(ip6) > counted ||
	    ip6_ecn(ip6) != (ip->tos & ECN_MASK) || front_open(&f, hook_ifindex(ctx)))
		return HIT_NONE;
	way = front_get(&f, &ip6->daddr, OV6_FRONT_SITE);
	if (!way)
		return HIT_NONE;
	source = front_get(&f, &ip6->saddr, OV6_FRONT_SOURCE_IN);
	if (!source || !hit_is_from(source, ethernet, ip, udp))
		return HIT_NONE;
	if (!hit_fits(ip6, way, counted)) {
		struct hit h = {ethernet, ip6, strip, counted, OV6_VERDICT_SITE};

		return hit_left(ctx, &h, way);
	}
	return hit_deliver(ctx, ip6, way, strip, counted);
}

#endif
