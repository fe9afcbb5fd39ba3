// SPDX-License-Identifier: Apache-2.0
#include "tests/packet/row.h"

#include <gtest/gtest.h>
#include <linux/bpf.h>

namespace ov6::packet {
namespace {

Outcome RunXdp(int program, const std::string& device, const Bytes& frame) {
  Bytes out(4096);
  xdp_md in{}, after{};
  in.data_end = frame.size();
  in.ingress_ifindex = Ifindex(device);
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.data(),
              .data_size_in = uint32_t(frame.size()), .data_size_out = uint32_t(out.size()), .ctx_in = &in,
              .ctx_out = &after, .ctx_size_in = sizeof(in), .ctx_size_out = sizeof(after), .repeat = 1);
  EXPECT_EQ(bpf_prog_test_run_opts(program, &options), 0) << strerror(errno);
  out.resize(options.data_size_out);
  const size_t metadata = after.data - after.data_meta;
  return {options.retval, Bytes(out.begin() + metadata, out.end()),
          Bytes(out.begin(), out.begin() + metadata)};
}

Outcome RunTc(int program, const std::string& device, const Bytes& frame,
              std::optional<std::pair<uint32_t, uint32_t>> gso) {
  Bytes out(65536);
  __sk_buff in{};
  in.ifindex = in.ingress_ifindex = Ifindex(device);
  if (gso) {
    in.gso_segs = gso->first;
    in.gso_size = gso->second;
  }
  LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = frame.data(), .data_out = out.data(),
              .data_size_in = uint32_t(frame.size()), .data_size_out = uint32_t(out.size()), .ctx_in = &in,
              .ctx_size_in = sizeof(in), .repeat = 1);
  EXPECT_EQ(bpf_prog_test_run_opts(program, &options), 0) << strerror(errno);
  out.resize(options.data_size_out);
  return {options.retval, out, {}};
}

}  // namespace

Row Carried(Row row) {
  row.carried = true;
  return row;
}
Row ByXdp(Row row) {
  row.hooks = Hooks::kXdp;
  return row;
}

std::ostream& operator<<(std::ostream& out, const Row& row) { return out << row.name; }

bool RunsIn(const Row& row, Hook hook) {
  return row.hooks == Hooks::kBoth || row.hooks == (hook == Hook::kXdp ? Hooks::kXdp : Hooks::kTc);
}

Outcome RunProgram(Hook hook, const std::string& door, const std::string& device, const Bytes& frame,
                   std::optional<std::pair<uint32_t, uint32_t>> gso) {
  const int program = Programs::Get().Program((hook == Hook::kXdp ? "xdp_" : "tc_") + door);
  return hook == Hook::kXdp ? RunXdp(program, device, frame) : RunTc(program, device, frame, gso);
}

}  // namespace ov6::packet
