/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * The front cache (abi/front.h): entries of addresses that have been decided on, as long as
 * nothing of what was decided by has changed. At XDP doors hit.h does what they say, at TC doors
 * front_decision.h takes it for decided; what misses goes through the tables, which then may leave an entry
 * here. Of all this a CPU writes its own lines only; what CPUs share is written once a second
 * (front_put_off).
 */
#ifndef OV6_LIB_FRONT_H
#define OV6_LIB_FRONT_H

#include "doors.h"

/* What both look-ups of a packet need. */
struct front {
	struct ov6_front_generations *world;
	__u32 key;  /* of the device, without a kind */
	__u32 part; /* where this CPU's sets begin */
	__u32 now;  /* jiffies, low half */
};

struct front_place {
	struct ov6_front_set *set;
	__u32 index; /* the set's */
	__u32 seen;  /* what a candidate is remembered by */
	__u16 tag;
	__u32 home; /* the slot where it is looked for first */
};

static __always_inline struct ov6_front_generations *front_world(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&front_changes, &zero);
}

/* Not 0: there is none, or nothing of it holds. */
static __always_inline int front_open(struct front *f, __u32 ingress)
{
	__u32 cpu = bpf_get_smp_processor_id();
	__u64 now = bpf_jiffies64();

	f->world = front_world();
	if (!f->world || !f->world->sets || now >= *(volatile __u64 *)&f->world->until)
		return -1;
	f->now = now;
	f->key = ov6_front_key(ingress, OV6_FRONT_NONE);
	f->part = cpu * f->world->sets;
	return 0;
}

static __always_inline struct ov6_front_counts *front_counters(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&front_counts, &zero);
}

#define FRONT_NS_PER_SECOND 1000000000ULL
#define FRONT_SWEEP 3 /* entries that the hand goes by at once */
#define FRONT_LANES 0x0001000100010001ULL

/* So that the first tag is in the lowest lane. */
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
#define FRONT_LE64(lanes) (lanes)
#define FRONT_LE16(tag) (tag)
#else
#define FRONT_LE64(lanes) __builtin_bswap64(lanes)
#define FRONT_LE16(tag) __builtin_bswap16(tag)
#endif

/* Of four 16-bit lanes the one that is equal, as its lowest bit; those above it may show, too. */
static __always_inline __u64 front_lanes_equal(__u64 lanes, __u16 tag)
{
	__u64 other = lanes ^ tag * FRONT_LANES;

	return ((other - FRONT_LANES) & ~other) >> 15 & FRONT_LANES;
}

/*
 * Which tag it is: OV6_FRONT_ENTRIES or more for none. All seven are looked at in one go, since random keys
 * would make a loop's branches guess wrong: the first four lanes at bits 0, 16, 32, 48 and the others at 4,
 * 20, 36, of which the lowest picks its own number from the top of a multiplication.
 */
static __always_inline __u32 front_slot(const struct ov6_front_set *set, __u16 tag)
{
	const __u64 *tags = (const __u64 *)set->tags;
	__u64 equal = front_lanes_equal(FRONT_LE64(tags[0]), FRONT_LE16(tag)) |
		      (front_lanes_equal(FRONT_LE64(tags[1]), FRONT_LE16(tag)) & FRONT_LANES >> 16) << 4;

	return equal ? 0x0400150026003700ULL * (equal & -equal) >> 60 : OV6_FRONT_ENTRIES;
}

static __always_inline int front_is(const struct ov6_front_entry *e, const struct in6_addr *address,
				    __u32 key)
{
	const __u64 *is = (const __u64 *)e->address, *wanted = (const __u64 *)address;

	return !((is[0] ^ wanted[0]) | (is[1] ^ wanted[1]) | (e->key ^ key));
}

