// SPDX-License-Identifier: Apache-2.0
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
    table.Add({MemberText(verdict, "packets"), MemberText(verdict, "bytes"), MemberText(verdict, "class"),
               MemberText(verdict, "name"), MemberText(verdict, "sentence")});
  }
  context.out << table.ToString();
  return absl::OkStatus();
}

constexpr Verb kVerbs[] = {{"show", Show}};

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
