// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/table_watch.h"

namespace ov6::ctl {

std::string_view ToString(Change change) {
  switch (change) {
    case Change::kAdded:
      return "added";
    case Change::kChanged:
      return "changed";
    case Change::kRenewed:
      return "renewed";
    case Change::kWithdrawn:
      return "withdrawn";
    case Change::kExpired:
      return "expired";
  }
  return "";
}

std::optional<BootTime> ExpiryOf(const Route&) { return std::nullopt; }
std::optional<BootTime> ExpiryOf(const Mapping& mapping) { return mapping.hard_expiry; }
std::optional<BootTime> ExpiryOf(const Negative& negative) {
  return negative.expiry == BootTime{} ? std::nullopt : std::optional(negative.expiry);
}

bool IsRenewal(const Route&, const Route&) { return false; }

bool IsRenewal(const Mapping& before, const Mapping& after) {
  Mapping renewed = before;
  renewed.soft_expiry = after.soft_expiry;
  renewed.hard_expiry = after.hard_expiry;
  return renewed == after;
}

bool IsRenewal(const Negative& before, const Negative& after) {
  Negative renewed = before;
  renewed.expiry = after.expiry;
  return renewed == after;
}

}  // namespace ov6::ctl