/* Where it is or would be. Returns not 0 if there is no such set. */
static __always_inline int front_find(const struct front *f, const struct in6_addr *address, __u32 key,
				      struct front_place *place)
{
	__u64 hash = ov6_front_hash(f->world->seeds, address->s6_addr32, key);
	__u32 home = ov6_front_home(hash), index = f->part + ov6_front_index(hash, f->world->sets);

	place->index = index;
	place->set = bpf_map_lookup_elem(&front, &index);
	if (!place->set)
		return -1;
	place->tag = ov6_front_tag(hash);
	place->seen = hash >> 16;
	hook_opaque(home); /* whoever compares it with a bound is to compare this */
	place->home = home;
	return home >= OV6_FRONT_ENTRIES;
}

/* Where its tag is; OV6_FRONT_ENTRIES or more: nowhere. */
static __always_inline __u32 front_tagged(const struct front_place *place)
{
	__u32 slot = front_slot(place->set, place->tag);

	hook_opaque(slot);
	return slot;
}

static __always_inline __u32 front_locator_generation(const struct front *f, __u32 on)
{
	__u32 number = on >> OV6_FRONT_ON_LOCATOR_SHIFT & OV6_FRONT_ON_LOCATOR;

	return *(volatile __u32 *)&f->world->locators[number];
}

/* What an entry must not be older than; a way's locator is one more. */
static __always_inline __u32 front_generation(const struct front *f, __u32 on, __u8 kind)
{
	const struct ov6_front_generations *world = f->world;
	__u32 sum = *(volatile __u32 *)&world->all +
		    *(volatile __u32 *)&world->destinations[on & OV6_FRONT_ON_DESTINATION];

	if (kind == OV6_FRONT_TUNNEL || kind == OV6_FRONT_WAY)
		sum += front_locator_generation(f, on);
	return sum;
}

static __always_inline __u32 front_on_destination(const struct front *f, const struct in6_addr *address)
{
	return ov6_front_destination(f->world->seeds, address->s6_addr32);
}

static __always_inline __u32 front_on_locator(const struct front *f, __be32 locator)
{
	return ov6_front_locator(f->world->seeds, locator) << OV6_FRONT_ON_LOCATOR_SHIFT;
}

static __always_inline int front_holds(const struct front *f, const struct ov6_front_entry *e, __u8 kind)
{
	__u32 left = e->until - f->now;

	return e->generation == front_generation(f, e->on, kind) &&
	       left - 1 < (__u32)OV6_FRONT_LIFE_SECONDS * f->world->ticks_per_second;
}

static __always_inline const struct ov6_front_entry *front_get(const struct front *f,
							       const struct in6_addr *address, __u8 kind)
{
	__u32 key = f->key | kind;
	struct ov6_front_entry *e;
	struct front_place place;
	__u32 slot;

	if (front_find(f, address, key, &place))
		return 0;
	e = &place.set->entries[place.home];
	if (!front_is(e, address, key)) {
		slot = front_tagged(&place);
		if (slot >= OV6_FRONT_ENTRIES)
			return 0;
		e = &place.set->entries[slot];
		if (!front_is(e, address, key))
			return 0;
	}
	if (!front_holds(f, e, kind))
		return 0;
	if (!(e->on & OV6_FRONT_REFERENCED) && !(f->world->flags & OV6_FRONT_LOOK))
		e->on |= OV6_FRONT_REFERENCED;
	return e;
}

/*
 * Counts, and orders what is read before it before what is read after it, on every machine: an atomic that
 * returns a value does. The line is this CPU's own. Writers change a table first and add to its generation
 * then, so whoever reads them the other way round has either the new table or the old generation.
 */
static __always_inline void front_ordered(__u64 *counter)
{
	__u64 before = __sync_fetch_and_add(counter, 1);

	hook_opaque(before);
}

/*
 * Once a second, by the first who finds that the front holds no more. If nobody is there who would tell of
 * changes, or was it lately, all of it is forgotten. While a monitor looks nothing holds, so that it sees
 * every packet; it may have begun since it was looked for.
 */
