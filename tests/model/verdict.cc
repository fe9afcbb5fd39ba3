// SPDX-License-Identifier: Apache-2.0
#include "tests/model/model.h"

namespace ov6::model {

std::string Name(ov6_verdict verdict) {
  switch (verdict) {
#define OV6_CASE(number, name, class_, sentence, remedy) \
  case number:                                           \
    return #name;
    OV6_VERDICTS(OV6_CASE)
#undef OV6_CASE
    default:
      return std::to_string(verdict);
  }
}

}  // namespace ov6::model
