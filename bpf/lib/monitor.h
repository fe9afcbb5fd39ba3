/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Showing packets to "ov6ctl monitor", while it asks for them (abi/monitor.h). */
#ifndef OV6_LIB_MONITOR_H
#define OV6_LIB_MONITOR_H

#include "maps.h"
#include "packet.h"

static __always_inline __u32 monitor_class(__u32 verdict)
{
	switch (verdict) {
#define MONITOR_drop OV6_MONITOR_DROP
#define MONITOR_forward OV6_MONITOR_FORWARD
#define MONITOR_pass OV6_MONITOR_PASS
#define MONITOR_punt OV6_MONITOR_PUNT
#define MONITOR_answer OV6_MONITOR_ANSWER
#define MONITOR_CASE(number, name, class_, sentence, remedy)                                                 \
	case number:                                                                                         \
		return MONITOR_##class_;
		OV6_VERDICTS(MONITOR_CASE)
#undef MONITOR_CASE
	default:
		return OV6_MONITOR_DROP;
	}
}

static __always_inline void sighting_fill(struct ov6_sighting *s, const struct packet *p, __u32 verdict)
{
	__builtin_memset(s, 0, sizeof(*s));
	s->time = bpf_ktime_get_boot_ns();
	s->verdict = verdict;
	s->ingress = p->ingress;
	s->bytes = p->counted;
	s->outer_source = p->outer_source;
	s->next_header = p->ip6.nexthdr;
	s->hop_limit = p->ip6.hop_limit;
	__builtin_memcpy(s->source, &p->ip6.saddr, sizeof(s->source));
	__builtin_memcpy(s->destination, &p->ip6.daddr, sizeof(s->destination));
}

/* A function of its own for the verifier: see act.h. */
__noinline int ov6_sight(const struct packet *p, __u32 verdict)
{
	__u32 zero = 0;
	struct ov6_monitor *asked = bpf_map_lookup_elem(&monitor, &zero);
	struct ov6_sighting *sighting;

	if (!p || !asked || !(asked->wanted & monitor_class(verdict)) ||
	    bpf_ktime_get_boot_ns() > asked->until)
		return 0;
	sighting = bpf_ringbuf_reserve(&sightings, sizeof(*sighting), 0);
	if (!sighting) {
		__sync_fetch_and_add(&asked->lost, 1);
		return 0;
	}
	sighting_fill(sighting, p, verdict);
	bpf_ringbuf_submit(sighting, 0);
	return 0;
}

/* Is every packet to be looked at? */
static __always_inline int monitor_looks(void)
{
	__u32 zero = 0;
	struct ov6_monitor *asked = bpf_map_lookup_elem(&monitor, &zero);

	return asked && asked->wanted && bpf_ktime_get_boot_ns() <= asked->until;
}

static __always_inline void sight(const struct packet *p, __u32 verdict)
{
	__u32 zero = 0;
	struct ov6_monitor *asked = bpf_map_lookup_elem(&monitor, &zero);

	if (asked && asked->wanted)
		ov6_sight(p, verdict);
}

#endif
