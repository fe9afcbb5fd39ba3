// SPDX-License-Identifier: Apache-2.0
// Reads typed values out of one TOML table. The first error stays; a reader that has
// failed changes nothing more. Keys that nobody asked for are errors (Finish).
#ifndef OV6_USERSPACE_OV6D_CONFIG_READER_H
#define OV6_USERSPACE_OV6D_CONFIG_READER_H

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

// The headers alone: Debian's library of toml++ is built with exceptions, and here a parse error is a value.
#define TOML_HEADER_ONLY 1
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// "[" at a line's end fails an assertion of its parser, and with NDEBUG the compiler is told to assume it.
// Checked by neither it is an error like any other.
#pragma push_macro("NDEBUG")
#undef NDEBUG
#define TOML_ASSERT(expression) static_cast<void>(0)
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace ov6 {

class ConfigReader {
 public:
  // `where`: what the table is called in sentences, "[node]" or "[[site]]".
  ConfigReader(const toml::table& table, std::string file, std::string where);

  int line() const { return line_; }
  int LineOf(std::string_view key) const;  // of its value, or of the table
  bool Has(std::string_view key) const { return table_.contains(key); }

  // Absent keys leave `out` as it is.
  void String(std::string_view key, std::string* out);
  void Boolean(std::string_view key, bool* out);
  void Integer(std::string_view key, int64_t first, int64_t last, int64_t* out);
  // `parse` returns false for what it does not take; `wanted`: what would be right.
  void Parsed(std::string_view key, const std::string& wanted,
              const std::function<bool(const std::string&)>& parse);
  void EachString(std::string_view key, const std::string& wanted,
                  const std::function<bool(const std::string&, int line)>& take);
  void EachInteger(std::string_view key, int64_t first, int64_t last,
                   const std::function<void(int64_t)>& take);
  // For each table of a list; `read` ends with its Finish().
  void EachTable(std::string_view key, const std::string& wanted,
                 const std::function<absl::Status(ConfigReader&)>& read);
  void Require(std::string_view key, const std::string& wanted);

  // An error of the caller's own about a key, in the common form.
  void Fail(std::string_view key, const std::string& sentence);
  bool ok() const { return status_.ok(); }
  // The first error, or one about an unknown key.
  absl::Status Finish();

 private:
  const toml::node* Find(std::string_view key);
  void Wrong(const toml::node& node, std::string_view key, const std::string& wanted);

  const toml::table& table_;
  std::string file_;
  std::string where_;
  int line_ = 0;
  std::set<std::string, std::less<>> asked_;
  absl::Status status_;
};

}  // namespace ov6

#endif
