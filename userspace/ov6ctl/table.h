// SPDX-License-Identifier: Apache-2.0
// Columns of text: each as wide as its widest cell, two blanks between, no blanks at line ends.
#ifndef OV6_USERSPACE_OV6CTL_TABLE_H
#define OV6_USERSPACE_OV6CTL_TABLE_H

#include <string>
#include <vector>

namespace ov6::ctl {

class Table {
 public:
  enum class Align { kLeft, kRight };
  struct Column {
    std::string title;
    Align align = Align::kLeft;
  };

  explicit Table(std::vector<Column> columns) : columns_(std::move(columns)) {}
  // As many cells as columns. A note stands in a line of its own, below the last cell.
  void Add(std::vector<std::string> cells, std::string note = "") {
    rows_.push_back(std::move(cells));
    notes_.push_back(std::move(note));
  }
  std::string ToString() const;

 private:
  std::vector<size_t> Widths() const;

  std::vector<Column> columns_;
  std::vector<std::vector<std::string>> rows_;
  std::vector<std::string> notes_;  // one a row
};

}  // namespace ov6::ctl

#endif
