// SPDX-License-Identifier: Apache-2.0
// A remote gateway keeps one capability.
#ifndef OV6_SLAVES_GATEWAY_PRIVILEGES_H
#define OV6_SLAVES_GATEWAY_PRIVILEGES_H

#include "absl/status/status.h"

namespace ov6 {

// CAP_NET_ADMIN, also of what is executed (nft); nothing else, whoever the user is. PermissionDenied: it is
// missing.
absl::Status KeepNetAdmin();

}  // namespace ov6

#endif
