// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/arrivals.h"

#include <spdlog/spdlog.h>

#include "userspace/base/netlink.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

constexpr auto kPatience = std::chrono::seconds(5);
constexpr auto kPoll = std::chrono::milliseconds(5);
constexpr int kHost = 128;

// A host answers; of a subnet there is nobody to ask, but its cable.
bool IsThere(const Prefix& prefix, const netlink::Link& link) {
  if (prefix.length != kHost) return link.carrier;
  if (netlink::KnowsNeighbour(link.ifindex, prefix.address)) return true;
  if (const absl::Status status = netlink::SolicitNeighbour(link.ifindex, prefix.address); !status.ok())
    spdlog::debug("{}", Message(status));
  return false;
}

}  // namespace

void Arrivals::Await(Expected expected) {
  expected_ = std::move(expected);
  Look(BootClock::now() + kPatience);
}

void Arrivals::Look(BootTime until) {
  std::set<Prefix> all, missing;
  for (const auto& [prefix, interface] : expected_) {
    const auto link = netlink::GetLink(interface);
    if (!link.ok()) continue;
    all.insert(prefix);
    if (!awaited_.contains(prefix) && !IsThere(prefix, *link)) missing.insert(prefix);
  }
  if (BootClock::now() >= until) missing.clear();
  const bool news = std::exchange(missing_, missing) != missing;
  if (missing.empty()) awaited_ = std::move(all);
  if (news || missing.empty()) told_(missing_);
  if (missing.empty()) return;
  timer_.expires_after(kPoll);
  timer_.async_wait([this, until](boost::system::error_code error) {
    if (!error) Look(until);
  });
}

}  // namespace ov6
