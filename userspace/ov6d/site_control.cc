// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/site_control.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "userspace/base/text.h"
#include "userspace/ov6d/delegation_files.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr int kSubnetLength = 64;

// The longest domain around it that has a DHT slave.
const Domain* DomainAround(const Config& config, const Prefix& prefix) {
  const Domain* best = nullptr;
  for (const SlaveConfig& slave : config.slaves) {
    const Domain* domain = config.FindDomain(slave.domain);
    if (domain == nullptr || !domain->prefix.Contains(prefix)) continue;
    if (best == nullptr || domain->prefix.length > best->prefix.length) best = domain;
  }
  return best;
}

absl::StatusOr<std::vector<DelegationToken>> TokensIn(const json::object& body) {
  std::vector<DelegationToken> tokens;
  const auto* list = body.if_contains("delegations");
  if (list == nullptr || !list->is_array()) return tokens;
  for (const json::value& text : list->get_array()) {
    if (!text.is_string()) return absl::InvalidArgumentError("a delegation should be a text");
    auto token = DecodeToken(std::string(text.get_string()));
    if (!token.ok()) return token.status();
    tokens.push_back(*std::move(token));
  }
  return tokens;
}

}  // namespace

absl::StatusOr<std::string> SiteControl::Move(const json::object& body) {
  const auto prefix = Prefix::Parse(TextIn(body, "prefix"));
  if (!prefix) return absl::InvalidArgumentError("the field \"prefix\" should be an IPv6 prefix");
  const Domain* domain = DomainAround(env_.config, *prefix);
  if (domain == nullptr) {
    return absl::NotFoundError(prefix->ToString() + " is in no domain of this router that has a DHT slave");
  }
  auto tokens = TokensIn(body);
  if (!tokens.ok()) return tokens.status();
  const SiteAddition addition{TextIn(body, "interface"), domain->name, *prefix, *std::move(tokens)};
  if (absl::Status status = Check(addition); !status.ok()) return status;
  const SiteMoves before = moves_;
  absl::Status status = moves_.Add(addition);
  if (!status.ok()) return status;
  status = Adopt();
  if (!status.ok()) {
    moves_.Restore(before).IgnoreError();
    return status;
  }
  spdlog::info("{} is moved to {}", prefix->ToString(), addition.interface);
  return addition.domain;
}

absl::Status SiteControl::Check(const SiteAddition& addition) const {
  const std::string prefix = addition.prefix.ToString();
  const auto site = std::find_if(env_.config.sites.begin(), env_.config.sites.end(),
                                 [&](const SiteConfig& s) { return s.interface == addition.interface; });
  if (site == env_.config.sites.end())
    return absl::NotFoundError("no [[site]] of the configuration has the interface \"" + addition.interface +
                               "\"");
  if (addition.prefix.length < 64)
    return absl::InvalidArgumentError(prefix + " is wider than one subnet; a site takes /64 to /128");
  for (const auto& places : env_.layout.sites) {
    for (const SitePlace& place : places) {
      if (place.prefix == addition.prefix)
        return absl::AlreadyExistsError(prefix + " is at a site of this router");
    }
  }
  Config with = env_.config;
  with.delegations.insert(with.delegations.end(), addition.delegations.begin(), addition.delegations.end());
  const auto now = env_.wall();
  if (absl::Status status = CheckDelegations(with, env_.key.key.public_key(), now); !status.ok())
    return status;
  if (MayClaim(with, *with.FindDomain(addition.domain), env_.key, addition.prefix)) return absl::OkStatus();
  return absl::PermissionDeniedError(prefix + " is not this node's to register in the domain \"" +
                                     addition.domain +
                                     "\": its owner should delegate it (ov6ctl delegate), and \"with\" name "
                                     "the file");
}

absl::Status SiteControl::Remove(const Prefix& prefix) {
  absl::Status status = moves_.Remove(prefix);
  if (status.ok()) status = Adopt();
  return status;
}

absl::Status SiteControl::CheckClaim(const SiteConfig& site, const DelegationToken& token) const {
  const Domain* domain = env_.config.FindDomain(site.own);
  if (domain == nullptr || token.domain != domain->name || token.chain.empty())
    return absl::InvalidArgumentError("the delegation should be of the domain \"" + site.own + "\"");
  const Prefix& prefix = token.chain.back().prefix;
  if (absl::Status status = CheckToken(token, env_.key.key.public_key(), *domain, env_.wall()); !status.ok())
    return status;
  if (prefix.length != kSubnetLength)
    return absl::InvalidArgumentError(prefix.ToString() + " is no /64, which a site takes");
  for (size_t i = 0; i < env_.layout.sites.size(); ++i) {
    if (env_.config.sites[i].interface == site.interface) continue;
    for (const SitePlace& place : env_.layout.sites[i]) {
      if (place.prefix.Overlaps(prefix))
        return absl::AlreadyExistsError(prefix.ToString() + " is at another site of this router");
    }
  }
  return absl::OkStatus();
}

