// SPDX-License-Identifier: Apache-2.0
// What `ov6ctl key` and `ov6ctl delegate` ask of the daemon: what this node's key owns, and its signature
// under a delegation of it. Pure but for the time it is handed.
#ifndef OV6_USERSPACE_OV6D_KEY_API_H
#define OV6_USERSPACE_OV6D_KEY_API_H

#include <boost/json/object.hpp>

#include "absl/status/statusor.h"
#include "userspace/ov6d/node_layout.h"

namespace ov6 {

inline constexpr auto kLongestDelegation = std::chrono::hours(10 * 365 * 24);

boost::json::object KeyJson(const Config& config, const NodeLayout& layout, const NodeKey& key);

// `body`: prefix, to (a public key in hex), max_length (absent: as long as may be), lifetime_s. The answer
// has the token. Only what the key holds, by itself or by a delegation with room for one link more, is
// delegated.
absl::StatusOr<boost::json::object> DelegateJson(const Config& config, const NodeKey& key,
                                                 const boost::json::object& body, UnixTime now);

}  // namespace ov6

#endif
