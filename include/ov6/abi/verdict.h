/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every end a packet can come to in the datapath, by name. This list is the one
 * source of the enum, of the index into the map "verdicts", of what ov6ctl
 * prints and of docs/verdicts.md. Numbers are append-only.
 */
#ifndef OV6_ABI_VERDICT_H
#define OV6_ABI_VERDICT_H

#include "base.h"

/* V(number, NAME, class, sentence); class: forward, pass, punt, answer, drop */
#define OV6_VERDICTS(V)                                                                              \
	V(0, UNSPECIFIED, drop, "the program ended without deciding; a bug")                         \
	V(1, TUNNEL, forward, "encapsulated and sent to a locator")                                  \
	V(2, SITE, forward, "taken out of the tunnel, or from a slave, and delivered to the site")   \
	V(3, LOCAL, forward, "routed between interfaces of this router's own sites")                 \
	V(10, PASS_DISABLED, pass, "left to the stack: the datapath is not enabled")                 \
	V(11, PASS_NOT_IPV6, pass, "left to the stack: not IPv6 (site), not IPv4 (underlay), or tagged") \
	V(12, PASS_LINK_LOCAL, pass, "left to the stack: link-local, neighbour discovery or multicast") \
	V(13, PASS_FOR_ROUTER, pass, "left to the stack: addressed to the router itself")            \
	V(14, PASS_ROUTE, pass, "left to the stack: the route says PASS")                            \
	V(15, PASS_NOT_TUNNEL, pass, "left to the stack: IPv4, but not a tunnel packet for us")      \
	V(16, PASS_OTHER_MAC, pass, "left to the stack: the frame is for another or a group MAC address") \
	V(17, PASS_GUE, pass, "left to the stack: GUE control or variant 0 on the tunnel port")      \
	V(20, PUNT_MISS, punt, "sent to the slave: no mapping cached for the destination")           \
	V(21, PUNT_ROUTE, punt, "sent to the slave: its route takes every packet")                   \
	V(22, PUNT_VERIFY, punt, "sent to the slave: the tunnel source must be verified")            \
	V(30, ANSWER_UNREACHABLE, answer, "answered with ICMPv6 destination unreachable")            \
	V(31, ANSWER_TOO_BIG, answer, "answered with ICMPv6 packet too big")                         \
	V(32, ANSWER_TIME_EXCEEDED, answer, "answered with ICMPv6 time exceeded")                    \
	V(40, DROP_MALFORMED, drop, "truncated, or its headers contradict each other")               \
	V(41, DROP_SITE_SOURCE, drop, "source address outside the site's prefixes (BCP 38)")         \
	V(42, DROP_NO_ROUTE, drop, "no route covers the destination")                                \
	V(43, DROP_HOP_LIMIT, drop, "hop limit used up")                                             \
	V(44, DROP_ICMP_LIMIT, drop, "would be answered by an ICMPv6 error, but the source's budget is used up, or no error may be sent about it") \
	V(45, DROP_PUNT_BUDGET, drop, "would be sent to the slave, but the CPU's punt budget is used up") \
	V(46, DROP_PUNT_SOURCE_BUDGET, drop, "would be sent to the slave, but the source's punt budget is used up") \
	V(47, DROP_PUNT_LOOP, drop, "came back from the slave and still has no mapping")             \
	V(48, DROP_NO_PORT, drop, "would be sent to the slave, but it has no port")                  \
	V(49, DROP_NO_LOCATOR, drop, "the mapping has no usable locator")                            \
	V(50, DROP_NO_NEXT_HOP, drop, "the kernel has no route to the locator or into the site")     \
	V(51, DROP_OWN_LOCATOR, drop, "the locator is this router itself")                           \
	V(52, DROP_NOT_UNDERLAY, drop, "the way to the locator does not leave by an underlay of ours") \
	V(53, DROP_OUTER_FRAGMENT, drop, "fragment of a tunnel packet")                              \
	V(54, DROP_OUTER_SOURCE, drop, "outer source address is a martian or our own")               \
	V(55, DROP_UDP_CHECKSUM, drop, "UDP checksum of a tunnel packet is not zero, and not checked yet") \
	V(56, DROP_INNER_SOURCE, drop, "inner source address is a martian or our own site's")        \
	V(57, DROP_SOURCE_MISMATCH, drop, "the inner source's mapping does not name the outer source") \
	V(58, DROP_ECN, drop, "not-ECT inside congestion-experienced (RFC 6040)")                    \
	V(59, DROP_RELAY, drop, "from the underlay and would leave to the underlay (RFC 6324)")      \
	V(60, DROP_SITE_REJECT, drop, "from the underlay to a part of our prefix that is not assigned") \
	V(61, DROP_PORT_HEADER, drop, "a slave's frame with a bad header")                           \
	V(62, DROP_PORT_SLAVE, drop, "a slave's frame that names another slave's port, or an inner source outside its prefixes") \
	V(63, DROP_TOO_BIG, drop, "bigger than the device it must leave by, and no error may be sent") \
	V(64, DROP_NO_ROOM, drop, "the kernel gave no room to change the packet")                    \
	V(65, DROP_ROUTE_EMPTY, drop, "the route has no action")                                     \
	V(66, DROP_PORT_SOCKET, drop, "no AF_XDP socket at the slave port")                          \
	V(67, DROP_INNER_DESTINATION, drop, "from the underlay to an address that no tunnel leads to") \
	V(68, DROP_NEGATIVE, drop, "from the underlay to a destination remembered as unreachable")   \
	V(69, DROP_PORT_DISABLED, drop, "a slave's frame, but the datapath is not enabled")          \
	V(70, DROP_PORT_STACK, drop, "a slave's frame that only the stack would want")               \
	V(71, DROP_PORT_UNMARKED, drop, "a slave's frame that its port's XDP program did not see")

enum ov6_verdict {
#define OV6_VERDICT_ENUM(number, name, class_, sentence) OV6_VERDICT_##name = (number),
	OV6_VERDICTS(OV6_VERDICT_ENUM)
#undef OV6_VERDICT_ENUM
	OV6_VERDICT_MAX = 128 /* size of the map "verdicts" */
};

#endif
