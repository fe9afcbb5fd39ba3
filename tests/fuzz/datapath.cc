// SPDX-License-Identifier: Apache-2.0
// The doors on arbitrary bytes: bpf/ built for the host must do with every frame what the model does, at both
// hooks. The first byte chooses the door, the second the tables.
#include "tests/differential/compare.h"
#include "tests/differential/generator.h"
#include "tests/differential/print.h"
#include "tests/fuzz/must.h"
#include "tests/host/host_subject.h"

namespace {

using namespace ov6;

constexpr size_t kMost = 3000;  // bytes of a frame
constexpr uint64_t kNow = 86'400'000'000'000;

model::Arrival ArrivalOf(const uint8_t* data, size_t size) {
  const uint32_t devices[] = {host::kDevices.lan, host::kDevices.wan, host::kDevices.port,
                              host::kDevices.port};
  const int door = data[0] & 3;
  return {model::Hook::kXdp, model::Door(door), devices[door], {data + 2, data + size}, kNow};
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const model::Kernel kernel = differential::MakeKernel(host::kDevices);
  static auto* const subject = new host::HostSubject;
  if (size < 2 + 14 || size > 2 + kMost) return 0;
  const model::Arrival arrival = ArrivalOf(data, size);
  const model::Tables tables = differential::Generator(data[1], host::kDevices, kNow, true).MakeTables();
  differential::Comparison comparison(*subject, kernel, tables, kNow);
  const std::string difference = comparison.Check(arrival);
  fuzz::Must(difference.empty(),
             difference + differential::Describe(arrival) + differential::Describe(tables));
  return 0;
}
