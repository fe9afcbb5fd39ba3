// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/site_moves.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "userspace/base/files.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

namespace json = boost::json;

json::array ListIn(const json::object& object, const char* name) {
  const auto* value = object.if_contains(name);
  return value != nullptr && value->is_array() ? value->get_array() : json::array();
}

std::optional<SiteAddition> AdditionIn(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto prefix = Prefix::Parse(TextIn(object, "prefix"));
  SiteAddition addition{TextIn(object, "interface"), TextIn(object, "domain"), prefix.value_or(Prefix{}), {}};
  for (const json::value& text : ListIn(object, "delegations")) {
    auto token = text.is_string() ? DecodeToken(std::string(text.get_string()))
                                  : absl::StatusOr<DelegationToken>(absl::InvalidArgumentError(""));
    if (!token.ok()) return std::nullopt;
    addition.delegations.push_back(*std::move(token));
  }
  return prefix ? std::optional(addition) : std::nullopt;
}

std::optional<SiteLoss> LossIn(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto prefix = Prefix::Parse(TextIn(object, "prefix"));
  const auto* at = object.if_contains("at");
  if (!prefix || at == nullptr || !at->is_int64()) return std::nullopt;
  SiteLoss loss{{TextIn(object, "domain"), *prefix}, {}, UnixTime(std::chrono::seconds(at->get_int64()))};
  for (const json::value& text : ListIn(object, "to")) {
    const auto address = text.is_string() ? Ipv4::Parse(std::string(text.get_string())) : std::nullopt;
    if (address) loss.to.push_back(*address);
  }
  return loss;
}

json::object ToJson(const SiteAddition& addition) {
  json::array delegations;
  for (const DelegationToken& token : addition.delegations) delegations.emplace_back(EncodeToken(token));
  return {{"interface", addition.interface},
          {"domain", addition.domain},
          {"prefix", addition.prefix.ToString()},
          {"delegations", std::move(delegations)}};
}

json::object ToJson(const SiteLoss& loss) {
  json::array to;
  for (const Ipv4& address : loss.to) to.emplace_back(address.ToString());
  return {{"domain", loss.moved.domain},
          {"prefix", loss.moved.prefix.ToString()},
          {"to", std::move(to)},
          {"at", loss.at.time_since_epoch().count()}};
}

}  // namespace

absl::Status SiteMoves::Load() {
  const auto text = ReadFile(file_);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  bool good = !error && value.is_object();
  for (const json::value& item : good ? ListIn(value.get_object(), "here") : json::array()) {
    auto addition = AdditionIn(item);
    good &= addition.has_value();
    if (addition) additions_.push_back(*std::move(addition));
  }
  for (const json::value& item : good ? ListIn(value.get_object(), "gone") : json::array()) {
    auto loss = LossIn(item);
    good &= loss.has_value();
    if (loss) losses_.push_back(*std::move(loss));
  }
  if (good) return absl::OkStatus();
  return absl::DataLossError(file_.string() +
                             " is damaged: it says which prefixes were moved here and which another router "
                             "has now; remove it only if this router is to serve just what its configuration "
                             "says");
}

absl::Status SiteMoves::Save(std::vector<SiteAddition> additions, std::vector<SiteLoss> losses) {
  json::array here, gone;
  for (const SiteAddition& addition : additions) here.push_back(ToJson(addition));
  for (const SiteLoss& loss : losses) {
    if (!loss.claimed) gone.push_back(ToJson(loss));
  }
  const json::object document{{"here", std::move(here)}, {"gone", std::move(gone)}};
  absl::Status status = WriteFileAtomically(file_, json::serialize(document) + "\n", 0600);
  if (!status.ok()) return status;
  additions_ = std::move(additions);
  losses_ = std::move(losses);
  return status;
}

absl::Status SiteMoves::Add(const SiteAddition& addition) {
  auto additions = additions_;
  auto losses = losses_;
  std::erase_if(losses, [&](const SiteLoss& loss) { return loss.moved.prefix == addition.prefix; });
  std::erase_if(additions, [&](const SiteAddition& old) { return old.prefix == addition.prefix; });
  if (additions.size() >= kMost)
    return absl::ResourceExhaustedError("no more than " + std::to_string(kMost) +
                                        " prefixes can be moved here");
  additions.push_back(addition);
  return Save(std::move(additions), std::move(losses));
}

absl::Status SiteMoves::Lose(const SiteLoss& loss) {
  auto additions = additions_;
  auto losses = losses_;
  std::erase_if(losses, [&](const SiteLoss& old) { return old.moved == loss.moved; });
  std::erase_if(additions, [&](const SiteAddition& old) { return loss.moved.prefix.Contains(old.prefix); });
  const auto claimed =
      std::find_if(losses.begin(), losses.end(), [](const SiteLoss& l) { return l.claimed; });
  if (losses.size() >= kMost && claimed != losses.end()) losses.erase(claimed);
  if (losses.size() >= kMost)
    return absl::ResourceExhaustedError("more than " + std::to_string(kMost) + " prefixes have moved away");
  losses.push_back(loss);
  return Save(std::move(additions), std::move(losses));
}

absl::Status SiteMoves::Regain(const Prefix& prefix) {
  auto losses = losses_;
  const auto ended = std::erase_if(losses, [&](const SiteLoss& loss) { return loss.moved.prefix == prefix; });
  return ended == 0 ? absl::OkStatus() : Save(additions_, std::move(losses));
}

absl::Status SiteMoves::Remove(const Prefix& prefix) {
  auto additions = additions_;
  const auto removed = std::erase_if(additions, [&](const SiteAddition& a) { return a.prefix == prefix; });
  if (removed == 0) return absl::NotFoundError(prefix.ToString() + " was not moved to a site of this router");
  return Save(std::move(additions), losses_);
}

void SiteMoves::ApplyTo(const Config& written, Config* config) const {
  config->sites = written.sites;
  config->slaves = written.slaves;
  config->resolvers = written.resolvers;
  config->delegations = written.delegations;
  for (const SiteConfig& site : written.sites) {
    if (site.claim) config->delegations.push_back(*site.claim);
  }
  config->moved.clear();
  for (const SiteLoss& loss : losses_) config->moved.push_back(loss.moved);
  for (const SiteAddition& addition : additions_) {
    const auto site = std::find_if(config->sites.begin(), config->sites.end(),
                                   [&](const SiteConfig& s) { return s.interface == addition.interface; });
    if (site == config->sites.end() || config->FindDomain(addition.domain) == nullptr) {
      spdlog::warn("{} was moved to {} in the domain {}, which the configuration has no more: not served",
                   addition.prefix.ToString(), addition.interface, addition.domain);
      continue;
    }
    site->prefixes.push_back({addition.domain, addition.prefix, 0});
    config->delegations.insert(config->delegations.end(), addition.delegations.begin(),
                               addition.delegations.end());
  }
}

}  // namespace ov6