absl::Status SiteControl::Claim(const std::string& name, const DelegationToken& token) {
  const auto site = std::find_if(env_.written.sites.begin(), env_.written.sites.end(),
                                 [&](const SiteConfig& s) { return s.remote == name; });
  if (site == env_.written.sites.end() || site->own.empty())
    return absl::PermissionDeniedError("the token of \"" + name + "\" is not for a prefix of its own key");
  if (absl::Status status = CheckClaim(*site, token); !status.ok()) return status;
  const SiteConfig before = *site;
  const Prefix& prefix = token.chain.back().prefix;
  site->prefixes = {{site->own, prefix, 0, false}};
  site->claim = token;
  absl::Status status = moves_.Regain(prefix);
  if (status.ok()) status = Adopt();
  if (!status.ok())
    *site = before;
  else if (before.prefixes.empty() || before.prefixes.front().prefix != prefix)
    spdlog::info("{} of its own key is at {}", prefix.ToString(), name);
  return status;
}

void SiteControl::EndClaims() {
  bool any = false;
  for (SiteConfig& site : env_.written.sites) {
    if (!site.claim || ExpiryOf(*site.claim) > env_.wall()) continue;
    spdlog::info("what delegated {} is over", site.prefixes.front().prefix->ToString());
    site.claim.reset();
    site.prefixes.clear();
    any = true;
  }
  if (!any) return;
  if (const absl::Status status = Adopt(); !status.ok()) spdlog::warn("{}", Message(status));
}

// Nothing is carried out that can't be laid out.
absl::Status SiteControl::Adopt() {
  Config config = env_.config;
  moves_.ApplyTo(env_.written, &config);
  auto layout = LayOut(config, env_.key);
  if (!layout.ok()) return layout.status();
  env_.config = std::move(config);
  env_.layout = *std::move(layout);
  env_.changed();
  return absl::OkStatus();
}

// By the right by which this router registers: its own key's, an anchor's, or that of who delegated to it.
absl::Status SiteControl::CheckTaker(const Record& record, const Domain& domain) const {
  const auto registered = env_.layout.registrations.find(domain.name);
  const bool ours = registered != env_.layout.registrations.end() &&
                    std::any_of(registered->second.begin(), registered->second.end(),
                                [&](const Prefix& own) { return own.Contains(record.prefix); });
  if (!ours)
    return absl::PermissionDeniedError(record.prefix.ToString() + " is not registered by this router");
  const PublicKey& root = RootOf(record);
  bool right = root == env_.key.key.public_key();
  for (const DelegationToken& token : env_.config.delegations)
    right |= token.domain == domain.name && token.root == root;
  if (!right) return absl::PermissionDeniedError("the record's root is not that of this router's own right");
  for (const Locator& locator : record.locators) {
    for (const UnderlayConfig& underlay : env_.config.underlays) {
      if (underlay.address == locator.address)
        return absl::InvalidArgumentError("the record leads to this router");
    }
  }
  return absl::OkStatus();
}

absl::Status SiteControl::OnMoved(const std::string& slave, SlaveId id, std::span<const uint8_t> bytes) {
  const auto found = std::find_if(env_.config.slaves.begin(), env_.config.slaves.end(),
                                  [&](const SlaveConfig& s) { return s.name == slave; });
  if (found == env_.config.slaves.end()) return absl::NotFoundError("no slave is named " + slave);
  const Domain& domain = *env_.config.FindDomain(found->domain);
  const UnixTime now = env_.wall();
  const auto record = VerifySigned(bytes, domain, now);
  if (!record.ok()) return record.status();
  if (absl::Status status = CheckTaker(*record, domain); !status.ok()) return status;
  SiteLoss loss{{domain.name, record->prefix}, {}, now};
  loss.claimed =
      std::any_of(env_.written.sites.begin(), env_.written.sites.end(), [&](const SiteConfig& site) {
        return site.claim && site.claim->chain.back().prefix == record->prefix;
      });
  for (const Locator& locator : record->locators) loss.to.push_back(locator.address);
  if (loss.to.empty()) return absl::InvalidArgumentError("the record is a revocation");
  // In the file first: after a crash the route and the file must not say different things.
  const SiteMoves before = moves_;
  absl::Status status = moves_.Lose(loss);
  if (!status.ok()) return status;
  status = env_.master.HandOver(env_.clock(), id, record->prefix, record->locators);
  if (status.ok()) status = Adopt();
  if (!status.ok()) {
    moves_.Restore(before).IgnoreError();
    return status;
  }
  spdlog::info("{} has moved to {}", record->prefix.ToString(), loss.to.front().ToString());
  return absl::OkStatus();
}

json::array SiteControl::Json() const {
  json::array list;
  for (size_t i = 0; i < env_.layout.sites.size(); ++i) {
    for (const SitePlace& place : env_.layout.sites[i]) {
      const bool moved = std::any_of(moves_.additions().begin(), moves_.additions().end(),
                                     [&](const SiteAddition& a) { return a.prefix == place.prefix; });
      list.push_back({{"prefix", place.prefix.ToString()},
                      {"domain", place.domain},
                      {"interface", env_.config.sites[i].interface},
                      {"state", moved ? "moved-here" : "configured"}});
    }
  }
  for (const SiteLoss& loss : moves_.losses()) {
    json::array to;
    for (const Ipv4& address : loss.to) to.emplace_back(address.ToString());
    list.push_back({{"prefix", loss.moved.prefix.ToString()},
                    {"domain", loss.moved.domain},
                    {"state", "moved-away"},
                    {"to", std::move(to)},
                    {"at", loss.at.time_since_epoch().count()}});
  }
  return list;
}

}  // namespace ov6
