// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/key_api.h"

#include <algorithm>
#include <boost/json/array.hpp>

#include "userspace/base/text.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

namespace json = boost::json;

struct Wish {
  Delegation link;
  bool any_length = false;  // max_length is not asked for
};

absl::StatusOr<int64_t> NumberIn(const json::object& body, const char* name, int64_t first, int64_t last,
                                 int64_t otherwise) {
  const auto* value = body.if_contains(name);
  if (value == nullptr) return otherwise;
  if (value->is_int64() && value->get_int64() >= first && value->get_int64() <= last)
    return value->get_int64();
  return absl::InvalidArgumentError("the field \"" + std::string(name) + "\" should be a number from " +
                                    std::to_string(first) + " to " + std::to_string(last));
}

absl::StatusOr<Wish> ReadWish(const json::object& body, UnixTime now) {
  const auto prefix = Prefix::Parse(TextIn(body, "prefix"));
  if (!prefix) return absl::InvalidArgumentError("the field \"prefix\" should be an IPv6 prefix");
  const auto key = FromHex(TextIn(body, "to"));
  if (!key.ok() || key->size() != sizeof(PublicKey))
    return absl::InvalidArgumentError("the field \"to\" should be a public key, 64 hexadecimal digits");
  const auto length = NumberIn(body, "max_length", prefix->length, 128, 128);
  const auto lifetime = NumberIn(body, "lifetime_s", 1, std::chrono::seconds(kLongestDelegation).count(), 0);
  if (!length.ok()) return length.status();
  if (!lifetime.ok()) return lifetime.status();
  if (*lifetime == 0) return absl::InvalidArgumentError("the field \"lifetime_s\" is missing");
  Wish wish;
  wish.any_length = !body.contains("max_length");
  wish.link.prefix = *prefix;
  wish.link.max_length = static_cast<int>(*length);
  wish.link.not_before = now;
  wish.link.expiry = now + std::chrono::seconds(*lifetime);
  std::copy(key->begin(), key->end(), wish.link.subject.begin());
  return wish;
}

const Domain* DomainAround(const Config& config, const Prefix& prefix) {
  const auto found = std::find_if(config.domains.begin(), config.domains.end(),
                                  [&](const Domain& domain) { return domain.prefix.Contains(prefix); });
  return found == config.domains.end() ? nullptr : &*found;
}

// By what the key may hand the prefix on: its own right, or a delegation.
absl::StatusOr<DelegationToken> RightTo(const Config& config, const Domain& domain, const NodeKey& key,
                                        const Prefix& prefix) {
  const PublicKey& own = key.key.public_key();
  const bool cut = domain.trust == Domain::Trust::kSelf && key.Owned(domain).Contains(prefix);
  const bool anchor = std::find(domain.anchors.begin(), domain.anchors.end(), own) != domain.anchors.end();
  if (cut || anchor || domain.trust == Domain::Trust::kOpen)
    return DelegationToken{domain.name, own, key.modifier, key.security(), {}};
  const DelegationToken* held = FindToken(config.delegations, domain.name, own, prefix);
  if (held == nullptr) {
    return absl::PermissionDeniedError("this node holds nothing around " + prefix.ToString() +
                                       " in the domain \"" + domain.name + "\" that it could delegate");
  }
  if (held->chain.size() < kMaxLinks) return *held;
  return absl::PermissionDeniedError("what this node holds was handed on " + std::to_string(kMaxLinks) +
                                     " times already, and may not be once more");
}

}  // namespace

json::object KeyJson(const Config& config, const NodeLayout& layout, const NodeKey& key) {
  json::array domains;
  for (const Domain& domain : config.domains) {
    const auto own = layout.own.find(domain.name);
    json::object item = {{"name", domain.name},
                         {"prefix", domain.prefix.ToString()},
                         {"trust", std::string(ToString(domain.trust))},
                         {"security", domain.security},
                         {"own_prefix", nullptr}};
    if (own != layout.own.end()) item["own_prefix"] = own->second.ToString();
    domains.push_back(std::move(item));
  }
  return {{"public_key", ToHex(key.key.public_key())},
          {"modifier", ToHex(key.modifier)},
          {"security", key.security()},
          {"domains", std::move(domains)}};
}

absl::StatusOr<json::object> DelegateJson(const Config& config, const NodeKey& key, const json::object& body,
                                          UnixTime now) {
  auto wish = ReadWish(body, now);
  if (!wish.ok()) return wish.status();
  Delegation& link = wish->link;
  const Domain* domain = DomainAround(config, link.prefix);
  if (domain == nullptr)
    return absl::NotFoundError(link.prefix.ToString() + " is in no domain of this router");
  auto right = RightTo(config, *domain, key, link.prefix);
  if (!right.ok()) return right.status();
  if (wish->any_length && !right->chain.empty()) link.max_length = right->chain.back().max_length;
  const PublicKey subject = link.subject;
  const DelegationToken token = Extend(*std::move(right), key.key, link);
  if (absl::Status status = CheckToken(token, subject, *domain, now); !status.ok()) return status;
  return json::object{{"token", EncodeToken(token)},
                      {"domain", domain->name},
                      {"prefix", link.prefix.ToString()},
                      {"max_length", link.max_length},
                      {"to", ToHex(subject)},
                      {"links", token.chain.size()},
                      {"expiry", ExpiryOf(token).time_since_epoch().count()}};
}

}  // namespace ov6
