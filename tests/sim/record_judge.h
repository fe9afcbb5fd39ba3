// SPDX-License-Identifier: Apache-2.0
// A RecordChecker as the judge of one engine, for tests that don't ask for its counters.
#ifndef OV6_TESTS_SIM_RECORD_JUDGE_H
#define OV6_TESTS_SIM_RECORD_JUDGE_H

#include <functional>
#include <memory>
#include <utility>

#include "slaves/dht/record_checker.h"

namespace ov6 {

template <typename DomainOrVerifier>
ValueChecker MakeRecordChecker(DomainOrVerifier what, std::function<UnixTime()> wall) {
  const auto checker = std::make_shared<RecordChecker>(std::move(what), std::move(wall));
  return [checker](const Key& key, std::span<const uint8_t> value, BootTime) {
    return checker->Check(key, value);
  };
}

}  // namespace ov6

#endif
