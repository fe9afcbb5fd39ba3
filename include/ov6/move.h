// SPDX-License-Identifier: Apache-2.0
// How long a move takes for those who have not heard of it: the old place of a prefix relays and tells
// senders, the new one accepts what is relayed, and correspondents still accept from the old one.
#ifndef OV6_MOVE_H
#define OV6_MOVE_H

#include "ov6/time.h"

namespace ov6 {

inline constexpr Duration kMoveTime = std::chrono::seconds(60);

}  // namespace ov6

#endif
