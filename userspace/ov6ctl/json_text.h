// SPDX-License-Identifier: Apache-2.0
// JSON as text, in one line or indented.
#ifndef OV6_USERSPACE_OV6CTL_JSON_TEXT_H
#define OV6_USERSPACE_OV6CTL_JSON_TEXT_H

#include <boost/json/value.hpp>
#include <string>

namespace ov6::ctl {

std::string ToPrettyJson(const boost::json::value& value);  // four blanks a level, as `ip -j -p`

// A member as plain text for a table: strings bare, arrays joined by blanks, "" if it is not there.
std::string MemberText(const boost::json::value& object, const char* name);

}  // namespace ov6::ctl

#endif
