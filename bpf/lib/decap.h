/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Writing the inner header back, with its new hop limit and ECN, and taking the outer ones off. */
#ifndef OV6_LIB_DECAP_H
#define OV6_LIB_DECAP_H

#include "hook.h"

#define DECAP_CHANGED 8 /* bytes of the IPv6 header that may have changed: up to the hop limit */

static __always_inline int decap(hook_ctx *ctx, struct packet *p, __u8 strip)
{
	if (hook_store(ctx, HOOK_LINK + p->strip, &p->ip6, DECAP_CHANGED))
		return -1;
	p->strip -= strip;
	return strip ? hook_decapsulate(ctx, strip) : 0;
}

#endif
