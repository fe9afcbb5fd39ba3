// SPDX-License-Identifier: Apache-2.0
// ov6-gateway: the slave of one site.
#include <algorithm>
#include <string_view>

#include "slaves/gateway/gateway.h"

namespace {

// ov6d names no master: its session is inherited.
bool IsForRemote(std::string_view argument) {
  return argument.starts_with("--master") || argument == "--show-firewall" || argument == "--help" ||
         argument == "-h";
}

}  // namespace

int main(int argc, char** argv) {
  return std::any_of(argv + 1, argv + argc, IsForRemote) ? ov6::RunRemoteGateway(argc, argv)
                                                         : ov6::RunLocalGateway(argc, argv);
}
