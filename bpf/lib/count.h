/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one counter every packet moves, where it ends. */
#ifndef OV6_LIB_COUNT_H
#define OV6_LIB_COUNT_H

#include "monitor.h"

static __always_inline void count_packets(__u32 verdict, __u32 packets, __u32 bytes)
{
	struct ov6_count *counter = bpf_map_lookup_elem(&verdicts, &verdict);

	if (!counter)
		return;
	counter->packets += packets;
	counter->bytes += bytes;
}

static __always_inline void count(const struct packet *p, __u32 verdict)
{
	sight(p, verdict);
	count_packets(verdict, p->segments, p->counted);
}

#endif
