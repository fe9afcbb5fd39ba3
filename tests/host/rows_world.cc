// SPDX-License-Identifier: Apache-2.0
// For the packet tables on the host build: the devices are the kernel's (the rows ask for their numbers), the
// routes to them the model's.
#include <gtest/gtest.h>

#include "tests/differential/world.h"
#include "tests/host/routes.h"

namespace {

class HostRoutes : public testing::Environment {
  void SetUp() override {
    ov6::host::SetRoutes(ov6::host::From(ov6::differential::MakeKernel(ov6::differential::MakeDevices())));
  }
};

const auto* const environment = testing::AddGlobalTestEnvironment(new HostRoutes);

}  // namespace
