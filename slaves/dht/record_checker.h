// SPDX-License-Identifier: Apache-2.0
// The judge an engine asks about every value: a signed record of this domain, stored
// under the key it belongs to. Owner: the claim (ClaimOf).
#ifndef OV6_SLAVES_DHT_RECORD_CHECKER_H
#define OV6_SLAVES_DHT_RECORD_CHECKER_H

#include <functional>

#include "ov6/engine.h"
#include "userspace/wire/record.h"

namespace ov6 {

ValueChecker MakeRecordChecker(const Domain& domain, std::function<UnixTime()> wall);

}  // namespace ov6

#endif
