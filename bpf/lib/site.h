/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Deciding on a packet from a site. */
#ifndef OV6_LIB_SITE_H
#define OV6_LIB_SITE_H

#include "deliver.h"
#include "negative.h"
#include "parse.h"
#include "punt.h"
#include "route.h"
#include "tunnel.h"

/* Neighbour discovery and what never leaves the link. */
static __always_inline int site_is_link_business(const struct packet *p)
{
	return in6_link_local(&p->ip6.saddr) || in6_link_local(&p->ip6.daddr) ||
	       in6_multicast(&p->ip6.daddr) || in6_unspecified(&p->ip6.saddr);
}

static __always_inline int site_is_for_router(const struct packet *p)
{
	struct ov6_device *device = device_find(p->ingress);

	/* A device without an address has the unspecified one. */
	return device && !in6_unspecified(&p->ip6.daddr) &&
	       in6_equal((struct in6_addr *)device->icmp_source, &p->ip6.daddr);
}

/* Where it goes by a tunnel, or 0: the route's slave has its own way. */
static __always_inline struct ov6_mapping *site_mapping(const struct packet *p, const struct ov6_route *route)
{
	if (route->action == OV6_ACTION_TUNNEL)
		return mapping_find(&p->ip6.daddr);
	return mapping_find_direct(route, &p->ip6.daddr);
}

/* To who has a direct path to this router it leads to this router's own sites. Those of a site elsewhere
 * would be strangers to it. */
static __always_inline int site_goes_around(const struct packet *p, const struct ov6_route *route,
					    const struct ov6_mapping *mapping)
{
	return route->action == OV6_ACTION_TUNNEL && mapping->flags & OV6_MAPPING_DIRECT &&
	       device_is_elsewhere(p->ingress);
}

static __always_inline void site_miss(hook_ctx *ctx, struct packet *p, struct decision *d,
				      const struct ov6_route *route)
{
	if (!negative_decide(ctx, p, d))
		punt(p, d, route->slave, OV6_PUNT_MISS);
}

static __always_inline void site_port(hook_ctx *ctx, struct packet *p, struct decision *d,
				      const struct ov6_route *route)
{
	if (negative_decide(ctx, p, d))
		return;
	if (p->asked)
		return drop(d, OV6_VERDICT_DROP_PUNT_LOOP);
	punt_by_route(p, d, route);
}

static __always_inline void site_by_route(hook_ctx *ctx, struct packet *p, struct decision *d,
					  const struct ov6_route *route)
{
	switch (route->action) {
	case OV6_ACTION_TUNNEL:
		return site_miss(ctx, p, d, route);
	case OV6_ACTION_PORT:
		return site_port(ctx, p, d, route);
	case OV6_ACTION_REJECT:
		return answer_unreachable(ctx, p, d, ICMPV6_NOROUTE, OV6_VERDICT_DROP_SITE_REJECT);
	default:
		return drop(d, OV6_VERDICT_DROP_ROUTE_EMPTY);
	}
}

/* RFC 7084 L-14: the host is told, so that it turns to an address that is valid here. */
static __always_inline void site_foreign_source(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (p->returned)
		return drop(d, OV6_VERDICT_DROP_SITE_SOURCE);
	answer_unreachable(ctx, p, d, ICMPV6_POLICY_FAIL, OV6_VERDICT_DROP_SITE_SOURCE);
	if (d->act == ACT_ANSWER)
		d->verdict = OV6_VERDICT_ANSWER_SOURCE;
}

static __always_inline void site_decide(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_mapping *mapping;
	struct ov6_route *route;

	if (site_is_link_business(p))
		return to_stack(d, OV6_VERDICT_PASS_LINK_LOCAL, 0);
	if (site_is_for_router(p))
		return to_stack(d, OV6_VERDICT_PASS_FOR_ROUTER, 0);
	route = route_find(&p->ip6.daddr);
	if (route_action(route) == OV6_ACTION_PASS)
		return to_stack(d, OV6_VERDICT_PASS_ROUTE, 0);
	if (!route_admits_source(&p->ip6.saddr))
		return site_foreign_source(ctx, p, d);
	if (in6_embeds_ipv4(&p->ip6.daddr))
		return drop(d, OV6_VERDICT_DROP_INNER_DESTINATION);
	if (!route)
		return drop(d, OV6_VERDICT_DROP_NO_ROUTE);
	mapping = site_mapping(p, route);
	if (route->action == OV6_ACTION_SITE && !mapping)
		return deliver(ctx, p, d, OV6_VERDICT_LOCAL);
	if (p->ip6.hop_limit <= 1)
		return answer_time_exceeded(ctx, p, d);
	if (mapping) {
		p->around = site_goes_around(p, route, mapping);
		return tunnel(ctx, p, d, mapping);
	}
	site_by_route(ctx, p, d, route);
}

/* A function of its own for the verifier: see act.h. */
__noinline int ov6_site(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	if (p && d)
		site_decide(ctx, p, d);
	return 0;
}

static __always_inline int site_parse(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_device *device = device_with_role(p->ingress, OV6_DEVICE_SITE);
	__u32 verdict = OV6_VERDICT_PASS_DISABLED;

	if (config_enabled() && device)
		verdict = parse_ethernet(ctx, p, ETH_P_IPV6);
	if (verdict)
		to_stack(d, verdict, 0);
	else if (device && !parse_for_mac(p, device))
		to_stack(d, OV6_VERDICT_PASS_OTHER_MAC, 0);
	else if (parse_ip6(ctx, p, p->counted))
		drop(d, OV6_VERDICT_DROP_MALFORMED);
	else
		return 0;
	return -1;
}

#endif
