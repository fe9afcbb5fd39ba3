// SPDX-License-Identifier: Apache-2.0
// The checks on a received Router Solicitation (RFC 4861 section 6.1.1). The kernel
// has verified the ICMPv6 checksum.
#ifndef OV6_SLAVES_GATEWAY_SOLICITATION_H
#define OV6_SLAVES_GATEWAY_SOLICITATION_H

#include <cstdint>
#include <span>
#include <string_view>

#include "ov6/address.h"

namespace ov6 {

// S(name, counter, sentence): what a received message can turn out to be.
#define OV6_SOLICITATIONS(S)                                                                     \
  S(kGood, "good", "a router solicitation")                                                      \
  S(kOtherType, "other_type", "not a router solicitation")                                       \
  S(kBadHopLimit, "bad_hop_limit", "its hop limit is not 255: it may come from beyond the link") \
  S(kTooShort, "too_short", "shorter than 8 bytes")                                              \
  S(kBadCode, "bad_code", "its code is not 0")                                                   \
  S(kBadOption, "bad_option", "an option of length 0, or one that reaches past the end")         \
  S(kUnspecifiedWithAddress, "unspecified_with_address", "from :: with a source link-layer address option")

enum class SolicitationCheck {
#define OV6_SOLICITATION_ENUM(name, counter, sentence) name,
  OV6_SOLICITATIONS(OV6_SOLICITATION_ENUM)
#undef OV6_SOLICITATION_ENUM
      kCount,
};
std::string_view CounterName(SolicitationCheck check);
std::string_view Sentence(SolicitationCheck check);

// `message` starts with the ICMPv6 header.
SolicitationCheck CheckSolicitation(std::span<const uint8_t> message, const Ipv6& source, int hop_limit);

}  // namespace ov6

#endif
