/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the doors have in common: the packet before anything is known of it. */
#ifndef OV6_LIB_DOORS_H
#define OV6_LIB_DOORS_H

#include "act.h"
#include "site.h"
#include "underlay.h"

/* The front's generations before the tables are asked about a packet's addresses (front.h). */
struct front_before {
	__u32 source;
	__u32 destination;
};

/*
 * What is known of the packet in hand, off the stack: that has 512 bytes for a whole
 * chain of calls, and this would take half of them. A CPU runs one door at a time.
 */
struct door {
	struct packet packet;
	struct decision decision;
	struct front_before before;
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct door);
} door_state SEC(".maps");

/* 0 never happens, but the verifier can't know. */
static __always_inline struct door *door_open(hook_ctx *ctx, __u8 origin)
{
	__u32 zero = 0;
	struct door *door = bpf_map_lookup_elem(&door_state, &zero);

	if (!door)
		return 0;
	__builtin_memset(door, 0, sizeof(*door));
	door->packet.origin = origin;
	door->packet.ingress = hook_ifindex(ctx);
	door->packet.counted = hook_length(ctx) - HOOK_LINK;
	door->packet.segments = hook_segments(ctx);
	return door;
}

#endif
