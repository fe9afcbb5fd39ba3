/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs tell user space through the ring buffer "events". */
#ifndef OV6_ABI_EVENT_H
#define OV6_ABI_EVENT_H

#include "base.h"

enum ov6_event_type {
	OV6_EVENT_REFRESH = 1, /* a mapping past its soft expiry is in use */
	/* a peer still sends here what has moved: it went on. Once a second for each mapping of a source. */
	OV6_EVENT_RELAYED = 2,
	OV6_EVENT_USED = 3, /* a direct path was used. Once a second for each mapping. */
};

struct ov6_event {
	__u32 type;		  /* enum ov6_event_type */
	__u32 slave;		  /* REFRESH, USED: the mapping's slave; RELAYED: the route's */
	struct ov6_prefix prefix; /* 128 bits: REFRESH, USED: the destination (or inbound source) that was in
				     use; RELAYED: the inner destination */
	__be32 peer;		  /* RELAYED: who sent it, the outer source; else 0 */
	__u64 time;
};
OV6_SIZE(struct ov6_event, 40);

#endif
