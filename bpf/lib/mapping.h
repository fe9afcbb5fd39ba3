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

/* In the soft window a use asks for a refresh. Returns whether it was this packet's turn to. */
static __always_inline int mapping_used(struct ov6_mapping *mapping, const struct in6_addr *address)
{
	__u64 now;

	if (!mapping->soft_expiry || mapping->flags & OV6_MAPPING_STATIC)
		return 0;
	now = bpf_ktime_get_boot_ns();
	if (now < mapping->soft_expiry || !mapping_turn(mapping, now))
		return 0;
	mapping_event(OV6_EVENT_REFRESH, mapping->slave, address, 0, now);
	return 1;
}

/* Locators are sorted by priority, best first. */
static __always_inline int mapping_best_locator(const struct ov6_mapping *mapping, struct ov6_locator *best)
{
	*best = mapping->locators[0];
	return mapping->locator_count && best->priority != LOCATOR_ACCEPT_ONLY;
}

static __always_inline int mapping_has_locator(const struct ov6_mapping *mapping, __be32 address)
{
	for (__u32 i = 0; i < OV6_MAX_LOCATORS; i++)
		if (i < mapping->locator_count && mapping->locators[i].address == address)
			return 1;
	return 0;
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
