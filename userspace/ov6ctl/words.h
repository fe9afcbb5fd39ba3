// SPDX-License-Identifier: Apache-2.0
// The words of a command line behind the options, taken off the front one by one, and the
// choice of a verb by an unambiguous abbreviation.
#ifndef OV6_USERSPACE_OV6CTL_WORDS_H
#define OV6_USERSPACE_OV6CTL_WORDS_H

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"

namespace ov6::ctl {

class Words {
 public:
  explicit Words(std::span<const std::string> words) : rest_(words) {}

  bool AtEnd() const { return rest_.empty(); }
  // Takes the next word if there is one.
  std::optional<std::string> Next();
  // Takes the next word, or an error that says that `what` is missing.
  absl::StatusOr<std::string> Need(std::string_view what);
  // Takes the next word if it is this one.
  bool Skip(std::string_view word);
  absl::Status Finish() const;  // an error if words are left

  absl::StatusOr<Prefix> NeedPrefix();
  absl::StatusOr<Ipv6> NeedAddress();
  absl::StatusOr<uint32_t> NeedNumber(std::string_view what, uint32_t most);

 private:
  std::span<const std::string> rest_;
};

// The place in `names` of `word` or of what it abbreviates; an error names the candidates.
absl::StatusOr<size_t> Choose(std::span<const std::string_view> names, std::string_view word,
                              std::string_view what);

template <typename Table>
absl::StatusOr<size_t> ChooseByName(const Table& table, std::string_view word, std::string_view what) {
  std::vector<std::string_view> names;
  for (const auto& entry : table) names.push_back(entry.name);
  return Choose(names, word, what);
}

}  // namespace ov6::ctl

#endif
