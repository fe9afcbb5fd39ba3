// SPDX-License-Identifier: Apache-2.0
// Addresses and sysctls of the sites' devices. What was changed is written to a file
// before it is changed, so that any later daemon can undo it.
#ifndef OV6_USERSPACE_OV6D_SITE_SETUP_H
#define OV6_USERSPACE_OV6D_SITE_SETUP_H

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "ov6/address.h"

namespace ov6 {

struct SiteAddress {
  std::string interface;
  Ipv6 address;
  int length = 64;
  auto operator<=>(const SiteAddress&) const = default;
};

struct SavedSysctl {
  std::string path;   // below /proc/sys
  std::string value;  // before
  auto operator<=>(const SavedSysctl&) const = default;
};

class SiteSetup {
 public:
  explicit SiteSetup(std::filesystem::path file) : file_(std::move(file)) {}

  // What a predecessor changed; no file: nothing.
  absl::Status Load();
  // Sets `wanted` and forwarding on their devices; undoes addresses that are wanted no more.
  absl::Status Apply(const std::vector<SiteAddress>& wanted);
  // Everything back as it was; devices that have gone meanwhile don't matter.
  absl::Status Undo();

  // Routes and static mappings that the configuration set in the operator's name: kept so that a
  // successor with another configuration or key knows which of the operator's are not the operator's.
  absl::Status SaveOwned(std::vector<Prefix> routes, std::vector<Prefix> mappings);

  const std::vector<Prefix>& routes() const { return routes_; }
  const std::vector<Prefix>& mappings() const { return mappings_; }
  const std::vector<SiteAddress>& addresses() const { return addresses_; }
  const std::vector<SavedSysctl>& sysctls() const { return sysctls_; }

 private:
  absl::Status Save() const;
  absl::Status AddAddress(const SiteAddress& address);
  absl::Status EnableForwarding(const std::string& interface);
  static absl::Status RemoveAddress(const SiteAddress& address);

  std::filesystem::path file_;
  std::vector<SiteAddress> addresses_;
  std::vector<SavedSysctl> sysctls_;
  std::vector<Prefix> routes_;
  std::vector<Prefix> mappings_;
};

}  // namespace ov6

#endif
