// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/token_store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <boost/json.hpp>
#include <fstream>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

class TokenStoreTest : public testing::Test {
 protected:
  void TearDown() override { std::filesystem::remove_all(state_); }
  std::filesystem::path File() const { return state_ / "tokens.json"; }
  static RemoteToken Token(const std::string& name) {
    RemoteToken token;
    token.name = name;
    token.domain = "chord";
    token.prefix = *Prefix::Parse("fd12:3456:789a:ff::/64");
    token.replace = true;
    token.made = UnixTime(std::chrono::seconds(1800000000));
    return token;
  }

  std::filesystem::path state_ = [] {
    char name[] = "/tmp/ov6-token-test-XXXXXX";
    return std::filesystem::path(mkdtemp(name));
  }();
};

TEST_F(TokenStoreTest, OneThatAnotherMasterMade) {
  TokenStore there(state_ / "there"), here(state_);
  std::filesystem::create_directory(state_ / "there");
  const auto secret = there.Add(Token("home"));
  ASSERT_TRUE(secret.ok());
  RemoteToken own = Token("here");
  own.prefix = {};
  EXPECT_EQ(here.Add(own, *secret).value(), *secret);
  EXPECT_TRUE(absl::IsAlreadyExists(here.Add(Token("twice"), *secret).status()));
  for (const char* wrong : {"hello", "ov6-token-", "ov6-token-00"})
    EXPECT_TRUE(absl::IsInvalidArgument(here.Add(Token("wrong"), wrong).status())) << wrong;
  TokenStore again(state_);
  ASSERT_TRUE(again.Load().ok());
  ASSERT_NE(again.FindBySecret(*secret), nullptr);
  EXPECT_TRUE(again.FindBySecret(*secret)->own());
  EXPECT_EQ(again.Json().at(0).at("prefix"), "own");
}

TEST_F(TokenStoreTest, NoFileIsNobody) {
  TokenStore store(state_);
  EXPECT_TRUE(store.Load().ok());
  EXPECT_TRUE(store.tokens().empty());
  EXPECT_EQ(store.FindBySecret(""), nullptr);
}

TEST_F(TokenStoreTest, WhatWasMadeIsFoundAgainAndItsSecretIsNowhere) {
  TokenStore store(state_);
  const auto secret = store.Add(Token("home"));
  ASSERT_TRUE(secret.ok()) << secret.status();
  EXPECT_EQ(secret->size(), TokenStore::kStart.size() + 64);
  struct stat info {};
  ASSERT_EQ(stat(File().c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(ReadFile(File())->find(*secret), std::string::npos);
  EXPECT_EQ(boost::json::serialize(store.Json()).find(store.tokens()[0].hash), std::string::npos);

  TokenStore again(state_);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_EQ(again.tokens(), store.tokens());
  ASSERT_NE(again.FindBySecret(*secret), nullptr);
  EXPECT_EQ(again.FindBySecret(*secret)->name, "home");
}

TEST_F(TokenStoreTest, OtherSecretsFindNobody) {
  TokenStore store(state_);
  const std::string secret = *store.Add(Token("home"));
  const std::string rows[] = {"",
                              secret.substr(0, secret.size() - 1),
                              secret + "0",
                              secret.substr(TokenStore::kStart.size()),
                              store.tokens()[0].hash,
                              std::string(TokenStore::kStart) + store.tokens()[0].hash,
                              std::string(8000, 'x')};
  for (const std::string& row : rows) EXPECT_EQ(store.FindBySecret(row), nullptr) << row;
}

TEST_F(TokenStoreTest, ANameIsTakenOnceAndFreeAgain) {
  TokenStore store(state_);
  const std::string first = *store.Add(Token("home"));
  EXPECT_TRUE(absl::IsAlreadyExists(store.Add(Token("home")).status()));
  EXPECT_TRUE(store.Remove("home").ok());
  EXPECT_TRUE(absl::IsNotFound(store.Remove("home")));
  EXPECT_EQ(store.FindBySecret(first), nullptr);
  EXPECT_TRUE(store.Add(Token("home")).ok());
}

TEST_F(TokenStoreTest, ThereIsALastOne) {
  TokenStore store(state_);
  for (size_t i = 0; i < TokenStore::kMost; ++i) ASSERT_TRUE(store.Add(Token("s" + std::to_string(i))).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(store.Add(Token("last")).status()));
}

TEST_F(TokenStoreTest, WhatCantBeWrittenIsNotKept) {
  TokenStore store(state_ / "nowhere");
  EXPECT_FALSE(store.Add(Token("home")).ok());
  EXPECT_TRUE(store.tokens().empty());
}

TEST_F(TokenStoreTest, ADamagedFileIsAnError) {
  TokenStore store(state_);
  ASSERT_TRUE(store.Add(Token("home")).ok());
  const std::string good = *ReadFile(File());
  const auto with = [&](const std::string& from, const std::string& to) {
    std::string text = good;
    const size_t at = text.find(from);
    EXPECT_NE(at, text.npos) << from;
    return text.replace(at, from.size(), to);
  };
  const std::string row = good.substr(1, good.rfind(']') - 1);
  const struct {
    const char* name;
    std::string text;
  } rows[] = {
      {"empty", ""},
      {"cut short", good.substr(0, good.size() / 2)},
      {"zeros", std::string(100, '\0')},
      {"an object", "{}"},
      {"a number in the list", "[1]"},
      {"no hash", with("\"hash\"", "\"hush\"")},
      {"a hash that is none", with(store.tokens()[0].hash, std::string(64, 'g'))},
      {"a short hash", with(store.tokens()[0].hash, "abc")},
      {"a path for a name", with("\"home\"", "\"../home\"")},
      {"a long name", with("\"home\"", "\"abcdefghijkl\"")},
      {"no name", with("\"home\"", "\"\"")},
      {"another kind", with("\"gateway\"", "\"bridge\"")},
      {"no kind", with("\"gateway\"", "\"cat\"")},
      {"no domain", with("\"chord\"", "\"\"")},
      {"a prefix that is none", with("fd12:3456:789a:ff::/64", "fd12")},
      {"a wide prefix", with("fd12:3456:789a:ff::/64", "fd12::/16")},
      {"replace is a word", with("true", "\"true\"")},
      {"made in words", with("1800000000", "\"today\"")},
      {"the same name twice", "[" + row + "," + row + "]"},
  };
  for (const auto& damage : rows) {
    std::ofstream(File(), std::ios::binary) << damage.text;
    TokenStore damaged(state_);
    const absl::Status status = damaged.Load();
    EXPECT_TRUE(absl::IsDataLoss(status)) << damage.name << ": " << status;
    EXPECT_NE(status.message().find(File().string()), std::string::npos) << damage.name;
  }
}

}  // namespace
}  // namespace ov6
