/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * What an XDP door tells the TC door behind it, in the packet's XDP metadata.
 * Internal to the programs: both are always loaded from the same build.
 */
#ifndef OV6_LIB_MARK_H
#define OV6_LIB_MARK_H

#include "ov6/abi/port.h"

#define MARK_MAGIC 0x6f763601

enum mark_kind {
	MARK_NONE = 0,	   /* no XDP door stood before */
	MARK_FINISH = 1,   /* the packet is unchanged and uncounted: do everything */
	MARK_TO_STACK = 2, /* the stack's, and counted */
};

struct mark {
	__u32 magic;
	__u32 kind; /* enum mark_kind */
};

/* At a slave port: the header was taken off the frame and stands here. */
struct port_mark {
	struct mark mark;
	struct ov6_port_header header;
};

#endif
