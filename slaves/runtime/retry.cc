// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/retry.h"

#include <algorithm>
#include <random>

namespace ov6 {

bool IsRefusal(const absl::Status& status) {
  return absl::IsPermissionDenied(status) || absl::IsInvalidArgument(status) || absl::IsUnimplemented(status);
}

double Retry::Uniform() {
  static std::mt19937_64 generator(std::random_device{}());
  return std::uniform_real_distribution<>()(generator);
}

Retry::Next Retry::After(const absl::Status& why, Duration lived) {
  if (lived >= kServed) failures_ = 0;
  if (failures_ % masters_ == 0) all_refused_ = true;
  all_refused_ = all_refused_ && IsRefusal(why);
  ++failures_;
  master_ = (master_ + 1) % masters_;
  return {master_, failures_ % masters_ == 0 ? Pause(absl::IsAlreadyExists(why)) : Duration(0)};
}

// Between half of it and all of it, so that those who lost the same master don't come back at once.
Duration Retry::Pause(bool held) {
  if (all_refused_) return kLongestPause;
  const size_t doublings = std::min<size_t>(failures_ / masters_ - 1, 16);
  const Duration longest =
      std::min(held ? kLongestWhileHeld : kLongestPause, kFirstPause * (int64_t{1} << doublings));
  return longest / 2 +
         Duration(static_cast<Duration::rep>(random_() * static_cast<double>((longest / 2).count())));
}

}  // namespace ov6
