// SPDX-License-Identifier: Apache-2.0
// `ov6ctl site`: the prefixes of the sites; and moving one here from another router.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include "userspace/base/files.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table.h"
#include "userspace/wire/delegation.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

std::string ToText(const json::value& site) {
  std::string text;
  for (const auto& address : MemberArray(site, "to"))
    text += (text.empty() ? "" : ",") + std::string(address.as_string());
  return text.empty() ? "-" : text;
}

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto answer = context.daemon.Get("/v1/sites");
  if (!answer.ok()) return answer.status();
  if (context.options.json) {
    context.PrintJson(*answer);
    return absl::OkStatus();
  }
  Table table({{"PREFIX"}, {"DOMAIN"}, {"DEV"}, {"STATE"}, {"TO"}});
  for (const auto& site : answer->as_array()) {
    const std::string device = MemberText(site, "interface");
    table.Add({MemberText(site, "prefix"), MemberText(site, "domain"), device.empty() ? "-" : device,
               MemberText(site, "state"), ToText(site)});
  }
  context.out << table.ToString();
  return absl::OkStatus();
}

absl::StatusOr<json::array> TokensOf(const std::string& file) {
  const auto text = ReadFile(file);
  if (!text.ok()) return Usage(std::string(text.status().message()));
  json::array tokens;
  for (const auto& [number, line] : TokenLines(*text)) tokens.emplace_back(line);
  if (tokens.empty()) return Usage(fmt::format("{} holds no delegation", file));
  return tokens;
}

absl::Status Move(Context& context, Words& words) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  words.Skip("to");
  if (!words.Skip("dev")) return Usage("'dev DEVICE' should follow the prefix: the site it moves to");
  const auto device = words.Need("a site's device");
  if (!device.ok()) return device.status();
  json::object body = {{"prefix", prefix->ToString()}, {"interface", *device}};
  if (words.Skip("with")) {
    const auto file = words.Need("a file of delegations");
    if (!file.ok()) return file.status();
    const auto tokens = TokensOf(*file);
    if (!tokens.ok()) return tokens.status();
    body["delegations"] = *tokens;
  }
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto answer = context.daemon.Ask("POST", "/v1/sites", body);
  if (answer.ok() && context.options.json) context.PrintJson(*answer);
  return answer.status();
}

absl::Status Del(Context& context, Words& words) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("DELETE", "/v1/sites", {{"prefix", prefix->ToString()}}).status();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"move", Move}, {"del", Del}};

}  // namespace

absl::Status SiteObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
