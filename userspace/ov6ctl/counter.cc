// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table.h"

namespace ov6::ctl {
namespace {

absl::Status Show(Context& context, Words& words) {
  const bool all = words.Skip("-a") || words.Skip("all");
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto tables = context.kernel.OpenTables(Access::kReadOnly);
  if (!tables.ok()) return tables.status();
  const auto counts = (*tables)->Verdicts();
  if (!counts.ok()) return counts.status();
  const auto verdicts = DescribeVerdicts(*counts, all);
  if (context.options.json) {
    context.PrintJson(verdicts);
    return absl::OkStatus();
  }
  Table table({{"PACKETS", Table::Align::kRight},
               {"BYTES", Table::Align::kRight},
               {"CLASS"},
               {"VERDICT"},
               {"MEANING"}});
  for (const auto& verdict : verdicts) {
    const std::string remedy = MemberText(verdict, "remedy");
    table.Add({MemberText(verdict, "packets"), MemberText(verdict, "bytes"), MemberText(verdict, "class"),
               MemberText(verdict, "name"), MemberText(verdict, "sentence")},
              remedy.empty() ? "" : "to do: " + remedy);
  }
  context.out << table.ToString();
  return absl::OkStatus();
}

// A verdict's number by its number, name, or what abbreviates the name; either case.
absl::StatusOr<uint32_t> NeedVerdict(Words& words) {
  auto word = words.Need("a verdict's name");
  if (!word.ok()) return word.status();
  for (const uint32_t number : VerdictNumbers()) {
    if (*word == std::to_string(number)) return number;
  }
  std::ranges::transform(*word, word->begin(), [](unsigned char c) { return std::toupper(c); });
  const auto names = VerdictNames();
  const auto place = Choose(names, *word, "verdict");
  if (!place.ok()) return place.status();
  return VerdictNumbers()[*place];
}

// Needs no datapath.
absl::Status Explain(Context& context, Words& words) {
  const auto number = NeedVerdict(words);
  if (!number.ok()) return number.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const boost::json::object verdict = DescribeVerdict(*number);
  if (context.options.json) {
    context.PrintJson(verdict);
    return absl::OkStatus();
  }
  const std::string remedy = MemberText(verdict, "remedy");
  context.out << fmt::format("{} ({}, number {})\n  {}\n{}", MemberText(verdict, "name"),
                             MemberText(verdict, "class"), *number, MemberText(verdict, "sentence"),
                             remedy.empty() ? "" : "  to do: " + remedy + "\n");
  return absl::OkStatus();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"explain", Explain}};

}  // namespace

absl::Status CounterObject(Context& context, Words& words) {
  if (words.Skip("-a")) {
    const std::string all = "-a";
    Words rest(std::span<const std::string>(&all, 1));
    if (auto status = words.Finish(); !status.ok()) return status;
    return Show(context, rest);
  }
  return RunVerb(kVerbs, context, words);
}

}  // namespace ov6::ctl
