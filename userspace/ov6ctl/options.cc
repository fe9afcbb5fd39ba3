// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <string_view>

#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

struct Flag {
  std::string_view letter, word;
  bool Options::*member;
};
constexpr Flag kFlags[] = {{"-j", "--json", &Options::json},
                           {"-p", "--pretty", &Options::pretty},
                           {"-V", "--version", &Options::version},
                           {"-h", "--help", &Options::help}};

struct Setting {
  std::string_view letter, word;
  std::filesystem::path Options::*member;
};
constexpr Setting kSettings[] = {{"-R", "--run", &Options::run}, {"-S", "--socket", &Options::socket}};

template <typename Entry>
bool Names(const Entry& entry, std::string_view word) {
  return word == entry.letter || word == entry.word;
}

// Takes one option off the front of *words.
absl::Status TakeOption(std::span<const std::string>* words, Options* options) {
  const std::string word = words->front();
  *words = words->subspan(1);
  for (const Flag& flag : kFlags) {
    if (!Names(flag, word)) continue;
    options->*flag.member = true;
    return absl::OkStatus();
  }
  const size_t equals = word.find('=');
  for (const Setting& setting : kSettings) {
    if (!Names(setting, word.substr(0, equals))) continue;
    if (equals == word.npos && words->empty()) return Usage(fmt::format("{} needs a path behind it", word));
    options->*setting.member = equals == word.npos ? words->front() : word.substr(equals + 1);
    if (equals == word.npos) *words = words->subspan(1);
    return absl::OkStatus();
  }
  return Usage(fmt::format("there is no option '{}'; -j -p -V -h -S PATH -R DIRECTORY are known", word));
}

}  // namespace

absl::StatusOr<Options> ParseOptions(std::span<const std::string> arguments, const char* environment_run,
                                     std::span<const std::string>* rest) {
  Options options;
  if (environment_run != nullptr && *environment_run != '\0') options.run = environment_run;
  *rest = arguments;
  while (!rest->empty() && rest->front().starts_with('-')) {
    if (auto status = TakeOption(rest, &options); !status.ok()) return status;
  }
  if (options.socket.empty()) options.socket = options.run / "ov6d.sock";
  return options;
}

}  // namespace ov6::ctl
