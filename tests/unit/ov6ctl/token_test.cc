// SPDX-License-Identifier: Apache-2.0
// token: what is asked of the daemon, and what is printed.
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/unit/ov6ctl/fakes.h"

namespace ov6::ctl {
namespace {

class TokenTest : public CommandTest {};

TEST_F(TokenTest, NewSaysWhatItIsFor) {
  const struct {
    std::vector<std::string> words;
    const char* asked;
  } rows[] = {
      {{"token", "new", "home", "prefix", "chord:auto"},
       R"(POST /v1/tokens {"name":"home","domain":"chord","prefix":"auto"})"},
      {{"token", "new", "home", "prefix", "chord:fd12:3456:789a:ff::/64", "kind", "gateway", "replace"},
       R"(POST /v1/tokens {"name":"home","domain":"chord","prefix":"fd12:3456:789a:ff::/64","kind":"gateway","replace":true})"},
      {{"token", "new", "home", "replace", "prefix", "chord:auto"},
       R"(POST /v1/tokens {"name":"home","replace":true,"domain":"chord","prefix":"auto"})"},
  };
  daemon.answer = boost::json::parse(R"({"name": "home", "token": "ov6-token-abc"})");
  for (const auto& row : rows) {
    EXPECT_EQ(Do(row.words), 0) << row.asked;
    EXPECT_EQ(daemon.asked, row.asked);
    EXPECT_EQ(out.str(), "ov6-token-abc\n");
  }
}

TEST_F(TokenTest, OneOfAnotherMaster) {
  const std::string file = "/tmp/ov6-token-test-" + std::to_string(getpid());
  std::ofstream(file) << "ov6-token-abc\n";
  daemon.answer = boost::json::parse(R"({"name": "home", "token": "ov6-token-abc"})");
  EXPECT_EQ(Do({"token", "new", "home", "prefix", "chord:own", "token", file}), 0);
  EXPECT_EQ(daemon.asked,
            R"(POST /v1/tokens {"name":"home","domain":"chord","prefix":"own","token":"ov6-token-abc"})");
  std::filesystem::remove(file);
  EXPECT_EQ(Do({"token", "new", "home", "prefix", "chord:own", "token", file}), 255);
}

TEST_F(TokenTest, Usage) {
  const std::vector<std::string> rows[] = {{"token", "new"},
                                           {"token", "new", "home"},
                                           {"token", "new", "home", "prefix"},
                                           {"token", "new", "home", "prefix", "fd12"},
                                           {"token", "new", "home", "kind"},
                                           {"token", "new", "home", "colour", "red"},
                                           {"token", "del"},
                                           {"token", "del", "home", "away"},
                                           {"token", "show", "home"},
                                           {"token", "give", "home"}};
  for (const auto& row : rows) EXPECT_EQ(Do(row), 255) << row.back();
  EXPECT_EQ(daemon.asked, "");
}

TEST_F(TokenTest, ShowAndDel) {
  daemon.answer = boost::json::parse(R"({"tokens": [{"name": "home", "kind": "gateway", "domain": "chord",
      "prefix": "fd12:3456:789a:ff::/64", "replace": true, "made": 1}], "listeners": []})");
  EXPECT_EQ(Do({"token"}), 0);
  EXPECT_EQ(daemon.asked, "GET /v1/tokens");
  EXPECT_NE(out.str().find("home"), std::string::npos);
  EXPECT_NE(out.str().find("fd12:3456:789a:ff::/64"), std::string::npos);
  EXPECT_EQ(Json({"token", "show"}).at("tokens").at(0).at("domain"), "chord");
  EXPECT_EQ(Do({"token", "del", "home"}), 0);
  EXPECT_EQ(daemon.asked, R"(DELETE /v1/tokens {"name":"home"})");
}

}  // namespace
}  // namespace ov6::ctl
