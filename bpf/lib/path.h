/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* What is known of the way to a tunnel peer: the path MTU that routers on it told us (RFC 1191). */
#ifndef OV6_LIB_PATH_H
#define OV6_LIB_PATH_H

#include "device.h"
#include "hook.h"

#define PATH_NS_PER_SECOND 1000000000ULL

static __always_inline struct ov6_path *path_find(__be32 address)
{
	return bpf_map_lookup_elem(&locators, &address);
}

/* Of whom we have sent to, an error is believed; the entry is what remembers it. */
static __always_inline void path_begin(__be32 address)
{
	struct ov6_path fresh = {};

	bpf_map_update_elem(&locators, &address, &fresh, BPF_NOEXIST);
}

/* Biggest outer packet that gets through; 0: nobody complained, or long ago. */
static __always_inline __u32 path_mtu(const struct ov6_path *path)
{
	if (!path->mtu || bpf_ktime_get_boot_ns() >= path->mtu_expiry)
		return 0;
	return path->mtu;
}

static __always_inline __u64 path_lifetime(void)
{
	struct ov6_config *c = config_get();
	__u32 seconds = c && c->path_mtu_lifetime ? c->path_mtu_lifetime : OV6_DEFAULT_PATH_MTU_LIFETIME;

	return seconds * PATH_NS_PER_SECOND;
}

/* The front's entries that were made of what was known before. */
static __always_inline void path_changed(__be32 address)
{
	__u32 zero = 0;
	struct ov6_front_generations *now = bpf_map_lookup_elem(&front_changes, &zero);
	__u32 before;

	if (!now)
		return;
	before = __sync_fetch_and_add(&now->locators[ov6_front_locator(now->seeds, address)], 1);
	hook_opaque(before); /* an atomic that returns a value orders the path's change before */
}

/* RFC 1191 section 3: an error never raises it; only time does. */
static __always_inline void path_lower(__be32 address, __u16 mtu)
{
	struct ov6_path *path = path_find(address);
	struct ov6_path lowered = {.mtu = mtu};
	__u32 known = path ? path_mtu(path) : 0;

	if (known && known < mtu)
		return;
	lowered.mtu_expiry = bpf_ktime_get_boot_ns() + path_lifetime();
	bpf_map_update_elem(&locators, &address, &lowered, BPF_ANY);
	if (known != mtu)
		path_changed(address);
}

#endif
