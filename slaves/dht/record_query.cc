// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/record_query.h"

#include <boost/json.hpp>
#include <utility>

#include "slaves/dht/dht_config.h"
#include "userspace/base/text.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

namespace json = boost::json;

int64_t Seconds(UnixTime time) { return time.time_since_epoch().count(); }

json::array ChainJson(const Record& record) {
  json::array chain;
  PublicKey issuer = record.root;
  for (const Delegation& link : record.chain) {
    chain.push_back(json::object{{"prefix", link.prefix.ToString()},
                                 {"max_length", link.max_length},
                                 {"issuer", ToHex(issuer)},
                                 {"subject", ToHex(link.subject)},
                                 {"not_before", Seconds(link.not_before)},
                                 {"expiry", Seconds(link.expiry)}});
    issuer = link.subject;
  }
  return chain;
}

json::array ChecksJson(const std::vector<RecordCheck>& checks) {
  json::array out;
  for (const RecordCheck& check : checks) {
    json::object item = {{"check", check.name}, {"ok", check.verdict.ok()}};
    if (!check.verdict.ok()) item["why"] = std::string(check.verdict.message());
    out.push_back(std::move(item));
  }
  return out;
}

void AddFields(const Record& record, json::object* out) {
  (*out)["prefix"] = record.prefix.ToString();
  (*out)["sequence"] = record.sequence;
  (*out)["not_before"] = Seconds(record.not_before);
  (*out)["expiry"] = Seconds(record.expiry);
  (*out)["revoked"] = record.locators.empty();
  (*out)["locators"] = LocatorsJson(record.locators);
  (*out)["control_port"] = record.control_port;
  (*out)["public_key"] = ToHex(record.public_key);
  (*out)["root"] = ToHex(RootOf(record));
  (*out)["security"] = record.security;
  (*out)["chain"] = ChainJson(record);
}

// All places, each once, in the order of storage lengths.
std::vector<Prefix> PlacesAround(const Domain& domain, const Ipv6& address) {
  std::vector<Prefix> out;
  for (const int length : StorageLengths(domain)) {
    for (const Place& place : Places(domain, length, address)) out.push_back(place);
  }
  return out;
}

}  // namespace

json::object RecordJson(std::span<const uint8_t> value, const Domain& domain, UnixTime now) {
  json::object out = {{"bytes", value.size()}};
  const auto read = DecodeSigned(value);
  if (read.ok()) AddFields(read->record, &out);
  const std::vector<RecordCheck> checks = JudgeSigned(value, domain, now);
  bool good = true;
  for (const RecordCheck& check : checks) good = good && check.verdict.ok();
  out["good"] = good;
  out["checks"] = ChecksJson(checks);
  return out;
}

void RecordQuery::OnCall(const std::string& argument, Respond respond) {
  boost::system::error_code error;
  const json::value value = json::parse(argument, error);
  const json::object object = error || !value.is_object() ? json::object() : value.get_object();
  const auto prefix = Prefix::Parse(TextIn(object, "prefix"));
  const auto address = Ipv6::Parse(TextIn(object, "address"));
  if (!prefix && !address) {
    return respond(absl::InvalidArgumentError(
        "the argument " + argument + " should be {\"prefix\": an IPv6 prefix} or {\"address\": one}"));
  }
  if (!domain_.prefix.Contains(prefix ? prefix->address : *address)) {
    return respond(absl::InvalidArgumentError((prefix ? prefix->ToString() : address->ToString()) +
                                              " is not inside the domain " + domain_.name + ", " +
                                              domain_.prefix.ToString()));
  }
  if (queries_.size() >= kMostAtOnce)
    return respond(absl::ResourceExhaustedError("as many records as possible are being asked for"));
  Query query;
  query.done = [this, respond = std::move(respond)](const Query& done) { respond(Answer(done)); };
  if (prefix) query.wanted = [wanted = *prefix](const Prefix& p) { return p == wanted; };
  if (!prefix) query.wanted = [wanted = *address](const Prefix& p) { return p.Contains(wanted); };
  Start(prefix ? PlacesOf(domain_, *prefix) : PlacesAround(domain_, *address), std::move(query));
}

void RecordQuery::Find(const Prefix& prefix, Found found) {
  Query query;
  query.wanted = [prefix](const Prefix& p) { return p == prefix; };
  query.done = [found = std::move(found)](const Query& done) { found(done.values); };
  Start(PlacesOf(domain_, prefix), std::move(query));
}

void RecordQuery::Start(const std::vector<Prefix>& places, Query query) {
  std::set<Key> keys;
  for (const Prefix& place : places) keys.insert(KeyOf(domain_, place.address));
  const uint64_t id = next_query_++;
  const uint64_t first = next_get_;
  for (size_t i = 0; i < keys.size(); ++i) {
    query.gets.insert(next_get_);
    query_of_[next_get_++] = id;
  }
  query.asked = keys.size();
  queries_.emplace(id, std::move(query));
  uint64_t get = first;
  for (const Key& key : keys) submit_(GetRequest{get++, key});  // may answer at once
}

bool RecordQuery::OnGet(const GetOutput& output) {
  const auto found = query_of_.find(output.id);
  if (found == query_of_.end()) return output.id >= kFirstRequest;
  const uint64_t id = found->second;
  query_of_.erase(found);
  Query& query = queries_.at(id);
  query.gets.erase(output.id);
  if (output.outcome == GetOutcome::kUnreachable) ++query.unanswered;
  for (const Bytes& value : output.values) {
    const auto read = DecodeSigned(value);
    if (read.ok() && query.wanted(read->record.prefix)) query.values.insert(value);
  }
  if (!query.gets.empty()) return true;
  const Query done = std::move(queries_.extract(id).mapped());
  done.done(done);
  return true;
}

std::string RecordQuery::Answer(const Query& query) const {
  json::array records;
  for (const Bytes& value : query.values) records.push_back(RecordJson(value, domain_, clock_.Wall()));
  return json::serialize(json::object{{"domain", domain_.name},
                                      {"trust", std::string(ToString(domain_.trust))},
                                      {"asked", query.asked},
                                      {"unanswered", query.unanswered},
                                      {"records", std::move(records)}});
}

}  // namespace ov6
