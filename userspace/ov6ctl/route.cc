// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/longest_match.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

// As `route add` takes it.
std::string RouteText(const json::value& route) {
  return fmt::format("{} {} slave {}{}\n", MemberText(route, "dst"), MemberText(route, "action"),
                     MemberText(route, "slave"), MemberText(route, "relay") == "true" ? " relay" : "");
}

struct Routes {
  std::vector<std::pair<Prefix, Route>> entries;
  SlaveNames names;
};

absl::StatusOr<Routes> ReadRoutes(Context& context) {
  const auto tables = context.kernel.OpenTables(Access::kReadOnly);
  if (!tables.ok()) return tables.status();
  auto entries = (*tables)->Routes();
  if (!entries.ok()) return entries.status();
  auto names = SlaveNames::Read(**tables);
  if (!names.ok()) return names.status();
  std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return Routes{*std::move(entries), *std::move(names)};
}

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto routes = ReadRoutes(context);
  if (!routes.ok()) return routes.status();
  json::array array;
  for (const auto& [prefix, route] : routes->entries) array.push_back(Describe(prefix, route, routes->names));
  if (context.options.json) {
    context.PrintJson(array);
    return absl::OkStatus();
  }
  context.PrintKernelHead();
  for (const auto& route : array) context.out << RouteText(route);
  return absl::OkStatus();
}

absl::Status Get(Context& context, Words& words) {
  const auto address = words.NeedAddress();
  if (!address.ok()) return address.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto routes = ReadRoutes(context);
  if (!routes.ok()) return routes.status();
  const auto* found = LongestMatch(routes->entries, *address);
  if (found == nullptr) return NotFound(fmt::format("no route covers {}", address->ToString()));
  const json::value route = Describe(found->first, found->second, routes->names);
  if (context.options.json) {
    context.PrintJson(route);
  } else {
    context.out << RouteText(route);
  }
  return absl::OkStatus();
}

// `show` prints the owner; by hand only the operator's own can be added.
absl::Status SkipOperator(Words& words) {
  if (!words.Skip("slave")) return absl::OkStatus();
  const auto slave = words.Need("a slave's name");
  if (!slave.ok()) return slave.status();
  if (*slave == "operator") return absl::OkStatus();
  return Refused(fmt::format(
      "routes of the slave '{}' are its own to register; by hand they are the operator's", *slave));
}

absl::Status Add(Context& context, Words& words) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  const auto word = words.Need("an action");
  if (!word.ok()) return word.status();
  const auto action = ParseAction(*word);
  if (!action || *action == Action::kNone) {
    return Usage(fmt::format("'{}' is no action; there is tunnel, site, port, pass, reject", *word));
  }
  const json::object body = {{"dst", prefix->ToString()}, {"action", *word}};
  if (auto status = SkipOperator(words); !status.ok()) return status;
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("POST", "/v1/routes", body).status();
}

absl::Status Delete(Context& context, Words& words) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("DELETE", "/v1/routes", {{"dst", prefix->ToString()}}).status();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"get", Get}, {"add", Add}, {"del", Delete}};

}  // namespace

absl::Status RouteObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