static __always_inline void front_put_off(struct ov6_front_generations *world)
{
	__u64 now = bpf_jiffies64(), until = *(volatile __u64 *)&world->until;

	if (!world->sets || now < until || monitor_looks())
		return;
	if (__sync_val_compare_and_swap(&world->until, until, now + world->ticks_per_second) != until)
		return;
	if (!__sync_lock_test_and_set(&world->told, 0))
		__sync_fetch_and_add(&world->all, 1);
	if (monitor_looks())
		world->until = 0;
}

static __always_inline void front_before(const struct packet *p, struct front_before *before)
{
	struct ov6_front_counts *counts = front_counters();
	struct ov6_front_generations *world = front_world();
	struct front f;

	if (!counts || !world)
		return;
	front_put_off(world);
	if (front_open(&f, p->ingress))
		return;
	before->source = front_generation(&f, front_on_destination(&f, &p->ip6.saddr), OV6_FRONT_NONE);
	before->destination = front_generation(&f, front_on_destination(&f, &p->ip6.daddr), OV6_FRONT_NONE);
	front_ordered(&counts->misses);
}

/*
 * At home it is found without its tag, so it comes there if nobody is who holds and was used. Else second
 * chance: whoever was used since the hand came by stays, if there are not too many in a row.
 */
static __always_inline __u32 front_victim(const struct front *f, struct ov6_front_set *set, __u32 home)
{
	__u32 slot = set->hand;

	if (!(set->entries[home].on & OV6_FRONT_REFERENCED) ||
	    !front_holds(f, &set->entries[home], ov6_front_kind(&set->entries[home])))
		return home;
	for (int i = 0; i < FRONT_SWEEP; i++) {
		slot = (slot + 1) % OV6_FRONT_ENTRIES;
		hook_opaque(slot);
		if (slot >= OV6_FRONT_ENTRIES || !(set->entries[slot].on & OV6_FRONT_REFERENCED))
			break;
		set->entries[slot].on &= ~OV6_FRONT_REFERENCED;
	}
	set->hand = slot;
	return slot;
}

/* Seen before? If not it is remembered, in the place of whoever has been for longest. */
static __always_inline int front_is_candidate(struct ov6_front_set *set, __u32 seen)
{
	const __u32 *before = set->candidates;

	if (before[0] == seen || before[1] == seen || before[2] == seen || before[3] == seen)
		return 1;
	set->candidate_hand = (set->candidate_hand + 1) % OV6_FRONT_CANDIDATES;
	set->candidates[set->candidate_hand % OV6_FRONT_CANDIDATES] = seen;
	return 0;
}

/* By its number, which is what ov6_front_admit returns: the set's times eight, and its own. */
static __always_inline struct ov6_front_entry *front_entry(__u32 number)
{
	__u32 index = number >> 3, slot = number & 7;
	struct ov6_front_set *set = bpf_map_lookup_elem(&front, &index);

	hook_opaque(
	    slot); /* else it is compared with 7 for being the same, from which Linux 6.1 concludes nothing */
	return set && slot < OV6_FRONT_ENTRIES ? &set->entries[slot] : 0;
}

/* Whoever has the home of one that is seen for the first time is to be used until the second, or to go. */
static __always_inline int front_admit_new(const struct front *f, const struct front_place *place,
					   struct ov6_front_counts *counts)
{
	__u32 slot;

	if (!front_is_candidate(place->set, place->seen)) {
		place->set->entries[place->home].on &= ~OV6_FRONT_REFERENCED;
		return -1;
	}
	slot = front_victim(f, place->set, place->home);
	hook_opaque(slot);
	if (slot >= OV6_FRONT_ENTRIES)
		return -1;
	counts->evicted += place->set->tags[slot] != 0;
	place->set->tags[slot] = place->tag;
	return slot;
}

