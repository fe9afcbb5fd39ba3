// SPDX-License-Identifier: Apache-2.0
// How long a slave may take to end. Each waits for the one inside it: the engine hands
// over what it keeps for others, its process says goodbye to the master, the master
// kills what still lives.
#ifndef OV6_LEAVE_H
#define OV6_LEAVE_H

#include "ov6/time.h"

namespace ov6 {

inline constexpr Duration kHandOverTime = std::chrono::seconds(2);
inline constexpr Duration kGoodbyeTime = kHandOverTime + std::chrono::milliseconds(500);
inline constexpr Duration kKillTime = kGoodbyeTime + std::chrono::milliseconds(2500);

}  // namespace ov6

#endif
