// SPDX-License-Identifier: Apache-2.0
// The two lives of ov6-gateway. Each reads its command line and returns the exit code.
#ifndef OV6_SLAVES_GATEWAY_GATEWAY_H
#define OV6_SLAVES_GATEWAY_GATEWAY_H

namespace ov6 {

// As a slave that ov6d has started, for a site of this machine.
int RunLocalGateway(int argc, char** argv);
// For a site whose router is this machine, with the master elsewhere.
int RunRemoteGateway(int argc, char** argv);

}  // namespace ov6

#endif
