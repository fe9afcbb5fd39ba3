// SPDX-License-Identifier: Apache-2.0
// A packet and the tables it met, for whoever looks for the reason of a difference.
#ifndef OV6_TESTS_DIFFERENTIAL_PRINT_H
#define OV6_TESTS_DIFFERENTIAL_PRINT_H

#include <string>

#include "tests/model/model.h"

namespace ov6::differential {

std::string Describe(const model::Arrival& arrival);
std::string Describe(const model::Tables& tables);

}  // namespace ov6::differential

#endif
