// SPDX-License-Identifier: Apache-2.0
// `ov6ctl key`: the node's key as the daemon has it, or one in a directory, as ov6d keeps it and as an
// anchor is kept away from every router.
#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/wire/node_key.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

constexpr uint32_t kMostSought = 2;  // 2^32 hashes: half an hour
constexpr int kAggregate = 48;       // of the prefix shown for `in`

std::string KeyText(const json::value& key) {
  std::string text = fmt::format("key {}\nmodifier {} security {}\n", MemberText(key, "public_key"),
                                 MemberText(key, "modifier"), MemberText(key, "security"));
  const auto* domains = key.as_object().if_contains("domains");
  if (domains == nullptr || !domains->is_array()) return text;
  for (const auto& domain : domains->get_array()) {
    text += fmt::format("domain {} prefix {} trust {} security {} own {}\n", MemberText(domain, "name"),
                        MemberText(domain, "prefix"), MemberText(domain, "trust"),
                        MemberText(domain, "security"), MemberText(domain, "own_prefix"));
  }
  return text;
}

void Print(Context& context, const json::value& key) {
  if (context.options.json || !key.is_object()) return context.PrintJson(key);
  context.out << KeyText(key);
}

json::object ToJson(const NodeKey& key) {
  return {{"public_key", ToHex(key.key.public_key())},
          {"modifier", ToHex(key.modifier)},
          {"security", key.security()}};
}

absl::Status ShowDirectory(Context& context, const std::string& directory, Words& words) {
  Domain domain;
  domain.aggregate = kAggregate;
  const bool in = words.Skip("in");
  if (in) {
    const auto prefix = words.NeedPrefix();
    if (!prefix.ok()) return prefix.status();
    domain.prefix = *prefix;
    domain.aggregate = std::max(kAggregate, prefix->length);
  }
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto key = LoadNodeKey(directory);
  if (!key.ok()) return Refused(std::string(key.status().message()));
  json::object shown = ToJson(*key);
  if (in) {
    shown["domains"] = json::array{json::object{{"name", "-"},
                                                {"prefix", domain.prefix.ToString()},
                                                {"trust", "self"},
                                                {"security", key->security()},
                                                {"own_prefix", key->Owned(domain).ToString()}}};
  }
  Print(context, shown);
  return absl::OkStatus();
}

absl::Status Show(Context& context, Words& words) {
  if (const auto directory = words.Next()) return ShowDirectory(context, *directory, words);
  const auto key = context.daemon.Get("/v1/key");
  if (!key.ok()) return key.status();
  Print(context, *key);
  return absl::OkStatus();
}

// A key that is there stays: at most its modifier becomes stronger.
absl::Status New(Context& context, Words& words) {
  const auto directory = words.Need("a directory");
  if (!directory.ok()) return directory.status();
  uint32_t security = kQuickSecurity;
  if (words.Skip("security")) {
    const auto number = words.NeedNumber("security", kMostSought);
    if (!number.ok()) return number.status();
    security = *number;
  }
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto key = LoadOrMakeNodeKey(*directory, security, kMostSought);
  if (!key.ok()) return Refused(std::string(key.status().message()));
  Print(context, ToJson(*key));
  return absl::OkStatus();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"new", New}};

}  // namespace

absl::Status KeyObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
