/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one counter every packet moves, where it ends. */
#ifndef OV6_LIB_COUNT_H
#define OV6_LIB_COUNT_H

#include "monitor.h"

/* `front`: packets that the front decided on, of so many. */
static __always_inline void count_packets(__u32 verdict, __u32 packets, __u32 bytes, __u32 front)
{
	struct ov6_count *counter = bpf_map_lookup_elem(&verdicts, &verdict);

	if (!counter)
		return;
	counter->packets += packets;
	counter->bytes += bytes;
	counter->front += front;
}

static __always_inline void count(const struct packet *p, __u32 verdict)
{
	sight(p, verdict);
	count_packets(verdict, p->segments, p->counted, p->known);
}

#endif
