/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Devices and the configuration. */
#ifndef OV6_LIB_DEVICE_H
#define OV6_LIB_DEVICE_H

#include "address.h"
#include "maps.h"
#include "packet.h"

static __always_inline struct ov6_config *config_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&config, &zero);
}

static __always_inline int config_enabled(void)
{
	struct ov6_config *c = config_get();

	return c && c->flags & OV6_CONFIG_ENABLED;
}

static __always_inline struct ov6_device *device_find(__u32 ifindex)
{
	return bpf_map_lookup_elem(&devices, &ifindex);
}

/* ov6-self, if there is one: the way into the stack for packets of our own. */
static __always_inline struct ov6_device *device_self(void)
{
	struct ov6_config *c = config_get();

	return c && c->fib_ifindex ? device_find(c->fib_ifindex) : 0;
}

static __always_inline struct ov6_device *device_with_role(__u32 ifindex, __u8 role)
{
	struct ov6_device *device = device_find(ifindex);

	return device && device->role == role ? device : 0;
}

/* Unknown devices may be bigger; the kernel knows their MTU. */
static __always_inline __u32 device_mtu(__u32 ifindex)
{
	struct ov6_device *device = device_find(ifindex);

	return device && device->mtu ? device->mtu : 0xffff;
}

static __always_inline int device_is_xdp_target(__u32 ifindex)
{
	struct ov6_device *device = device_find(ifindex);

	return device && device->flags & OV6_DEVICE_XDP_TARGET;
}

static __always_inline int device_has_no_link(__u32 ifindex)
{
	struct ov6_device *device = device_find(ifindex);

	return device && device->flags & OV6_DEVICE_NO_LINK;
}

static __always_inline int device_is_elsewhere(__u32 ifindex)
{
	struct ov6_device *device = device_find(ifindex);

	return device && device->flags & OV6_DEVICE_ELSEWHERE;
}

struct device_search {
	__be32 address;	       /* underlay_has_address: what is looked for */
	struct in6_addr found; /* device_any_icmp_source */
	__u32 hit;
};

static long device_match_address(void *map, const void *key, void *value, void *argument)
{
	struct ov6_device *device = value;
	struct device_search *search = argument;

	if (device->role != OV6_DEVICE_UNDERLAY || device->address != search->address)
		return 0;
	search->hit = 1;
	return 1;
}

/* Walks all devices: for ways that end in a drop only. */
static __always_inline int underlay_has_address(__be32 address)
{
	struct device_search search = {.address = address};

	bpf_for_each_map_elem(&devices, device_match_address, &search, 0);
	return search.hit;
}

static long device_match_source(void *map, const void *key, void *value, void *argument)
{
	struct ov6_device *device = value;
	struct device_search *search = argument;

	__builtin_memcpy(&search->found, device->icmp_source, sizeof(search->found));
	if (device->role != OV6_DEVICE_SITE || in6_unspecified(&search->found))
		return 0;
	search->hit = 1;
	return 1;
}

/* The address ICMPv6 errors come from: the device's, else that of any site device. */
static __always_inline int device_icmp_source(__u32 ifindex, struct in6_addr *source)
{
	struct ov6_device *device = device_find(ifindex);
	struct device_search search = {};

	if (device && device_match_source(0, 0, device, &search) == 0)
		bpf_for_each_map_elem(&devices, device_match_source, &search, 0);
	*source = search.found;
	return search.hit;
}

#endif
