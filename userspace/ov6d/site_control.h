// SPDX-License-Identifier: Apache-2.0
// Prefixes that come to a site and leave it while the daemon runs: by the operator's word (`ov6ctl site`),
// or because another router proves by a signed record that it has them now.
#ifndef OV6_USERSPACE_OV6D_SITE_CONTROL_H
#define OV6_USERSPACE_OV6D_SITE_CONTROL_H

#include <boost/json/array.hpp>
#include <functional>
#include <span>
#include <string>

#include "userspace/master/master.h"
#include "userspace/ov6d/node_layout.h"
#include "userspace/ov6d/site_moves.h"

namespace ov6 {

class SiteControl {
 public:
  struct Environment {
    Config& written;  // as the file says, and tokens, added slaves, and claims do
    Config& config;   // with what was moved
    NodeLayout& layout;
    const NodeKey& key;
    Master& master;
    std::function<BootTime()> clock;
    std::function<UnixTime()> wall;
    std::function<void()> changed;  // config and layout are others now: carry it out
  };

  SiteControl(Environment environment, SiteMoves& moves) : env_(std::move(environment)), moves_(moves) {}

  // {"prefix", "interface", "delegations": [tokens]}: the domain it is in.
  absl::StatusOr<std::string> Move(const boost::json::object& body);
  absl::Status Remove(const Prefix& prefix);
  // What `slave` registers in the domain is by a valid record elsewhere: relayed from now on, and lost.
  absl::Status OnMoved(const std::string& slave, SlaveId id, std::span<const uint8_t> record);
  // The site of this slave elsewhere has the prefix that was delegated to this router from now on. That it
  // may be handed on in this session is the caller's to know.
  absl::Status Claim(const std::string& name, const DelegationToken& token);
  void EndClaims();  // those whose delegation is over
  // After the sites of `written` have changed.
  absl::Status Adopt();
  // Every prefix of every site, and what has moved away.
  boost::json::array Json() const;

 private:
  absl::Status Check(const SiteAddition& addition) const;
  absl::Status CheckClaim(const SiteConfig& site, const DelegationToken& token) const;
  absl::Status CheckTaker(const Record& record, const Domain& domain) const;

  Environment env_;
  SiteMoves& moves_;
};

}  // namespace ov6

#endif
