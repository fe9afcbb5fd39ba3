// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/words.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {

std::optional<std::string> Words::Next() {
  if (rest_.empty()) return std::nullopt;
  std::string word = rest_.front();
  rest_ = rest_.subspan(1);
  return word;
}

absl::StatusOr<std::string> Words::Need(std::string_view what) {
  if (auto word = Next()) return *std::move(word);
  return Usage(fmt::format("{} is missing at the end of the command", what));
}

bool Words::Skip(std::string_view word) {
  if (rest_.empty() || rest_.front() != word) return false;
  rest_ = rest_.subspan(1);
  return true;
}

absl::Status Words::Finish() const {
  if (rest_.empty()) return absl::OkStatus();
  return Usage(fmt::format("'{}' is one word too many", rest_.front()));
}

absl::StatusOr<Prefix> Words::NeedPrefix() {
  const auto word = Need("a prefix");
  if (!word.ok()) return word.status();
  if (const auto prefix = Prefix::Parse(*word)) return *prefix;
  return Usage(
      fmt::format("'{}' is no prefix, as fd12:3456:789a::/48 is one (bits past the length are zero)", *word));
}

absl::StatusOr<Ipv6> Words::NeedAddress() {
  const auto word = Need("an IPv6 address");
  if (!word.ok()) return word.status();
  if (const auto address = Ipv6::Parse(*word)) return *address;
  return Usage(fmt::format("'{}' is no IPv6 address", *word));
}

absl::StatusOr<uint32_t> Words::NeedNumber(std::string_view what, uint32_t most) {
  const auto word = Need(what);
  if (!word.ok()) return word.status();
  uint32_t value = 0;
  const char* end = word->data() + word->size();
  const auto [at, error] = std::from_chars(word->data(), end, value);
  if (error == std::errc() && at == end && value <= most) return value;
  return Usage(fmt::format("'{}' is no {}: a number up to {}", *word, what, most));
}

absl::StatusOr<size_t> Choose(std::span<const std::string_view> names, std::string_view word,
                              std::string_view what) {
  std::vector<std::string_view> candidates;
  size_t found = 0;
  for (size_t i = 0; i < names.size(); ++i) {
    if (names[i] == word) return i;
    if (word.empty() || !names[i].starts_with(word)) continue;
    candidates.push_back(names[i]);
    found = i;
  }
  if (candidates.size() == 1) return found;
  if (candidates.empty()) {
    return Usage(fmt::format("there is no {} '{}'; there is {}", what, word, fmt::join(names, ", ")));
  }
  return Usage(fmt::format("'{}' may be {}", word, fmt::join(candidates, " or ")));
}

}  // namespace ov6::ctl
