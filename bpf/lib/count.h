/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The one counter every packet moves, where it ends. */
#ifndef OV6_LIB_COUNT_H
#define OV6_LIB_COUNT_H

#include "monitor.h"

static __always_inline void count(const struct packet *p, __u32 verdict)
{
	struct ov6_count *counter = bpf_map_lookup_elem(&verdicts, &verdict);

	sight(p, verdict);
	if (!counter)
		return;
	counter->packets += p->segments;
	counter->bytes += p->counted;
}

#endif
