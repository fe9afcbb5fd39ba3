/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The master's routing table: the paper's "longest-prefix match" of an address to a slave. */
#ifndef OV6_LIB_ROUTE_H
#define OV6_LIB_ROUTE_H

#include "address.h"
#include "maps.h"

static __always_inline struct ov6_route *route_find(const struct in6_addr *address)
{
	struct ov6_prefix key;

	prefix_of(&key, address);
	return bpf_map_lookup_elem(&routes, &key);
}

/* Action of the route, OV6_ACTION_NONE also if there is none. */
static __always_inline __u8 route_action(const struct ov6_route *route)
{
	return route ? route->action : OV6_ACTION_NONE;
}

/* BCP 38: may a host here send from that address? What moved away a moment ago may still leave from here,
 * until its hosts turn to where it went. A route that says relay can be wide: it lets out nothing that is on
 * no wire. */
static __always_inline int route_admits_source(const struct in6_addr *source)
{
	struct ov6_route *route = route_find(source);

	if (route_action(route) == OV6_ACTION_SITE)
		return 1;
	return route && route->action == OV6_ACTION_TUNNEL && route->flags & OV6_ROUTE_RELAY &&
	       !in6_martian(source);
}

#endif