/*
 * The number of the entry to be filled, made nobody's, or -1: the key has one that holds, or was never seen
 * before. A scan comes by each address once, and so takes nobody's place. A function of its own for the
 * verifier.
 */
__noinline int ov6_front_admit(const struct packet *p, __u32 kind)
{
	struct ov6_front_counts *counts = front_counters();
	const struct in6_addr *address;
	struct ov6_front_entry *e;
	struct front_place place;
	struct front f;
	__u32 key;
	int slot;

	if (!p || !counts || front_open(&f, p->ingress))
		return -1;
	key = f.key | kind;
	address = kind == OV6_FRONT_SOURCE_OUT || kind == OV6_FRONT_SOURCE_IN ? &p->ip6.saddr : &p->ip6.daddr;
	if (front_find(&f, address, key, &place))
		return -1;
	slot = place.home;
	if (!front_is(&place.set->entries[place.home], address, key))
		slot = front_tagged(&place);
	if (slot >= OV6_FRONT_ENTRIES)
		slot = front_admit_new(&f, &place, counts);
	if (slot < 0 || slot >= OV6_FRONT_ENTRIES)
		return -1;
	e = &place.set->entries[slot];
	if (front_is(e, address, key) && front_holds(&f, e, kind))
		return -1;
	e->key = 0;
	front_ordered(&counts->filled);
	return place.index << 3 | slot;
}

static __always_inline struct ov6_front_entry *front_admit(const struct packet *p, __u8 kind)
{
	int number = ov6_front_admit(p, kind);
	struct ov6_front_entry *e = number < 0 ? 0 : front_entry(number);

	if (e)
		__builtin_memset(e, 0, sizeof(*e));
	return e;
}

static __always_inline void front_end(__u64 *left, __u64 end, __u64 now)
{
	if (end > now && end - now < *left)
		*left = end - now;
}

/* For how many jiffies: until its life is over, something ends, or a use of the mapping is to be told
 * (mapping_used). */
static __always_inline __u32 front_ticks(const struct front *f, const struct ov6_mapping *mapping,
					 const struct ov6_path *path)
{
	__u64 now = bpf_ktime_get_boot_ns(), left = OV6_FRONT_LIFE_SECONDS * FRONT_NS_PER_SECOND;

	if (mapping) {
		front_end(&left, mapping->hard_expiry, now);
		front_end(&left, mapping->soft_expiry, now);
		front_end(&left, mapping->next_question, now);
	}
	if (path)
		front_end(&left, path->mtu_expiry, now);
	return left * f->world->ticks_per_second / FRONT_NS_PER_SECOND;
}

/* Last of all the key, without which it is nobody's. `locator`: as front_on_locator, or 0. Of its time up to
 * a quarter is taken, or all that came together would end together. */
static __always_inline void front_fill(const struct front *f, struct ov6_front_entry *e,
				       const struct in6_addr *address, __u8 kind, __u32 generation,
				       __u32 locator, __u32 ticks)
{
	__builtin_memcpy(e->address, address, sizeof(e->address));
	e->on |= front_on_destination(f, address) | locator;
	e->generation = generation;
	e->until = f->now + ticks - (ticks * (e->on & OV6_FRONT_ON_DESTINATION) >> 16);
	e->key = f->key | kind;
}

static __always_inline void front_fill_link(struct ov6_front_entry *e, const struct decision *d)
{
	e->egress = d->fib.ifindex;
	__builtin_memcpy(e->to, d->fib.dmac, ETH_ALEN);
	__builtin_memcpy(e->from, d->fib.smac, ETH_ALEN);
}

