// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <boost/json/parse.hpp>
#include <charconv>

#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;
using Align = Table::Align;

constexpr const char* kMembers[] = {"id",  "name",     "kind",     "state",
                                    "pid", "uptime_s", "restarts", "interface"};

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto slaves = context.daemon.Get("/v1/slaves");
  if (!slaves.ok()) return slaves.status();
  if (context.options.json || !slaves->is_array()) {
    context.PrintJson(*slaves);
    return absl::OkStatus();
  }
  Table table({{"ID", Align::kRight},
               {"NAME"},
               {"KIND"},
               {"STATE"},
               {"PID", Align::kRight},
               {"UPTIME", Align::kRight},
               {"RESTARTS", Align::kRight},
               {"PORT"},
               {"TRANSPORT"},
               {"PREFIXES"}});
  for (const auto& slave : slaves->get_array()) {
    std::vector<std::string> cells;
    for (const char* member : kMembers) cells.push_back(MemberText(slave, member));
    const json::value* remote = Member(slave, "remote");
    cells.push_back(remote != nullptr ? MemberText(*remote, "transport") : "");
    cells.push_back(MemberText(slave, "prefixes"));
    table.Add(std::move(cells));
  }
  context.out << table.ToString();
  return absl::OkStatus();
}

// A name goes into the request's path as it is.
absl::Status CheckName(const std::string& name) {
  if (!name.empty() && name.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789-") == name.npos)
    return absl::OkStatus();
  return Usage(fmt::format("'{}' is no slave's name: it has characters of a-z, 0-9 and '-'", name));
}

absl::Status Call(Context& context, Words& words) {
  const auto name = words.Need("a slave's name");
  if (!name.ok()) return name.status();
  if (auto status = CheckName(*name); !status.ok()) return status;
  const auto method = words.Need("a method, as 'state'");
  if (!method.ok()) return method.status();
  json::object body = {{"method", *method}};
  if (const auto argument = words.Next()) {
    boost::system::error_code error;
    body["argument"] = json::parse(*argument, error);
    if (error) return Usage(fmt::format("the argument '{}' is no JSON: {}", *argument, error.message()));
  }
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto result = context.daemon.Ask("POST", "/v1/slaves/" + *name + "/call", std::move(body));
  if (!result.ok()) return result.status();
  if (context.options.json) {
    context.PrintJson(*result);
  } else {
    context.out << ToPrettyJson(*result) << "\n";
  }
  return absl::OkStatus();
}

// A word behind a key of a [[slave]]: a number, a list of what stands between commas for "bootstrap", or a
// text.
json::value ValueOf(const std::string& key, const std::string& word) {
  if (key == "bootstrap") {
    json::array list;
    for (size_t at = 0; at <= word.size();) {
      const size_t comma = std::min(word.find(',', at), word.size());
      list.emplace_back(word.substr(at, comma - at));
      at = comma + 1;
    }
    return list;
  }
  int64_t number = 0;
  const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), number);
  if (error == std::errc() && end == word.data() + word.size()) return number;
  return json::value(word);
}

// add NAME [KEY VALUE]..., as in a [[slave]]
absl::Status Add(Context& context, Words& words) {
  const auto name = words.Need("a name for the slave");
  if (!name.ok()) return name.status();
  json::object body = {{"kind", "dht"}, {"name", *name}};
  while (const auto key = words.Next()) {
    const auto value = words.Need(fmt::format("a value for '{}'", *key));
    if (!value.ok()) return value.status();
    body[*key] = *key == "name" || *key == "domain" ? json::value(*value) : ValueOf(*key, *value);
  }
  return context.daemon.Ask("POST", "/v1/slaves", std::move(body)).status();
}

absl::Status Del(Context& context, Words& words) {
  const auto name = words.Need("a slave's name");
  if (!name.ok()) return name.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("DELETE", "/v1/slaves", {{"name", *name}}).status();
}

absl::Status Drain(Context& context, Words& words) {
  const auto name = words.Need("a slave's name");
  if (!name.ok()) return name.status();
  if (auto status = CheckName(*name); !status.ok()) return status;
  json::object body;
  if (words.Skip("for")) {
    const auto seconds = words.NeedNumber("seconds", 86400);
    if (!seconds.ok()) return seconds.status();
    body["away_s"] = *seconds;
  }
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("POST", "/v1/slaves/" + *name + "/drain", std::move(body)).status();
}

absl::Status Start(Context& context, Words& words) {
  const auto name = words.Need("a slave's name");
  if (!name.ok()) return name.status();
  if (auto status = CheckName(*name); !status.ok()) return status;
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("POST", "/v1/slaves/" + *name + "/start", nullptr).status();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"call", Call},   {"add", Add},
                           {"del", Del},   {"drain", Drain}, {"start", Start}};

}  // namespace

absl::Status SlaveObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
