/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/* Fields of the IPv6 header (RFC 8200 section 3) that C's bit fields tear apart. */
#ifndef OV6_LIB_IP6_H
#define OV6_LIB_IP6_H

#include <linux/in.h>
#include <linux/ipv6.h>
#include <bpf/bpf_endian.h>

#include "ecn.h"

static __always_inline __u8 ip6_ecn(const struct ipv6hdr *ip6)
{
	return ((const __u8 *)ip6)[1] >> 4 & ECN_MASK;
}

static __always_inline void ip6_set_ecn(struct ipv6hdr *ip6, __u8 ecn)
{
	__u8 *byte = (__u8 *)ip6 + 1;

	*byte = (*byte & ~(ECN_MASK << 4)) | ecn << 4;
}

/* Bytes from the IPv6 header to the end of the payload. */
static __always_inline __u32 ip6_length(const struct ipv6hdr *ip6)
{
	return sizeof(*ip6) + bpf_ntohs(ip6->payload_len);
}

/* To a site elsewhere one by one. TCP goes by the site's device, before which GRO makes it large. */
static __always_inline int ip6_is_carried(const struct ipv6hdr *ip6)
{
	return ip6->nexthdr != IPPROTO_TCP;
}

#endif