/* The sum of what encap_ip writes, but for what differs from packet to packet. */
static __always_inline void front_fill_outer(struct ov6_front_entry *e, const struct packet *p,
					     const struct decision *d)
{
	struct iphdr ip = {};

	encap_ip(&ip, p, d);
	ip.tos &= ~ECN_MASK;
	ip.tot_len = 0;
	ip.check = 0;
	e->on |= (__u32)(ip.tos >> 2) << OV6_FRONT_DSCP_SHIFT;
	e->check = csum_reduce(csum_add(0, &ip, sizeof(ip)));
	e->source = ip.saddr;
	e->destination = ip.daddr;
	e->source_port = d->tunnel.source_port;
	e->destination_port = d->tunnel.locator.port;
}

/* To a device that XDP can't send to everything is left to TC. */
static __always_inline int front_leaves(const struct decision *d)
{
	return !d->by_stack && !device_is_xdp_target(d->fib.ifindex);
}

/* Without room; how much there would be stands elsewhere, and nothing of an outer header. */
static __always_inline void front_fill_room(struct ov6_front_entry *e, const struct decision *d, __u32 mtu)
{
	if (!front_leaves(d)) {
		e->mtu = mtu;
		return;
	}
	e->check = mtu;
	e->on &= (1U << OV6_FRONT_DSCP_SHIFT) - 1;
}

/* Only of what is sent to alone, whole, from port to port or from none to none. */
static __always_inline int front_keeps_tunnel(const struct decision *d)
{
	int udp = d->tunnel.locator.encapsulation == OV6_ENCAPSULATION_UDP;

	return d->act == ACT_TUNNEL && !d->strip && !d->tunnel.fragmentable &&
	       (hook_can_send(d) || front_leaves(d)) && !d->tunnel.locator.port == !udp;
}

/* The path's MTU is read once more, after its generation. */
static __always_inline void front_keep_tunnel(const struct front *f, const struct packet *p,
					      const struct decision *d, __u32 generation)
{
	__u32 mtu, overhead = locator_overhead(&d->tunnel.locator), ticks;
	__u32 on = front_on_locator(f, d->tunnel.locator.address);
	struct ov6_front_entry *e;
	struct ov6_mapping *mapping;

	generation += front_locator_generation(f, on);
	e = front_admit(p, OV6_FRONT_TUNNEL);
	if (!e)
		return;
	mapping = mapping_find(&p->ip6.daddr);
	mtu = locator_mtu(d, fib_mtu(d));
	ticks = front_ticks(f, mapping, path_find(d->tunnel.locator.address));
	if (!mapping || mtu < OV6_MIN_MTU + overhead)
		return;
	front_fill_link(e, d);
	front_fill_outer(e, p, d);
	front_fill_room(e, d, mtu - overhead);
	front_fill(f, e, &p->ip6.daddr, OV6_FRONT_TUNNEL, generation, on, ticks);
}

static __always_inline void front_keep_host(const struct front *f, const struct packet *p,
					    const struct decision *d, __u8 kind, __u32 generation)
{
	struct ov6_front_entry *e = front_admit(p, kind);

	if (!e)
		return;
	front_fill_link(e, d);
	front_fill_room(e, d, fib_mtu(d));
	if (front_leaves(d) && hook_carries(d, fib_mtu(d)))
		e->on |= OV6_FRONT_CARRIED;
	front_fill(f, e, &p->ip6.daddr, kind, generation, 0, front_ticks(f, 0, 0));
}

/* From one site into another XDP has no way of its own, only one to TC. */
static __always_inline int front_keeps_left(const struct decision *d)
{
	return d->act == ACT_FORWARD && front_leaves(d);
}

/* A slave that carries what it gets: no budget is asked, and nothing but its port and failures decide. */
static __always_inline int front_keeps_port(const struct decision *d)
{
	return d->act == ACT_PUNT && d->punt.carried;
}

