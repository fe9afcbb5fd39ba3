// SPDX-License-Identifier: Apache-2.0
// `ov6ctl token`: who may connect as a slave from elsewhere.
#include <fmt/format.h>

#include "userspace/base/files.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto answer = context.daemon.Get("/v1/tokens");
  if (!answer.ok()) return answer.status();
  if (context.options.json) {
    context.PrintJson(*answer);
    return absl::OkStatus();
  }
  Table table({{"NAME"}, {"KIND"}, {"PREFIX"}, {"DOMAIN"}, {"REPLACE"}});
  for (const auto& token : MemberArray(*answer, "tokens")) {
    table.Add({MemberText(token, "name"), MemberText(token, "kind"), MemberText(token, "prefix"),
               MemberText(token, "domain"), MemberText(token, "replace")});
  }
  context.out << table.ToString();
  return absl::OkStatus();
}

absl::StatusOr<std::string> TokenIn(const std::string& file) {
  const auto text = ReadFile(file);
  if (!text.ok()) return Usage(std::string(text.status().message()));
  return text->substr(0, text->find_last_not_of(" \n") + 1);
}

// new NAME prefix DOMAIN:auto|DOMAIN:own|DOMAIN:PREFIX [kind gateway|dht] [replace] [token FILE]
absl::StatusOr<json::object> ReadNew(Words& words) {
  const auto name = words.Need("a name for the slave");
  if (!name.ok()) return name.status();
  json::object body = {{"name", *name}};
  while (const auto word = words.Next()) {
    if (*word == "replace") {
      body["replace"] = true;
    } else if (*word == "token") {
      const auto file = words.Need("a file with the token that another master has made");
      const auto token = file.ok() ? TokenIn(*file) : file.status();
      if (!token.ok()) return token.status();
      body["token"] = *token;
    } else if (*word == "kind" || *word == "prefix") {
      const auto value =
          words.Need(*word == "kind" ? "a kind, 'gateway' or 'dht'" : "DOMAIN:auto or DOMAIN:PREFIX");
      if (!value.ok()) return value.status();
      if (*word == "kind") body["kind"] = *value;
      if (*word == "kind") continue;
      const size_t colon = value->find(':');
      if (colon == value->npos) return Usage(fmt::format("'{}' is not DOMAIN:auto or DOMAIN:PREFIX", *value));
      body["domain"] = value->substr(0, colon);
      body["prefix"] = value->substr(colon + 1);
    } else {
      return Usage(fmt::format("'{}' is none of: prefix, kind, replace, token", *word));
    }
  }
  if (!body.contains("prefix")) return Usage("'prefix DOMAIN:auto' or 'prefix DOMAIN:PREFIX' is missing");
  return body;
}

// The token is told once: it is kept as a hash.
absl::Status New(Context& context, Words& words) {
  const auto body = ReadNew(words);
  if (!body.ok()) return body.status();
  const auto answer = context.daemon.Ask("POST", "/v1/tokens", *body);
  if (!answer.ok()) return answer.status();
  if (context.options.json) {
    context.PrintJson(*answer);
  } else {
    context.out << MemberText(*answer, "token") << "\n";
  }
  return absl::OkStatus();
}

absl::Status Del(Context& context, Words& words) {
  const auto name = words.Need("the name of a slave");
  if (!name.ok()) return name.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("DELETE", "/v1/tokens", {{"name", *name}}).status();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"new", New}, {"del", Del}};

}  // namespace

absl::Status TokenObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
