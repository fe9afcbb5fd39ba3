/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The map-cache. */
#ifndef OV6_LIB_MAPPING_H
#define OV6_LIB_MAPPING_H

#include "address.h"
#include "maps.h"

#define LOCATOR_ACCEPT_ONLY 255
#define EVENT_INTERVAL_NS 1000000000ULL

static __always_inline int mapping_expired(const struct ov6_mapping *mapping)
{
	return mapping->hard_expiry && bpf_ktime_get_boot_ns() >= mapping->hard_expiry;
}

static __always_inline struct ov6_mapping *mapping_lookup(const struct in6_addr *address)
{
	struct ov6_mapping *mapping;
	struct ov6_prefix key;

	prefix_of(&key, address);
	mapping = bpf_map_lookup_elem(&mappings, &key);
	return mapping && !mapping_expired(mapping) ? mapping : 0;
}

/* The mapping that counts, or 0. */
static __always_inline struct ov6_mapping *mapping_find(const struct in6_addr *address)
{
	struct ov6_mapping *mapping = mapping_lookup(address);

	return mapping && !(mapping->flags & OV6_MAPPING_FORMER) ? mapping : 0;
}

/* The places that the address moved from, or 0. */
static __always_inline struct ov6_mapping *mapping_find_former(const struct in6_addr *address)
{
	struct ov6_mapping *mapping = mapping_lookup(address);

	return mapping && mapping->flags & OV6_MAPPING_FORMER ? mapping : 0;
}

static __always_inline void mapping_event(__u32 type, __u32 slave, const struct in6_addr *address,
					  __be32 peer, __u64 now)
{
	struct ov6_event *event = bpf_ringbuf_reserve(&events, sizeof(*event), 0);

	if (!event)
		return;
	event->type = type;
	event->slave = slave;
	event->peer = peer;
	event->time = now;
	prefix_of(&event->prefix, address);
	bpf_ringbuf_submit(event, 0);
}

/* Once a second one packet may send events about a mapping, on whichever CPUs it is used. This one? */
static __always_inline int mapping_turn(struct ov6_mapping *mapping, __u64 now)
{
	__u64 next = mapping->next_question;

	return now >= next &&
	       __sync_val_compare_and_swap(&mapping->next_question, next, now + EVENT_INTERVAL_NS) == next;
}

/* In the soft window a use asks for a refresh; of a direct path it is told always. Returns whether it was
 * this packet's turn to. */
static __always_inline int mapping_used(struct ov6_mapping *mapping, const struct in6_addr *address)
{
	__u8 direct = mapping->flags & OV6_MAPPING_DIRECT;
	__u64 now;

	if (!mapping->soft_expiry || mapping->flags & OV6_MAPPING_STATIC)
		return 0;
	now = bpf_ktime_get_boot_ns();
	if ((!direct && now < mapping->soft_expiry) || !mapping_turn(mapping, now))
		return 0;
	mapping_event(direct ? OV6_EVENT_USED : OV6_EVENT_REFRESH, mapping->slave, address, 0, now);
	return 1;
}

/* A direct path past its peer's last answer is only accepted from. */
static __always_inline int mapping_is_silent_path(const struct ov6_mapping *mapping)
{
	return mapping->flags & OV6_MAPPING_DIRECT && bpf_ktime_get_boot_ns() >= mapping->soft_expiry;
}

/* Locators are sorted by priority, best first. Around a direct path, or past one that is silent, the best
 * that is none. */
static __always_inline int mapping_best_locator(const struct ov6_mapping *mapping, int around,
						struct ov6_locator *best)
{
	int silent = around || mapping_is_silent_path(mapping);

	for (__u32 i = 0; i < OV6_MAX_LOCATORS; i++) {
		if (i >= mapping->locator_count)
			break;
		*best = mapping->locators[i];
		if (!silent || !(best->flags & OV6_LOCATOR_FIXED_PORT))
			return best->priority != LOCATOR_ACCEPT_ONLY;
	}
	return 0;
}

/* `port`: the UDP source port it came from. It counts where a NAT may have many behind one address. */
static __always_inline int mapping_has_locator(const struct ov6_mapping *mapping, __be32 address, __be16 port)
{
	for (__u32 i = 0; i < OV6_MAX_LOCATORS; i++) {
		const struct ov6_locator *locator = &mapping->locators[i];

		if (i < mapping->locator_count && locator->address == address &&
		    (!(locator->flags & OV6_LOCATOR_FIXED_PORT) || locator->port == port))
			return 1;
	}
	return 0;
}

/* The direct path to where the route would carry it otherwise, if one can be sent to; or 0. */
static __always_inline struct ov6_mapping *mapping_find_direct(const struct ov6_route *route,
							       const struct in6_addr *address)
{
	struct ov6_mapping *mapping = route->flags & OV6_ROUTE_DIRECT ? mapping_find(address) : 0;

	return mapping && mapping->flags & OV6_MAPPING_DIRECT && !mapping_is_silent_path(mapping) ? mapping
												  : 0;
}

static __always_inline int locator_is(const struct ov6_locator *locator, __be32 address, int udp, __be16 port)
{
	if (locator->address != address || locator->priority == LOCATOR_ACCEPT_ONLY)
		return 0;
	if (locator->encapsulation == OV6_ENCAPSULATION_UDP)
		return udp && locator->port == port;
	return !udp;
}

/* Is that where we send, and in that encapsulation? */
static __always_inline int mapping_sends_to(const struct ov6_mapping *mapping, __be32 address, int udp,
					    __be16 port)
{
	for (__u32 i = 0; i < OV6_MAX_LOCATORS; i++)
		if (i < mapping->locator_count && locator_is(&mapping->locators[i], address, udp, port))
			return 1;
	return 0;
}

#endif
