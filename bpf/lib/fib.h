/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* The kernel's routes: next hop, MTU and, where known, the neighbour's MAC address. */
#ifndef OV6_LIB_FIB_H
#define OV6_LIB_FIB_H

#include "device.h"
#include "hook.h"
#include "packet.h"

#define FIB_AF_INET 2
#define FIB_AF_INET6 10

/* BPF_FIB_LKUP_RET_*. A length of 1 asks for the route's MTU without judging the packet. */
static __always_inline int fib_ask(hook_ctx *ctx, struct packet *p, struct decision *d)
{
	struct ov6_config *c = config_get();
	int answer;

	d->fib.tot_len = 1;
	d->fib.ifindex = c && c->fib_ifindex ? c->fib_ifindex : p->ingress;
	answer = bpf_fib_lookup(ctx, &d->fib, sizeof(d->fib), 0);
	d->neighbour = answer == BPF_FIB_LKUP_RET_SUCCESS;
	return answer == BPF_FIB_LKUP_RET_NO_NEIGH ? BPF_FIB_LKUP_RET_SUCCESS : answer;
}

static __always_inline int fib_ipv4(hook_ctx *ctx, struct packet *p, struct decision *d, __be32 address)
{
	__builtin_memset(&d->fib, 0, sizeof(d->fib));
	d->fib.family = FIB_AF_INET;
	d->fib.ipv4_dst = address;
	return fib_ask(ctx, p, d);
}

static __always_inline int fib_ipv6(hook_ctx *ctx, struct packet *p, struct decision *d,
				    const struct in6_addr *address)
{
	__builtin_memset(&d->fib, 0, sizeof(d->fib));
	d->fib.family = FIB_AF_INET6;
	__builtin_memcpy(d->fib.ipv6_dst, address, sizeof(d->fib.ipv6_dst));
	return fib_ask(ctx, p, d);
}

/* A site whose route the kernel lacks must not be left by the default route. */
static __always_inline int fib_leaks(const struct decision *d)
{
	struct ov6_device *device = device_find(d->fib.ifindex);

	return device && (device->role == OV6_DEVICE_UNDERLAY || device->role == OV6_DEVICE_PORT);
}

/* Biggest IP packet that may leave that way. While the neighbour is unknown the kernel does not say. */
static __always_inline __u32 fib_mtu(const struct decision *d)
{
	__u32 mtu = device_mtu(d->fib.ifindex);

	return d->fib.mtu_result > 1 && d->fib.mtu_result < mtu ? d->fib.mtu_result : mtu;
}

#endif
