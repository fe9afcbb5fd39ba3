// SPDX-License-Identifier: Apache-2.0
// Keeps libbpf's own lines off the operator's terminal: they go to the debug log.
#ifndef OV6_USERSPACE_DATAPATH_LIBBPF_LOG_H
#define OV6_USERSPACE_DATAPATH_LIBBPF_LOG_H

namespace ov6 {

void RouteLibbpfLog();

}  // namespace ov6

#endif
