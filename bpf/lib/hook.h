/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One of the two hooks: a TC program defines OV6_HOOK_TC before its first include. */
#ifdef OV6_HOOK_TC
#include "hook_tc.h"
#else
#include "hook_xdp.h"
#endif
