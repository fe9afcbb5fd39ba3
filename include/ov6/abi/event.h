/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What the programs tell user space through the ring buffer "events". */
#ifndef OV6_ABI_EVENT_H
#define OV6_ABI_EVENT_H

#include "base.h"

enum ov6_event_type {
	OV6_EVENT_REFRESH = 1, /* a mapping past its soft expiry is in use */
};

struct ov6_event {
	__u32 type;		  /* enum ov6_event_type */
	__u32 slave;		  /* REFRESH: the mapping's slave */
	struct ov6_prefix prefix; /* REFRESH: 128 bits, the destination (or inbound source) that was in use */
	__u32 reserved;
	__u64 time;
};
OV6_SIZE(struct ov6_event, 40);

#endif
