// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/options.h"

#include <gtest/gtest.h>

#include <vector>

namespace ov6::ctl {
namespace {

using Strings = std::vector<std::string>;

TEST(Options, StandBeforeTheObject) {
  const Strings arguments = {"-j", "-p", "-R", "/run/a", "map", "-a"};
  std::span<const std::string> rest;
  const auto options = ParseOptions(arguments, nullptr, &rest);
  ASSERT_TRUE(options.ok());
  EXPECT_TRUE(options->json && options->pretty);
  EXPECT_EQ(options->run, "/run/a");
  EXPECT_EQ(options->socket, "/run/a/ov6d.sock");
  EXPECT_EQ(options->Bpffs(), "/run/a/bpf");
  EXPECT_EQ(Strings(rest.begin(), rest.end()), (Strings{"map", "-a"}));
}

TEST(Options, WhereTheInstanceIs) {
  const struct {
    const char* name;
    Strings arguments;
    const char* environment;
    const char *run, *socket;
  } rows[] = {
      {"default", {}, nullptr, "/run/ov6", "/run/ov6/ov6d.sock"},
      {"environment", {}, "/run/b", "/run/b", "/run/b/ov6d.sock"},
      {"empty environment", {}, "", "/run/ov6", "/run/ov6/ov6d.sock"},
      {"option wins", {"--run", "/run/c"}, "/run/b", "/run/c", "/run/c/ov6d.sock"},
      {"with an equals sign", {"--run=/run/c"}, nullptr, "/run/c", "/run/c/ov6d.sock"},
      {"another socket", {"-S", "/s", "-R", "/run/c"}, nullptr, "/run/c", "/s"},
  };
  for (const auto& row : rows) {
    std::span<const std::string> rest;
    const auto options = ParseOptions(row.arguments, row.environment, &rest);
    ASSERT_TRUE(options.ok()) << row.name;
    EXPECT_EQ(options->run, row.run) << row.name;
    EXPECT_EQ(options->socket, row.socket) << row.name;
  }
}

TEST(Options, Refused) {
  std::span<const std::string> rest;
  for (const Strings& arguments : {Strings{"-x"}, Strings{"--jason"}, Strings{"-R"}, Strings{"-"}}) {
    EXPECT_EQ(ParseOptions(arguments, nullptr, &rest).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace ov6::ctl
