// SPDX-License-Identifier: Apache-2.0
// JSON as text, in one line or indented.
#ifndef OV6_USERSPACE_OV6CTL_JSON_TEXT_H
#define OV6_USERSPACE_OV6CTL_JSON_TEXT_H

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <string>

namespace ov6::ctl {

std::string ToPrettyJson(const boost::json::value& value);  // four blanks a level, as `ip -j -p`

// A member of an object; nullptr if it is not there, or `object` is none.
const boost::json::value* Member(const boost::json::value& object, const char* name);
// A member that is a list; an empty one if it is not there, or none.
const boost::json::array& MemberArray(const boost::json::value& object, const char* name);
// A member as plain text for a table: strings bare, arrays joined by blanks, "" if it is not there.
std::string MemberText(const boost::json::value& object, const char* name);

}  // namespace ov6::ctl

#endif
