// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;
using Align = Table::Align;

std::string StepsText(const json::value& answer) {
  Table table({{"STEP", Align::kRight},
               {"KEY"},
               {"ANSWER"},
               {"RECORDS", Align::kRight},
               {"HOPS", Align::kRight},
               {"TIME", Align::kRight}});
  int number = 0;
  for (const auto& step : MemberArray(answer, "steps")) {
    table.Add({std::to_string(++number), MemberText(step, "key"), MemberText(step, "answer"),
               MemberText(step, "records"), MemberText(step, "hops"), MemberText(step, "rtt_us") + " us"});
  }
  return number == 0 ? "" : table.ToString();
}

std::string LocatorsText(const json::value& answer) {
  std::string text;
  for (const auto& locator : MemberArray(answer, "locators")) {
    text += " via " + MemberText(locator, "address");
    if (MemberText(locator, "encapsulation") == "udp") text += ":" + MemberText(locator, "port");
    text += " encap " + MemberText(locator, "encapsulation");
  }
  return text;
}

void PrintText(Context& context, const json::value& answer) {
  context.out << StepsText(answer);
  const std::string prefix = MemberText(answer, "prefix");
  context.out << fmt::format("{}: {}{}{} in {} us by {}\n", MemberText(answer, "address"),
                             MemberText(answer, "outcome"), prefix.empty() ? "" : " " + prefix,
                             LocatorsText(answer), MemberText(answer, "time_us"),
                             MemberText(answer, "slave"));
}

absl::Status Judge(const json::value& answer, const Ipv6& address) {
  const std::string outcome = MemberText(answer, "outcome");
  if (outcome == "found") return absl::OkStatus();
  if (outcome == "absent") return NotFound(fmt::format("nobody registered {}", address.ToString()));
  return Refused(fmt::format("{} could not be looked up: {}", address.ToString(), outcome));
}

}  // namespace

absl::Status ResolveObject(Context& context, Words& words) {
  const auto address = words.NeedAddress();
  if (!address.ok()) return address.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto answer = context.daemon.Ask("POST", "/v1/resolve", {{"address", address->ToString()}});
  if (!answer.ok()) return answer.status();
  const auto judged = Judge(*answer, *address);
  if (!context.options.json) {
    PrintText(context, *answer);
    return judged;
  }
  context.PrintJson(*answer);
  return WithJsonPrinted(judged);
}

}  // namespace ov6::ctl
