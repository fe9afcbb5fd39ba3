/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Classes of addresses, and addresses as keys. */
#ifndef OV6_LIB_ADDRESS_H
#define OV6_LIB_ADDRESS_H

#include <linux/in6.h>
#include <bpf/bpf_endian.h>

#include "ov6/abi/base.h"

static __always_inline int in6_equal(const struct in6_addr *a, const struct in6_addr *b)
{
	return a->s6_addr32[0] == b->s6_addr32[0] && a->s6_addr32[1] == b->s6_addr32[1] &&
	       a->s6_addr32[2] == b->s6_addr32[2] && a->s6_addr32[3] == b->s6_addr32[3];
}

static __always_inline int in6_multicast(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xff;
}

static __always_inline int in6_link_local(const struct in6_addr *a)
{
	return a->s6_addr[0] == 0xfe && (a->s6_addr[1] & 0xc0) == 0x80;
}

static __always_inline int in6_unspecified(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1] | a->s6_addr32[2] | a->s6_addr32[3]);
}

/* ::/96 (unspecified, loopback, v4-compatible) and ::ffff:0:0/96 (v4-mapped) */
static __always_inline int in6_embeds_ipv4(const struct in6_addr *a)
{
	return !(a->s6_addr32[0] | a->s6_addr32[1]) &&
	       (!a->s6_addr32[2] || a->s6_addr32[2] == bpf_htonl(0xffff));
}

/* What neither sends nor is sent to through a tunnel. */
static __always_inline int in6_martian(const struct in6_addr *a)
{
	return in6_embeds_ipv4(a) || in6_link_local(a) || in6_multicast(a);
}

/* RFC 4213 section 3.6: 0/8, 127/8, 169.254/16, 224/4, 240/4 and broadcast */
static __always_inline int in4_martian(__be32 address)
{
	__u32 a = bpf_ntohl(address);

	return a >> 24 == 0 || a >> 24 == 127 || a >> 16 == 0xa9fe || a >= 0xe0000000;
}

static __always_inline void prefix_of(struct ov6_prefix *prefix, const struct in6_addr *address)
{
	prefix->prefixlen = 128;
	__builtin_memcpy(prefix->address, address, sizeof(prefix->address));
}

#endif
