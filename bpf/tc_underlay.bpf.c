// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The full door of an underlay device, behind the XDP door or alone. */
#define OV6_HOOK_TC
#include "lib/door_tc.h"

SEC("tc")
int tc_underlay(struct __sk_buff *ctx)
{
	if (mark_kind(ctx) == MARK_TO_STACK)
		return TC_ACT_OK;
	return door_underlay(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
