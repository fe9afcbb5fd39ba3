// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/table.h"

#include <fmt/format.h>

#include <algorithm>

namespace ov6::ctl {

std::vector<size_t> Table::Widths() const {
  std::vector<size_t> widths;
  for (size_t i = 0; i < columns_.size(); ++i) {
    size_t width = columns_[i].title.size();
    for (const auto& row : rows_) width = std::max(width, row[i].size());
    widths.push_back(width);
  }
  return widths;
}

std::string Table::ToString() const {
  const auto widths = Widths();
  const auto line = [&](const auto& cell_of) {
    std::string text;
    for (size_t i = 0; i < columns_.size(); ++i) {
      if (i > 0) text += "  ";
      text += columns_[i].align == Align::kRight ? fmt::format("{:>{}}", cell_of(i), widths[i])
                                                 : fmt::format("{:<{}}", cell_of(i), widths[i]);
    }
    text.erase(text.find_last_not_of(' ') + 1);
    return text + "\n";
  };
  std::string text = line([&](size_t i) { return columns_[i].title; });
  size_t indent = 0;
  for (size_t i = 0; i + 1 < widths.size(); ++i) indent += widths[i] + 2;
  for (size_t row = 0; row < rows_.size(); ++row) {
    text += line([&](size_t i) { return rows_[row][i]; });
    if (!notes_[row].empty()) text += std::string(indent, ' ') + notes_[row] + "\n";
  }
  return text;
}

}  // namespace ov6::ctl
