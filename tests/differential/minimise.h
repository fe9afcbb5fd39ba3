// SPDX-License-Identifier: Apache-2.0
// A difference with all taken away that it does not need: zeros for bytes, entries of the tables.
#ifndef OV6_TESTS_DIFFERENTIAL_MINIMISE_H
#define OV6_TESTS_DIFFERENTIAL_MINIMISE_H

#include <string>

#include "tests/differential/subject.h"

namespace ov6::differential {

// What still differs, with packet and tables; says so if the packet alone, on fresh tables, makes no
// difference.
std::string Minimise(Subject& subject, const model::Kernel& kernel, model::Tables tables,
                     model::Arrival arrival);

}  // namespace ov6::differential

#endif
