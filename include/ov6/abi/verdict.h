/* SPDX-License-Identifier: GPL-2.0-only OR BSD-2-Clause */
/*
 * Every end a packet can come to in the datapath, by name. This list is the one
 * source of the enum, of the index into the map "verdicts", of what ov6ctl
 * prints and of docs/verdicts.md. Numbers are append-only.
 */
#ifndef OV6_ABI_VERDICT_H
#define OV6_ABI_VERDICT_H

#include "base.h"

/*
 * V(number, NAME, class, sentence, remedy); class: forward, pass, punt, answer, drop.
 * The remedy is what an operator can do about it; empty where nothing is wrong.
 */
/* clang-format off */
#define OV6_VERDICTS(V) \
	V(0, UNSPECIFIED, drop, "the program ended without deciding; a bug", \
	  "report it, with \"ov6ctl trace\" of such a packet") \
	V(1, TUNNEL, forward, "encapsulated and sent to a locator", \
	  "") \
	V(2, SITE, forward, "taken out of the tunnel, or from a slave, and delivered to the site", \
	  "") \
	V(3, LOCAL, forward, "routed between interfaces of this router's own sites", \
	  "") \
	V(10, PASS_DISABLED, pass, "left to the stack: the datapath is not enabled", \
	  "start ov6d, or set the flag \"enabled\" in the map config") \
	V(11, PASS_NOT_IPV6, pass, "left to the stack: not IPv6 (site), not IPv4 (underlay)", \
	  "") \
	V(12, PASS_LINK_LOCAL, pass, "left to the stack: link-local, neighbour discovery or multicast", \
	  "") \
	V(13, PASS_FOR_ROUTER, pass, "left to the stack: addressed to the router itself", \
	  "") \
	V(14, PASS_ROUTE, pass, "left to the stack: the route says PASS", \
	  "") \
	V(15, PASS_NOT_TUNNEL, pass, "left to the stack: IPv4, but not a tunnel packet for us", \
	  "") \
	V(16, PASS_OTHER_MAC, pass, "left to the stack: the frame is for another or a group MAC address", \
	  "many: a bridge above the device floods; by hand: the MAC address in devices is not the device's") \
	V(17, PASS_GUE, pass, "left to the stack: GUE control or variant 0 on the tunnel port", \
	  "many: a peer speaks GUE with a header; ov6 takes variant 1, IPv6 right behind UDP") \
	V(18, PASS_VLAN, pass, "left to the stack: VLAN-tagged", \
	  "to carry it, name the VLAN's own device as site or underlay") \
	V(19, PASS_FRAGMENT, pass, "left to the stack: fragment of a tunnel packet; ov6d gives the whole one back", \
	  "many: the peer sends more than the path carries; lower the MTU at its end") \
	V(20, PUNT_MISS, punt, "sent to the slave: no mapping cached for the destination", \
	  "") \
	V(21, PUNT_ROUTE, punt, "sent to the slave: its route takes every packet", \
	  "") \
	V(22, PUNT_VERIFY, punt, "sent to the slave: the tunnel source must be verified", \
	  "") \
	V(23, PASS_PATH_MTU, pass, "left to the stack: ICMPv4 \"fragmentation needed\" about a tunnel packet; the locator's path MTU was lowered", \
	  "\"ov6ctl map dump locators\" shows it, and when it is forgotten") \
	V(24, PASS_STUN, pass, "left to the stack: STUN on the tunnel port; ov6d answers it", \
	  "") \
	V(30, ANSWER_UNREACHABLE, answer, "answered with ICMPv6 destination unreachable", \
	  "if it should be reachable: \"ov6ctl resolve ADDRESS\", \"ov6ctl map get negatives ADDRESS\"") \
	V(31, ANSWER_TOO_BIG, answer, "answered with ICMPv6 packet too big", \
	  "") \
	V(32, ANSWER_TIME_EXCEEDED, answer, "answered with ICMPv6 time exceeded", \
	  "") \
	V(33, ANSWER_SOURCE, answer, "source address outside the site's prefixes (BCP 38): answered with ICMPv6 destination unreachable, code 5", \
	  "find the host: it uses a foreign prefix, or the site's prefix is missing in the configuration") \
	V(34, ANSWER_UNDERLAY, answer, "an ICMPv4 error about a tunnel packet, passed on to the host as an ICMPv6 error", \
	  "the locator cannot be reached over IPv4: look at the IPv4 path to it, and whether the peer's ov6 runs") \
	V(40, DROP_MALFORMED, drop, "truncated, or its headers contradict each other", \
	  "many: a broken or hostile sender; tcpdump at the device shows it") \
	V(41, DROP_SITE_SOURCE, drop, "source address outside the site's prefixes (BCP 38), and no error may be sent about it", \
	  "as ANSWER_SOURCE") \
	V(42, DROP_NO_ROUTE, drop, "no route covers the destination", \
	  "\"ov6ctl route show\": normally the management slave holds ::/0") \
	V(43, DROP_HOP_LIMIT, drop, "hop limit used up, and no error may be sent about it", \
	  "many: look for a routing loop") \
	V(44, DROP_ICMP_LIMIT, drop, "would be answered by an ICMPv6 error, but the budget of whom it would go to is used up", \
	  "normal under a scan; icmp_rate and icmp_burst set the budget") \
	V(45, DROP_PUNT_BUDGET, drop, "would be sent to the slave, but the CPU's punt budget is used up", \
	  "a flood of new destinations from many sources; \"ov6ctl monitor punt\" shows whose; punt_rate sets the budget") \
	V(46, DROP_PUNT_SOURCE_BUDGET, drop, "would be sent to the slave, but the source's punt budget is used up", \
	  "a host or peer that scans; \"ov6ctl monitor drop\" shows whose; punt_source_rate sets the budget") \
	V(47, DROP_PUNT_LOOP, drop, "came back from the slave and still has no mapping", \
	  "a fault of the slave, or its mapping was refused: ov6d's log") \
	V(48, DROP_NO_PORT, drop, "would be sent to the slave, but it has no port", \
	  "is it running? \"ov6ctl slave show\"") \
	V(49, DROP_NO_LOCATOR, drop, "the mapping has no usable locator", \
	  "\"ov6ctl map get mappings ADDRESS\": all its locators only accept") \
	V(50, DROP_NO_NEXT_HOP, drop, "the kernel has no route to the locator or into the site", \
	  "\"ip route get LOCATOR\" or \"ip -6 route get ADDRESS\"") \
	V(51, DROP_OWN_LOCATOR, drop, "the locator is this router itself", \
	  "two routers registered one prefix, or a mapping by hand is wrong") \
	V(52, DROP_NOT_UNDERLAY, drop, "the way to the locator does not leave by an underlay of ours", \
	  "\"ip route get LOCATOR\": name that device as underlay, or correct the route") \
	V(53, DROP_OUTER_FRAGMENT, drop, "fragment of a tunnel packet, from a slave", \
	  "a fault of the slave") \
	V(54, DROP_OUTER_SOURCE, drop, "outer source address is a martian or our own", \
	  "forged, or the provider lets martians through") \
	V(55, DROP_UDP_CHECKSUM, drop, "UDP checksum of a tunnel packet is wrong", \
	  "many: something on the way damages packets") \
	V(56, DROP_INNER_SOURCE, drop, "inner source address is a martian or our own site's", \
	  "forged, or a site whose prefix is also configured here") \
	V(57, DROP_SOURCE_MISMATCH, drop, "the inner source's mapping does not name the outer source", \
	  "forged, or a peer behind an address that it did not register") \
	V(58, DROP_ECN, drop, "not-ECT inside congestion-experienced (RFC 6040)", \
	  "many: a router on the IPv4 path marks what it must not") \
	V(59, DROP_RELAY, drop, "from the underlay and would leave to the underlay (RFC 6324)", \
	  "a peer's mapping is out of date, or a route should say relay") \
	V(60, DROP_SITE_REJECT, drop, "from the underlay to a part of our prefix that is not assigned, from an unknown source", \
	  "") \
	V(61, DROP_PORT_HEADER, drop, "a slave's frame with a bad header", \
	  "a fault of the slave") \
	V(62, DROP_PORT_SLAVE, drop, "a slave's frame that names another slave's port, or an inner source outside its prefixes", \
	  "a fault of the slave") \
	V(63, DROP_TOO_BIG, drop, "bigger than the device it must leave by, and no error may be sent", \
	  "raise the device's MTU, or lower that of the sender's") \
	V(64, DROP_NO_ROOM, drop, "the kernel gave no room to change the packet", \
	  "a driver that leaves no headroom: attach = \"tc\"") \
	V(65, DROP_ROUTE_EMPTY, drop, "the route has no action", \
	  "an entry of routes written by hand is not filled in") \
	V(66, DROP_PORT_SOCKET, drop, "no AF_XDP socket at the slave port", \
	  "is the slave running? \"ov6ctl slave show\"") \
	V(67, DROP_INNER_DESTINATION, drop, "to an address that no tunnel leads to", \
	  "forged, or a broken peer") \
	V(68, DROP_NEGATIVE, drop, "to a destination remembered as unreachable, and no error may be sent about it", \
	  "") \
	V(69, DROP_PORT_DISABLED, drop, "a slave's frame, but the datapath is not enabled", \
	  "start ov6d") \
	V(70, DROP_PORT_STACK, drop, "a slave's frame that only the stack would want", \
	  "a fault of the slave") \
	V(71, DROP_PORT_UNMARKED, drop, "a slave's frame that its port's XDP program did not see", \
	  "restart ov6d: the port's XDP program is gone") \
	V(72, DROP_ICMP4, drop, "an ICMPv4 error about a tunnel packet that this router cannot have sent", \
	  "forged, or late: its mapping has changed since")
/* clang-format on */

enum ov6_verdict {
#define OV6_VERDICT_ENUM(number, name, class_, sentence, remedy) OV6_VERDICT_##name = (number),
	OV6_VERDICTS(OV6_VERDICT_ENUM)
#undef OV6_VERDICT_ENUM
	    OV6_VERDICT_MAX = 128 /* size of the map "verdicts" */
};

#endif
