// SPDX-License-Identifier: Apache-2.0
// What sites got and lost while the daemon ran: prefixes that were moved here by `ov6ctl site move`, and
// those that another router has now. Kept in the state directory, so that a restart neither gives up the
// former nor takes back the latter; the configuration file stays the operator's own.
#ifndef OV6_USERSPACE_OV6D_SITE_MOVES_H
#define OV6_USERSPACE_OV6D_SITE_MOVES_H

#include <boost/json/object.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "userspace/ov6d/config.h"

namespace ov6 {

struct SiteAddition {
  std::string interface, domain;
  Prefix prefix;
  std::vector<DelegationToken> delegations;  // by which it may be claimed; none: the key's own
  bool operator==(const SiteAddition&) const = default;
};

struct SiteLoss {
  MovedPrefix moved;
  std::vector<Ipv4> to;
  UnixTime at{};
  bool claimed =
      false;  // it was here by a claim only: not kept over a restart, and the first to be forgotten
  bool operator==(const SiteLoss&) const = default;
};

class SiteMoves {
 public:
  static constexpr size_t kMost = 16;  // of each

  explicit SiteMoves(const std::filesystem::path& state) : file_(state / "sites.json") {}

  // No file: nothing was moved. One that can't be read is an error: what it says must not be forgotten.
  absl::Status Load();

  // It ends a loss of the same prefix, and a loss ends additions inside it. Each is in the file when they
  // return OK; else nothing has changed.
  absl::Status Add(const SiteAddition& addition);
  absl::Status Lose(const SiteLoss& loss);
  // Ends a loss, if there is one.
  absl::Status Regain(const Prefix& prefix);
  // NotFound: the prefix was not moved here.
  absl::Status Remove(const Prefix& prefix);
  // As it was: what came since could not be carried out.
  absl::Status Restore(const SiteMoves& before) { return Save(before.additions_, before.losses_); }

  // The sites, slaves, resolvers, delegations and moved prefixes of `written` with all this. An addition to a
  // site that is configured no more is left out.
  void ApplyTo(const Config& written, Config* config) const;

  const std::vector<SiteAddition>& additions() const { return additions_; }
  const std::vector<SiteLoss>& losses() const { return losses_; }

 private:
  absl::Status Save(std::vector<SiteAddition> additions, std::vector<SiteLoss> losses);

  std::filesystem::path file_;
  std::vector<SiteAddition> additions_;
  std::vector<SiteLoss> losses_;
};

}  // namespace ov6

#endif