static __always_inline void front_keep_port(const struct front *f, const struct packet *p,
					    const struct decision *d, __u32 generation)
{
	struct ov6_front_entry *e = front_admit(p, OV6_FRONT_TUNNEL);
	struct ov6_front_port *port = (void *)e;

	if (!e)
		return;
	port->slave = d->punt.slave;
	port->slot = d->punt.slot;
	port->mtu = device_mtu(d->punt.device) - sizeof(struct ov6_port_header);
	front_fill(f, e, &p->ip6.daddr, OV6_FRONT_TUNNEL, generation, 0, front_ticks(f, 0, 0));
}

static __always_inline void front_keep_source_out(const struct front *f, const struct packet *p,
						  __u32 generation)
{
	struct ov6_device *device = device_find(p->ingress);
	struct ov6_front_entry *e = device ? front_admit(p, OV6_FRONT_SOURCE_OUT) : 0;

	if (!e)
		return;
	__builtin_memcpy(e->to, device->mac, ETH_ALEN);
	front_fill(f, e, &p->ip6.saddr, OV6_FRONT_SOURCE_OUT, generation, 0, front_ticks(f, 0, 0));
}

/* May it send from whichever port? */
static __always_inline int front_any_port(const struct ov6_mapping *mapping, __be32 address)
{
	for (__u32 i = 0; i < OV6_MAX_LOCATORS; i++)
		if (i < mapping->locator_count && mapping->locators[i].address == address &&
		    !(mapping->locators[i].flags & OV6_LOCATOR_FIXED_PORT))
			return 1;
	return 0;
}

/* The source's own mapping vouches for it, and not a former place of the destination. */
static __always_inline void front_keep_source_in(const struct front *f, const struct packet *p,
						 __u32 generation)
{
	struct ov6_device *device = device_find(p->ingress);
	struct ov6_front_entry *e = device ? front_admit(p, OV6_FRONT_SOURCE_IN) : 0;
	struct ov6_mapping *mapping;
	int any;

	if (!e)
		return;
	mapping = mapping_find(&p->ip6.saddr);
	any = mapping && front_any_port(mapping, p->outer_source);
	if (!mapping ||
	    (!any && (!p->outer_port || !mapping_has_locator(mapping, p->outer_source, p->outer_port))))
		return;
	e->source_port = any ? 0 : p->outer_port;
	e->source = p->outer_source;
	e->destination = device->address;
	e->destination_port = device->udp_port;
	__builtin_memcpy(e->to, device->mac, ETH_ALEN);
	front_fill(f, e, &p->ip6.saddr, OV6_FRONT_SOURCE_IN, generation, 0, front_ticks(f, mapping, 0));
}

/* Behind the decision on a packet from a site. A function of its own for the verifier: see act.h. */
__noinline int ov6_front_after_site(struct packet *p, struct decision *d, __u32 source, __u32 destination)
{
	struct front f;

	if (!p || !d || (!front_keeps_tunnel(d) && !front_keeps_left(d) && !front_keeps_port(d)) ||
	    front_open(&f, p->ingress) || f.world->flags & OV6_FRONT_LOOK)
		return 0;
	front_keep_source_out(&f, p, source);
	if (front_keeps_tunnel(d)) {
		front_keep_tunnel(&f, p, d, destination);
		return 0;
	}
	destination += front_locator_generation(&f, 0); /* front_holds adds it to every tunnel's */
	if (front_keeps_port(d))
		front_keep_port(&f, p, d, destination);
	else
		front_keep_host(&f, p, d, OV6_FRONT_TUNNEL, destination);
	return 0;
}

/* Behind the decision on a packet from the underlay. */
__noinline int ov6_front_after_underlay(struct packet *p, struct decision *d, __u32 source, __u32 destination)
{
	struct front f;

	if (!p || !d || d->act != ACT_FORWARD || (!hook_can_send(d) && !front_leaves(d)) ||
	    front_open(&f, p->ingress) || f.world->flags & OV6_FRONT_LOOK)
		return 0;
	front_keep_source_in(&f, p, source);
	front_keep_host(&f, p, d, OV6_FRONT_SITE, destination);
	return 0;
}

#endif
