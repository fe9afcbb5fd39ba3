// SPDX-License-Identifier: Apache-2.0
#include "tests/host/routes.h"

#include <sys/socket.h>

#include <cstring>

namespace ov6::host {
namespace {

model::FibAnswer Ask(const model::Kernel& kernel, const bpf_fib_lookup& question) {
  if (question.family == AF_INET) return kernel.Lookup(Ipv4::FromBe(question.ipv4_dst));
  Ipv6 destination;
  std::memcpy(destination.bytes.data(), question.ipv6_dst, 16);
  return kernel.Lookup(destination);
}

int Answer(const model::Kernel& kernel, bpf_fib_lookup& question) {
  const model::FibAnswer answer = Ask(kernel, question);
  if (answer.kind == model::FibAnswer::kNotForwarded) return BPF_FIB_LKUP_RET_NOT_FWDED;
  if (answer.kind == model::FibAnswer::kRefused) return BPF_FIB_LKUP_RET_BLACKHOLE;
  question.ifindex = answer.hop.device;
  if (!answer.hop.to) return BPF_FIB_LKUP_RET_NO_NEIGH;
  question.mtu_result = uint16_t(answer.hop.mtu);
  std::memcpy(question.smac, answer.hop.from.data(), 6);
  std::memcpy(question.dmac, answer.hop.to->data(), 6);
  return BPF_FIB_LKUP_RET_SUCCESS;
}

}  // namespace

Routes From(const model::Kernel& kernel) {
  return [kernel](bpf_fib_lookup& question) { return Answer(kernel, question); };
}

}  // namespace ov6::host
