/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* One of the two hooks: a TC program defines OV6_HOOK_TC before its first include. */

/* What the compiler knows of the variable it forgets. */
#define hook_opaque(variable) asm volatile("" : "+r"(variable))

#ifdef OV6_HOOK_TC
#include "hook_tc.h"
#else
#include "hook_xdp.h"
#endif
