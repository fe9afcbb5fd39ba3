// SPDX-License-Identifier: Apache-2.0
// Rules to the kernel by nft(8).
#ifndef OV6_SLAVES_GATEWAY_NFT_H
#define OV6_SLAVES_GATEWAY_NFT_H

#include <string>

#include "absl/status/status.h"

namespace ov6 {

// `nft -f -`; all of it or nothing. Blocks. Unavailable: there is no nft, or it says why not.
absl::Status RunNft(const std::string& rules);

}  // namespace ov6

#endif
