// SPDX-License-Identifier: Apache-2.0
// `ov6ctl record`: what the DHT holds for a prefix, who signed it by whose leave, and what each check says.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <map>
#include <set>

#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

bool Is(const json::value& object, const char* name) {
  const auto* member = Member(object, name);
  return member != nullptr && member->is_bool() && member->get_bool();
}

std::string TimeText(const json::value& object, const char* name) {
  const auto* member = Member(object, name);
  if (member == nullptr || !member->is_int64()) return "-";
  return fmt::format("{:%FT%TZ}", fmt::gmtime(static_cast<time_t>(member->get_int64())));
}

std::string LocatorsText(const json::value& record) {
  if (Is(record, "revoked")) return " revoked";
  std::string text;
  for (const auto& locator : MemberArray(record, "locators")) {
    text += " via " + MemberText(locator, "address");
    if (MemberText(locator, "encapsulation") == "udp") text += ":" + MemberText(locator, "port");
    text += " encap " + MemberText(locator, "encapsulation");
  }
  return text;
}

std::string ChainText(const json::value& record) {
  std::string text;
  int number = 0;
  for (const auto& link : MemberArray(record, "chain")) {
    text +=
        fmt::format("    link {}: {} up to /{} from {} until {}\n        by {}\n        to {}\n", ++number,
                    MemberText(link, "prefix"), MemberText(link, "max_length"), TimeText(link, "not_before"),
                    TimeText(link, "expiry"), MemberText(link, "issuer"), MemberText(link, "subject"));
  }
  return text;
}

std::string ChecksText(const json::value& record) {
  std::string good, bad;
  for (const auto& check : MemberArray(record, "checks")) {
    const std::string name = MemberText(check, "check");
    if (Is(check, "ok")) good += (good.empty() ? "" : ", ") + name;
    if (!Is(check, "ok")) bad += fmt::format("    WRONG {}: {}\n", name, MemberText(check, "why"));
  }
  return fmt::format("    checked: {}\n{}", good, bad);
}

std::string RecordText(const json::value& record) {
  return fmt::format(
      "{}{} {}\n    sequence {} from {} until {} control port {} bytes {}\n    signed by {} security "
      "{}\n{}{}",
      MemberText(record, "prefix"), LocatorsText(record), Is(record, "good") ? "good" : "WRONG",
      MemberText(record, "sequence"), TimeText(record, "not_before"), TimeText(record, "expiry"),
      MemberText(record, "control_port"), MemberText(record, "bytes"), MemberText(record, "public_key"),
      MemberText(record, "security"), ChainText(record), ChecksText(record));
}

// Prefixes that are claimed from more than one root.
std::string Disputed(const json::array& records) {
  std::map<std::string, std::set<std::string>> roots;
  std::string text;
  for (const auto& record : records) roots[MemberText(record, "prefix")].insert(MemberText(record, "root"));
  for (const auto& [prefix, keys] : roots) {
    if (keys.size() > 1)
      text += fmt::format("{}{} by {} keys", text.empty() ? "" : ", ", prefix, keys.size());
  }
  return text;
}

absl::Status Judge(const json::value& answer, const std::string& what) {
  const json::array& records = MemberArray(answer, "records");
  if (const std::string disputed = Disputed(records); !disputed.empty())
    return Different("claimed more than once: " + disputed);
  if (!records.empty()) return absl::OkStatus();
  if (MemberText(answer, "unanswered") != "0")
    return Refused(fmt::format("{} could not be asked for: {} of {} keys did not answer", what,
                               MemberText(answer, "unanswered"), MemberText(answer, "asked")));
  return NotFound(fmt::format("the DHT holds no record for {}", what));
}

absl::Status Show(Context& context, Words& words) {
  const auto word = words.Need("a prefix or an address");
  if (!word.ok()) return word.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const bool is_address = Ipv6::Parse(*word).has_value();
  if (!is_address && !Prefix::Parse(*word))
    return Usage(fmt::format("'{}' is neither a prefix nor an IPv6 address", *word));
  const auto answer = context.daemon.Ask("POST", "/v1/records", {{is_address ? "address" : "prefix", *word}});
  if (!answer.ok()) return answer.status();
  const absl::Status judged = Judge(*answer, *word);
  if (context.options.json) {
    context.PrintJson(*answer);
    return WithJsonPrinted(judged);
  }
  for (const auto& record : MemberArray(*answer, "records")) context.out << RecordText(record);
  if (MemberText(*answer, "trust") == "open")
    context.out << "the domain is open: anybody may claim any prefix of it\n";
  return judged;
}

absl::Status Change(Context& context, Words& words, const std::string& verb) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto answer = context.daemon.Ask("POST", "/v1/records/" + verb, {{"prefix", prefix->ToString()}});
  if (answer.ok() && context.options.json) context.PrintJson(*answer);
  return answer.status();
}

absl::Status Revoke(Context& context, Words& words) { return Change(context, words, "revoke"); }
absl::Status Renew(Context& context, Words& words) { return Change(context, words, "renew"); }

constexpr Verb kVerbs[] = {{"show", Show}, {"revoke", Revoke}, {"renew", Renew}};

}  // namespace

absl::Status RecordObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
