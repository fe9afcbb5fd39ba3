// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/mapping_words.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

// --- show ----------------------------------------------------------------------

uint32_t SecondsLeft(BootTime expiry, BootTime now) {
  return static_cast<uint32_t>(std::chrono::duration_cast<std::chrono::seconds>(expiry - now).count());
}

// One that is expired, or in its last second, has no lifetime that `add` would take, and nobody adds places
// that a prefix moved from, or paths that somebody checks, by hand: they are left out.
std::string MappingText(const Prefix& prefix, const Mapping& mapping, BootTime now) {
  if ((mapping.flags & (OV6_MAPPING_FORMER | OV6_MAPPING_DIRECT)) != 0) return "";
  MappingWords words{.prefix = prefix, .locators = mapping.locators, .lifetime_s = std::nullopt};
  if (mapping.hard_expiry) {
    if (*mapping.hard_expiry < now + std::chrono::seconds(1)) return "";
    words.lifetime_s = SecondsLeft(*mapping.hard_expiry, now);
  }
  return FormatMappingWords(words) + "\n";
}

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto tables = context.kernel.OpenTables(Access::kReadOnly);
  if (!tables.ok()) return tables.status();
  auto mappings = (*tables)->Mappings();
  if (!mappings.ok()) return mappings.status();
  const auto names = SlaveNames::Read(**tables);
  if (!names.ok()) return names.status();
  std::sort(mappings->begin(), mappings->end(),
            [](const auto& a, const auto& b) { return a.first < b.first; });
  context.PrintKernelHead();
  json::array array;
  for (const auto& [prefix, mapping] : *mappings) {
    array.push_back(Describe(prefix, mapping, *names, context.now));
    if (!context.options.json) context.out << MappingText(prefix, mapping, context.now);
  }
  if (context.options.json) context.PrintJson(array);
  return absl::OkStatus();
}

// --- add and del: through the daemon, or straight into the maps where none runs ----------

json::object ToBody(const MappingWords& mapping) {
  json::array locators;
  for (const Locator& locator : mapping.locators) {
    locators.push_back(json::object{{"address", locator.address.ToString()},
                                    {"encapsulation", std::string(ToString(locator.encapsulation))},
                                    {"port", locator.port},
                                    {"priority", locator.priority},
                                    {"mtu", locator.mtu}});
  }
  json::object body = {{"prefix", mapping.prefix.ToString()}, {"locators", std::move(locators)}};
  if (mapping.lifetime_s) body["lifetime_s"] = *mapping.lifetime_s;
  return body;
}

Mapping ToMapping(const MappingWords& words, BootTime now) {
  Mapping mapping{.locators = words.locators, .soft_expiry = std::nullopt, .hard_expiry = std::nullopt};
  std::stable_sort(mapping.locators.begin(), mapping.locators.end(),
                   [](const Locator& a, const Locator& b) { return a.priority < b.priority; });
  if (words.lifetime_s) {
    mapping.hard_expiry = now + std::chrono::seconds(*words.lifetime_s);
  } else {
    mapping.flags = OV6_MAPPING_STATIC;
  }
  return mapping;
}

absl::StatusOr<std::shared_ptr<Tables>> OpenWithoutDaemon(Context& context, const absl::Status& no_daemon) {
  auto tables = context.kernel.OpenTables(Access::kReadWrite);
  if (!tables.ok()) {
    return absl::Status(no_daemon.code(), fmt::format("{}; and {}", std::string(no_daemon.message()),
                                                      std::string(tables.status().message())));
  }
  return tables;
}

void SayWithoutDaemon(Context& context) {
  context.err << fmt::format("# no daemon at {}: changed the kernel maps at {}\n",
                             context.options.socket.native(), (context.options.Bpffs() / "maps").native());
}

absl::Status Add(Context& context, Words& words) {
  const auto mapping = ReadMappingWords(words);
  if (!mapping.ok()) return mapping.status();
  const auto answer = context.daemon.Ask("POST", "/v1/mappings", ToBody(*mapping)).status();
  if (!absl::IsUnavailable(answer)) return answer;
  const auto tables = OpenWithoutDaemon(context, answer);
  if (!tables.ok()) return tables.status();
  for (const Locator& locator : mapping->locators) {
    if (locator.address.IsMartian())
      return Refused(fmt::format("{} can't be a locator: no packet reaches it", locator.address.ToString()));
  }
  if (auto status = (*tables)->SetMapping(mapping->prefix, ToMapping(*mapping, context.now)); !status.ok())
    return status;
  SayWithoutDaemon(context);
  return absl::OkStatus();
}

absl::Status Delete(Context& context, Words& words) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto answer = context.daemon.Ask("DELETE", "/v1/mappings", {{"prefix", prefix->ToString()}}).status();
  if (!absl::IsUnavailable(answer)) return answer;
  const auto tables = OpenWithoutDaemon(context, answer);
  if (!tables.ok()) return tables.status();
  const auto status = (*tables)->DeleteMapping(*prefix);
  if (absl::IsNotFound(status)) return NotFound(fmt::format("there is no mapping {}", prefix->ToString()));
  if (status.ok()) SayWithoutDaemon(context);
  return status;
}

constexpr Verb kVerbs[] = {{"show", Show}, {"add", Add}, {"del", Delete}};

}  // namespace

absl::Status MappingObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
