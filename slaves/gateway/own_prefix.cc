// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/own_prefix.h"

#include <algorithm>
#include <boost/json.hpp>

#include "slaves/runtime/slave_main.h"

namespace ov6 {
namespace {

namespace json = boost::json;

constexpr int kSubnetLength = 64;

template <size_t N>
absl::Status ReadHex(const json::object& object, const char* name, std::array<uint8_t, N>* out) {
  const auto text = StringField(object, name);
  const auto bytes = text.ok() ? FromHex(*text) : text.status();
  if (!bytes.ok()) return bytes.status();
  if (bytes->size() != N)
    return absl::InvalidArgumentError("\"" + std::string(name) + "\" should be " + std::to_string(2 * N) +
                                      " hexadecimal digits");
  std::copy(bytes->begin(), bytes->end(), out->begin());
  return absl::OkStatus();
}

absl::Status ReadDomain(const json::object& object, Domain* domain) {
  const auto name = StringField(object, "name");
  const auto text = StringField(object, "prefix");
  const auto aggregate = IntegerField(object, "aggregate");
  const auto security = IntegerField(object, "security");
  for (const absl::Status& status : {name.status(), text.status(), aggregate.status(), security.status()}) {
    if (!status.ok()) return status;
  }
  const auto prefix = Prefix::Parse(*text);
  if (!prefix || *aggregate < prefix->length || *aggregate > kSubnetLength || *security < 0 ||
      *security > kMaxSecurity)
    return absl::InvalidArgumentError("the domain " + *name + " is none that a key could own a prefix of");
  domain->name = *name;
  domain->prefix = *prefix;
  domain->aggregate = static_cast<int>(*aggregate);
  domain->security = static_cast<uint32_t>(*security);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<std::optional<OwnOffer>> ReadOffer(const json::object& config) {
  const auto* own = config.if_contains("own");
  if (own == nullptr) return std::nullopt;
  const auto* domain = own->is_object() ? own->get_object().if_contains("domain") : nullptr;
  const auto* node = config.if_contains("node");
  if (domain == nullptr || !domain->is_object() || node == nullptr || !node->is_object())
    return absl::InvalidArgumentError("the configuration's \"own\" should have a domain, beside a node");
  OwnOffer offer;
  absl::Status status = ReadDomain(domain->get_object(), &offer.domain);
  status.Update(ReadHex(own->get_object(), "challenge", &offer.challenge));
  status.Update(ReadHex(node->get_object(), "public_key", &offer.router));
  if (!status.ok()) return status;
  return offer;
}

absl::StatusOr<Prefix> OwnSubnet(const Domain& domain, const NodeKey& key,
                                 const std::optional<Prefix>& wanted) {
  if (key.security() < domain.security)
    return absl::FailedPreconditionError(
        "the key's modifier is of security " + std::to_string(key.security()) + ", and the domain " +
        domain.name + " asks for " + std::to_string(domain.security) + ": \"ov6ctl key new\" finds another");
  const Prefix own = key.Owned(domain);
  Prefix subnet{own.address, kSubnetLength};
  if (own.length < kSubnetLength) subnet.address.bytes[kSubnetLength / 8 - 1] |= 1;
  if (!wanted) return subnet;
  if (wanted->length == kSubnetLength && own.Contains(*wanted)) return *wanted;
  return absl::InvalidArgumentError("the key owns " + own.ToString() +
                                    "; --prefix should be a /64 of it, not " + wanted->ToString());
}

std::string MakeClaim(const OwnOffer& offer, const NodeKey& key, const Prefix& subnet,
                      const std::string& name, UnixTime now) {
  Delegation link;
  link.prefix = subnet;
  link.max_length = kSubnetLength;
  link.subject = offer.router;
  link.not_before = now;
  link.expiry = now + std::chrono::duration_cast<std::chrono::seconds>(kClaimLifetime);
  const DelegationToken right{offer.domain.name, key.key.public_key(), key.modifier, key.security(), {}};
  const Signature proof = key.key.Sign(ClaimBytes(offer.challenge, offer.router, name));
  return json::serialize(
      json::object{{"delegation", EncodeToken(Extend(right, key.key, link))}, {"proof", ToHex(proof)}});
}

}  // namespace ov6
