// SPDX-License-Identifier: Apache-2.0
// The model's routes as the fake kernel's.
#ifndef OV6_TESTS_HOST_ROUTES_H
#define OV6_TESTS_HOST_ROUTES_H

#include "tests/host/kernel.h"
#include "tests/model/kernel.h"

namespace ov6::host {

Routes From(const model::Kernel& kernel);

}  // namespace ov6::host

#endif
