// SPDX-License-Identifier: Apache-2.0
// Which packets go from a site to its master and back (RFC 9484 section 7, BCP 38): only between the site's
// prefixes and what is not of the site, nothing that belongs to one link, and no segment header that the
// kernel would choke on. Pure.
#ifndef OV6_SLAVES_GATEWAY_PACKET_CHECK_H
#define OV6_SLAVES_GATEWAY_PACKET_CHECK_H

#include <array>
#include <boost/json/fwd.hpp>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "ov6/address.h"

namespace ov6 {

// P(name, counter, sentence): what a packet can turn out to be.
#define OV6_PACKET_CHECKS(P)                                                                             \
  P(kGood, "passed", "it goes on")                                                                       \
  P(kTooShort, "too_short", "shorter than an IPv6 header")                                               \
  P(kNotIpv6, "not_ipv6", "its version is not 6")                                                        \
  P(kBadLength, "bad_length", "its payload length is not that of the packet")                            \
  P(kBadAddress, "bad_address", "from or to ::, ::1, or from a multicast address")                       \
  P(kLinkLocal, "link_local", "from or to a link-local address: it belongs to one link")                 \
  P(kMulticast, "multicast", "to a multicast address")                                                   \
  P(kForeignSource, "foreign_source", "from the site with a source that is not of the site: spoofed?")   \
  P(kOwnDestination, "own_destination", "from the site to the site: the host is not on its link")        \
  P(kForeignDestination, "foreign_destination", "from the master to an address that is not of the site") \
  P(kOwnSource, "own_source", "from the master with a source of the site: spoofed")                      \
  P(kBadSegments, "bad_segments", "its segment header does not fit the packet")                          \
  P(kUnknownContext, "unknown_context", "a DATAGRAM of a context that is not spoken here")

enum class PacketCheck {
#define OV6_PACKET_CHECK_ENUM(name, counter, sentence) name,
  OV6_PACKET_CHECKS(OV6_PACKET_CHECK_ENUM)
#undef OV6_PACKET_CHECK_ENUM
      kCount,
};
std::string_view CounterName(PacketCheck check);
using PacketCounts = std::array<uint64_t, static_cast<size_t>(PacketCheck::kCount)>;
// By their names: what passed, and what else there was.
boost::json::object CountsJson(const PacketCounts& counts);
std::string_view Sentence(PacketCheck check);

using PacketBytes = std::span<const uint8_t>;  // from the IPv6 header on

PacketCheck CheckFromSite(PacketBytes packet, const std::vector<Prefix>& site);
PacketCheck CheckFromMaster(PacketBytes packet, const std::vector<Prefix>& site);

// `framed`: a segment header (userspace/wire/segment.h) and a packet. Segments must fit the MTU.
PacketCheck CheckSegments(PacketBytes framed, int mtu);

}  // namespace ov6

#endif
