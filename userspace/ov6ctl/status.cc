// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <boost/json/object.hpp>

#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

std::string UnderlayText(const json::value& device) {
  return fmt::format("underlay {} address {} encap {} mtu {} door {} ({})\n", MemberText(device, "interface"),
                     MemberText(device, "address"), MemberText(device, "encapsulation"),
                     MemberText(device, "mtu"), MemberText(device, "door"), MemberText(device, "reason"));
}

std::string SiteText(const json::value& device) {
  return fmt::format("site {} prefixes {} door {} ({})\n", MemberText(device, "interface"),
                     MemberText(device, "prefixes"), MemberText(device, "door"),
                     MemberText(device, "reason"));
}

std::string SelfText(const json::value& device) {
  return fmt::format("self {} addresses {} mtu {} door {} ({})\n", MemberText(device, "interface"),
                     MemberText(device, "addresses"), MemberText(device, "mtu"), MemberText(device, "door"),
                     MemberText(device, "reason"));
}

std::string DomainText(const json::value& domain) {
  const bool open = MemberText(domain, "trust") == "open";
  return fmt::format("domain {} prefix {} aggregate {} trust {} own {}{}\n", MemberText(domain, "name"),
                     MemberText(domain, "prefix"), MemberText(domain, "aggregate"),
                     MemberText(domain, "trust"), MemberText(domain, "own_prefix"),
                     open ? " (anybody may claim any prefix of it)" : "");
}

// Where NATs let this router be seen, and its direct paths.
std::string PathsText(const json::value& paths) {
  std::string text;
  if (const std::string outside = MemberText(paths, "outside"); !outside.empty())
    text = fmt::format("outside {}\n", outside);
  for (const auto& peer : MemberArray(paths, "peers")) {
    const std::string path = MemberText(peer, "path");
    text += fmt::format("path to {} {}{} slave {}\n", MemberText(peer, "prefixes"), MemberText(peer, "state"),
                        path.empty() ? "" : " by " + path, MemberText(peer, "slave"));
  }
  return text;
}

std::string NumbersText(const char* title, const json::value& numbers) {
  std::string text;
  if (const auto* members = numbers.if_object()) {
    for (const auto& member : *members) {
      text += fmt::format(" {} {}", std::string(member.key()),
                          MemberText(numbers, std::string(member.key()).c_str()));
    }
  }
  return text.empty() ? "" : title + text + "\n";
}

struct Part {
  const char* name;
  std::string (*text)(const json::value& entry);
};
constexpr Part kParts[] = {
    {"underlays", UnderlayText}, {"sites", SiteText}, {"self", SelfText}, {"domains", DomainText}};

std::string StatusText(const json::object& status) {
  const json::value value(status);
  std::string text = fmt::format("ov6d {} pid {} up {} s run {}\nkey {}\n", MemberText(value, "version"),
                                 MemberText(value, "pid"), MemberText(value, "uptime_s"),
                                 MemberText(value, "run"), MemberText(value, "public_key"));
  for (const Part& part : kParts) {
    const auto* entries = status.if_contains(part.name);
    if (entries == nullptr || !entries->is_array()) continue;
    for (const auto& entry : entries->get_array()) text += part.text(entry);
  }
  if (const auto* paths = status.if_contains("direct_paths")) text += PathsText(*paths);
  for (const char* numbers : {"tables", "counters"}) {
    if (const auto* found = status.if_contains(numbers)) text += NumbersText(numbers, *found);
  }
  return text;
}

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto status = context.daemon.Get("/v1/status");
  if (!status.ok()) return status.status();
  if (context.options.json || !status->is_object()) {
    context.PrintJson(*status);
  } else {
    context.out << StatusText(status->get_object());
  }
  return absl::OkStatus();
}

constexpr Verb kVerbs[] = {{"show", Show}};

}  // namespace

absl::Status StatusObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
