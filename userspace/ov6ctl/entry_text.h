// SPDX-License-Identifier: Apache-2.0
// Entries of the tables, as describe.h has them, in one line of words each.
#ifndef OV6_USERSPACE_OV6CTL_ENTRY_TEXT_H
#define OV6_USERSPACE_OV6CTL_ENTRY_TEXT_H

#include <boost/json/value.hpp>
#include <string>

namespace ov6::ctl {

std::string RouteText(const boost::json::value& route);        // "fd00::/8 tunnel slave chord"
std::string MappingText(const boost::json::value& mapping);    // "fd13::/48 via 198.51.100.2 encap 6in4 ..."
std::string NegativeText(const boost::json::value& negative);  // "fd99::/48 absent code 3 ttl 5 ..."

}  // namespace ov6::ctl

#endif
