// SPDX-License-Identifier: Apache-2.0
// The limit's programs (limit.bpf.c), and those of ov6d's doors, as descriptors.
#ifndef OV6_TESTS_BENCH_DATAPATH_LIMIT_H
#define OV6_TESTS_BENCH_DATAPATH_LIMIT_H

#include <cstdint>
#include <string>

#include "CLI/CLI.hpp"

namespace ov6::bench {

// The constants it writes.
struct LimitWay {
  std::string egress;                // device
  std::string to, from;              // MAC addresses
  std::string outer_to, outer_from;  // IPv4 addresses; encapsulating
};
void AddOptions(CLI::App& app, LimitWay* way);

// encap, encap_line, encap_udp, decap, decap_udp. What encapsulates has the length of frames of `size` bytes
// in its header.
int LoadLimit(const std::string& name, const LimitWay& way, uint32_t size);
// Of the folder programs of an instance's bpffs.
int DoorsProgram(const std::string& folder, const std::string& name);

}  // namespace ov6::bench

#endif
