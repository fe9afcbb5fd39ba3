// SPDX-License-Identifier: Apache-2.0
// Prefixes that slaves elsewhere bring with them, cut from keys of their own: a session has one when it has
// proven that it may hand it on (docs/slave-protocol.md section 8).
#include <algorithm>
#include <boost/json.hpp>

#include "userspace/base/text.h"
#include "userspace/ov6d/slave_service.h"

namespace ov6 {
namespace {

namespace json = boost::json;

std::optional<Signature> SignatureIn(const std::string& text) {
  const auto bytes = FromHex(text);
  if (!bytes.ok() || bytes->size() != sizeof(Signature)) return std::nullopt;
  Signature signature;
  std::copy(bytes->begin(), bytes->end(), signature.begin());
  return signature;
}

}  // namespace

std::vector<Prefix> SlaveService::PrefixesOf(const Slave& slave) {
  std::vector<Prefix> prefixes = slave.plan.prefixes;
  if (slave.plan.claims)
    std::erase_if(prefixes, [&](const Prefix& prefix) { return prefix != slave.claimed; });
  return prefixes;
}

Permission SlaveService::PermissionOf(const Slave& slave) {
  Permission permission = slave.plan.ToPermission();
  permission.prefixes = PrefixesOf(slave);
  return permission;
}

// The signature is over this session's challenge: a delegation stands in every record, for all to read.
absl::StatusOr<DelegationToken> SlaveService::CheckClaim(Slave& slave, const std::string& argument) {
  if (!slave.claims.Take(env_.clock()))
    return absl::ResourceExhaustedError("a session may claim 5 times, then once in 10 s");
  boost::system::error_code error;
  const json::value value = json::parse(argument, error);
  const json::object* object = error ? nullptr : value.if_object();
  const auto proof = object == nullptr ? std::nullopt : SignatureIn(TextIn(*object, "proof"));
  if (!proof) return absl::InvalidArgumentError("the argument should be {\"delegation\": .., \"proof\": ..}");
  auto token = DecodeToken(TextIn(*object, "delegation"));
  if (!token.ok()) return token.status();
  if (token->chain.empty()) return absl::InvalidArgumentError("the delegation has no link");
  const auto bytes = ClaimBytes(slave.challenge, env_.key.key.public_key(), slave.plan.name);
  if (VerifySignature(LastIssuer(*token), bytes, *proof)) return token;
  return absl::PermissionDeniedError("the proof is not, for this session, by the key that delegates " +
                                     token->chain.back().prefix.ToString());
}

absl::StatusOr<std::string> SlaveService::Claim(Slave& slave, const std::string& argument) {
  const auto token = CheckClaim(slave, argument);
  const absl::Status status = token.ok() ? env_.claim(slave.plan.name, *token) : token.status();
  if (!status.ok()) {
    ++counters_.claims_refused;
    slave.log.Warn(env_.clock(), "slave " + slave.plan.name + " claims in vain: " + Message(status));
    return status;
  }
  const Prefix& prefix = token->chain.back().prefix;
  slave.claimed = prefix;
  Readvertise(slave);
  return json::serialize(json::object{{"prefix", prefix.ToString()}});
}

// Where the site has the prefix of an earlier session still; else it comes with the next plan.
void SlaveService::Readvertise(Slave& slave) {
  slave.request.prefixes = PrefixesOf(slave);
  if (slave.request.prefixes.empty()) return;
  Readvertise(std::vector{slave.plan.name});
  AssignAll(slave);
}

}  // namespace ov6
