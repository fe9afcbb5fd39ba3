/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* RFC 6040: how the two ECN bits travel through the tunnel. */
#ifndef OV6_LIB_ECN_H
#define OV6_LIB_ECN_H

#include <linux/types.h>

enum ecn {
	ECN_NOT_ECT = 0,
	ECN_ECT1 = 1,
	ECN_ECT0 = 2,
	ECN_CE = 3,
	ECN_MASK = 3,
	ECN_DROP = 4, /* no codepoint: not-ECT inside CE */
};

/* Section 4.2, figure 4: the inner field on leaving the tunnel. */
static __always_inline __u8 ecn_decapsulate(__u8 inner, __u8 outer)
{
	if (outer == ECN_CE)
		return inner == ECN_NOT_ECT ? ECN_DROP : ECN_CE;
	if (outer == ECN_ECT1 && inner == ECN_ECT0)
		return ECN_ECT1;
	return inner;
}

#endif
