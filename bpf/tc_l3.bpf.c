// SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause
/* The doors of devices whose packets have no Ethernet header: TUN and PPP. XDP has no place there. */
#define OV6_HOOK_TC
#define OV6_HOOK_NO_LINK
#include "lib/door_tc.h"

SEC("tc")
int tc_site_l3(struct __sk_buff *ctx)
{
	return door_site(ctx);
}

SEC("tc")
int tc_underlay_l3(struct __sk_buff *ctx)
{
	return door_underlay(ctx);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
