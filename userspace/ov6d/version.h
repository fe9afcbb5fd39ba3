// SPDX-License-Identifier: Apache-2.0
// The version the build was given.
#ifndef OV6_USERSPACE_OV6D_VERSION_H
#define OV6_USERSPACE_OV6D_VERSION_H

namespace ov6 {
inline constexpr const char* kVersion = OV6_VERSION;
}

#endif
