// SPDX-License-Identifier: Apache-2.0
#include "tests/host/host_subject.h"

#include <linux/pkt_cls.h>

#include "tests/host/routes.h"
#include "tests/packet/programs.h"

namespace ov6::host {

using differential::Result;
using model::Door;
using model::Hook;

HostSubject::HostSubject() { SetRoutes(From(differential::MakeKernel(kDevices))); }

void HostSubject::Load(const model::Tables& tables) {
  tables_ = tables;
  KernelSubject::Load(tables);
}

std::optional<Result> HostSubject::Run(const model::Arrival& arrival) {
  SetClock(arrival.now);
  if (arrival.hook == Hook::kTc && arrival.door == Door::kPort) return RunPortTail(arrival);
  return KernelSubject::Run(arrival);
}

void HostSubject::SetXdpTargets(bool allowed) {
  for (auto [ifindex, device] : tables_.devices) {
    if (!allowed) device.flags &= uint8_t(~OV6_DEVICE_XDP_TARGET);
    packet::SetEntry("devices", ifindex, device);
  }
}

// XDP takes the header off and, since it may send nowhere, leaves all that is to be sent to TC.
std::optional<Result> HostSubject::RunPortTail(model::Arrival arrival) {
  arrival.hook = Hook::kXdp;
  SetXdpTargets(false);
  auto result = KernelSubject::Run(arrival);
  SetXdpTargets(true);
  if (!result) return result;
  if (result->code != XDP_PASS) {
    result->code = result->code == XDP_REDIRECT ? TC_ACT_REDIRECT : TC_ACT_SHOT;
    return result;
  }
  const Packet marked{.frame = result->frame, .ifindex = arrival.device, .metadata = result->metadata};
  const Ran ran = host::Run(FindProgram("tc_port"), marked);
  return Result{ran.code, ran.packet.frame, {}};
}

}  // namespace ov6::host
