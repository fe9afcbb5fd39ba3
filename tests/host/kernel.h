// SPDX-License-Identifier: Apache-2.0
// The fake kernel: runs a program of bpf/, built for the host, on one packet. One packet at a time.
#ifndef OV6_TESTS_HOST_KERNEL_H
#define OV6_TESTS_HOST_KERNEL_H

#include <linux/bpf.h>

#include <functional>
#include <optional>
#include <string>

#include "tests/host/maps.h"
#include "tests/host/register.h"

namespace ov6::host {

void RegisterAll();  // the programs of all hooks; once

// What bpf_fib_lookup answers: BPF_FIB_LKUP_RET_*, having filled in the rest.
using Routes = std::function<int(bpf_fib_lookup&)>;
void SetRoutes(Routes routes);
void SetClock(std::optional<uint64_t> now);  // boot time, ns; nullopt: the machine's
// As a kernel before 6.4, which does not know BPF_F_ADJ_ROOM_DECAP_L3_IPV6.
void SetOld(bool old);

// Who gets no room to change the packet, and none for a mark in front of it.
void SetRefusals(bool room, bool mark);

struct Packet {
  Bytes frame;
  uint32_t ifindex = 0;
  Bytes metadata{};  // in front of it
  uint32_t segments = 0, segment_size = 0;
  // TC: a checksum that the stack has still to complete: where it starts and where its field is from there
  // on.
  std::optional<std::pair<uint16_t, uint16_t>> unfinished{};
  uint16_t vlan = 0;  // a tag in the descriptor
};

struct Ran {
  uint32_t code;
  Packet packet;
};

int FindProgram(const std::string& name);  // a number for it; -1 if there is none
Ran Run(int program, const Packet& packet);

}  // namespace ov6::host

#endif
