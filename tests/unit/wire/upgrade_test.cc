// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/upgrade.h"

#include <gtest/gtest.h>

#include "tests/fuzz/smuggling.h"

namespace ov6 {
namespace {

const UpgradeRequest kChord{SlaveKind::kDht, "chord", {*Prefix::Parse("fd00::/8")}};

// As in docs/slave-protocol.md section 1.
constexpr char kChordHead[] =
    "GET /.well-known/masque/ip/*/*/?kind=dht&name=chord&prefix=fd00%3A%3A%2F8 HTTP/1.1\r\n"
    "Host: ov6\r\n"
    "Connection: Upgrade\r\n"
    "Upgrade: connect-ip\r\n"
    "Capsule-Protocol: ?1\r\n"
    "Ov6-Version: 1\r\n"
    "\r\n";

std::string Replaced(const std::string& from, const std::string& to) {
  std::string head = kChordHead;
  const size_t at = head.find(from);
  EXPECT_NE(at, head.npos) << from;
  return head.replace(at, from.size(), to);
}

TEST(UpgradeRequest, BytesBothWays) {
  EXPECT_EQ(FormatUpgradeRequest(kChord), kChordHead);
  const auto parsed = ParseUpgradeRequest(kChordHead);
  ASSERT_TRUE(parsed && parsed->request) << parsed->refusal.sentence;
  EXPECT_EQ(*parsed->request, kChord);
}

TEST(UpgradeRequest, SeveralPrefixesAndNone) {
  for (const UpgradeRequest& request :
       {UpgradeRequest{SlaveKind::kGateway, "gw0", {*Prefix::Parse("fd00:1::/64"), *Prefix::Parse("::/0")}},
        UpgradeRequest{SlaveKind::kManagement, "management", {}}}) {
    const auto parsed = ParseUpgradeRequest(FormatUpgradeRequest(request));
    ASSERT_TRUE(parsed && parsed->request);
    EXPECT_EQ(*parsed->request, request);
  }
}

TEST(UpgradeRequest, TokenAndSegments) {
  const UpgradeRequest home{SlaveKind::kGateway, "home", {}, "ov6-abc", false, true};
  const std::string head = FormatUpgradeRequest(home, "master.example");
  EXPECT_EQ(head,
            "GET /.well-known/masque/ip/*/*/?kind=gateway&name=home&segments=1 HTTP/1.1\r\n"
            "Host: master.example\r\n"
            "Connection: Upgrade\r\n"
            "Upgrade: connect-ip\r\n"
            "Capsule-Protocol: ?1\r\n"
            "Ov6-Version: 1\r\n"
            "Authorization: Bearer ov6-abc\r\n"
            "\r\n");
  const auto parsed = ParseUpgradeRequest(head);
  ASSERT_TRUE(parsed && parsed->request);
  EXPECT_EQ(*parsed->request, home);
}

// RFC 9484's example, with credentials of RFC 6750 or of another kind.
TEST(UpgradeRequest, OfAClientThatSpeaksTheRfcAlone) {
  const std::string head =
      "GET https://master.example/.well-known/masque/ip/*/*/ HTTP/1.1\r\n"
      "Host: master.example\r\n"
      "Connection: Upgrade\r\n"
      "Upgrade: connect-ip\r\n"
      "Capsule-Protocol: ?1\r\n";
  for (const auto& [field, token] : {std::pair{"", ""},
                                     {"Authorization: bearer ov6-abc\r\n", "ov6-abc"},
                                     {"Authorization: Basic YTpi\r\n", ""},
                                     {"Authorization: Bearer\r\n", ""}}) {
    const auto parsed = ParseUpgradeRequest(head + field + "\r\n");
    ASSERT_TRUE(parsed && parsed->request) << field;
    EXPECT_TRUE(parsed->request->plain);
    EXPECT_EQ(parsed->request->name, "");
    EXPECT_EQ(parsed->request->token, token) << field;
  }
}

TEST(UpgradeRequest, EveryTruncationIsIncomplete) {
  const std::string head = kChordHead;
  for (size_t size = 0; size < head.size(); ++size)
    EXPECT_FALSE(ParseUpgradeRequest(head.substr(0, size))) << size;
}

TEST(UpgradeRequest, AlsoTaken) {
  const struct {
    const char* name;
    std::string head;
  } rows[] = {
      {"absolute form (RFC 9484's example)", Replaced("GET /", "GET http://ov6/")},
      {"colons and slash as they are", Replaced("fd00%3A%3A%2F8", "fd00::/8")},
      {"a parameter of a later version", Replaced("&name", "&colour=red&name")},
      {"more in Connection", Replaced("Connection: Upgrade", "Connection: keep-alive, Upgrade")},
      {"field names in other case", Replaced("Ov6-Version", "ov6-version")},
  };
  for (const auto& row : rows) {
    const auto parsed = ParseUpgradeRequest(row.head);
    ASSERT_TRUE(parsed) << row.name;
    ASSERT_TRUE(parsed->request) << row.name << ": " << parsed->refusal.sentence;
    EXPECT_EQ(*parsed->request, kChord) << row.name;
  }
}

TEST(UpgradeRequest, WhatCanBeReadInTwoWaysIsRefused) {
  for (const auto& [name, head] : smuggling::Requests()) {
    const auto parsed = ParseUpgradeRequest(head);
    EXPECT_TRUE(!parsed || !parsed->request) << name;
  }
}

TEST(UpgradeRequest, Refused) {
  std::string many;
  for (int i = 0; i < 17; ++i) many += "&prefix=fd00%3A%3A%2F8";
  const struct {
    const char* name;
    std::string head;
    int status;
    const char* sentence;
  } rows[] = {
      {"garbage", "\x16\x03\x01\r\n\r\n", 400, "no HTTP/1.1"},
      {"POST", Replaced("GET", "POST"), 400, "not GET"},
      {"HTTP/1.0", Replaced("HTTP/1.1", "HTTP/1.0"), 400, "not HTTP/1.1"},
      {"no Host", Replaced("Host: ov6\r\n", ""), 400, "Host"},
      {"two Hosts", Replaced("Host: ov6\r\n", "Host: ov6\r\nHost: b\r\n"), 400, "Host"},
      {"a length", Replaced("Host", "Content-Length: 0\r\nHost"), 400, "Content-Length"},
      {"chunks", Replaced("Host", "Transfer-Encoding: chunked\r\nHost"), 400, "Transfer-Encoding"},
      {"no Upgrade", Replaced("Upgrade: connect-ip\r\n", ""), 426, "Upgrade: connect-ip"},
      {"another Upgrade", Replaced("connect-ip", "websocket"), 426, "Upgrade: connect-ip"},
      {"Connection: close", Replaced("Connection: Upgrade", "Connection: close"), 426, "Connection: Upgrade"},
      {"version 2", Replaced("Ov6-Version: 1", "Ov6-Version: 2"), 426, "Ov6-Version is '2'"},
      {"another path", Replaced("masque/ip", "masque/udp"), 400, "/.well-known/masque/udp/*/*/"},
      {"no kind", Replaced("kind=dht&", ""), 400, "lacks 'kind'"},
      {"a kind that is none", Replaced("kind=dht", "kind=cat"), 400, "'cat' is no kind"},
      {"kind operator", Replaced("kind=dht", "kind=operator"), 400, "'operator' is no kind"},
      {"two kinds", Replaced("kind=dht", "kind=dht&kind=dht"), 400, "twice"},
      {"no name", Replaced("&name=chord", ""), 400, "lacks 'name'"},
      {"12 characters", Replaced("name=chord", "name=abcdefghijkl"), 400, "1 to 11 characters"},
      {"capital letters", Replaced("name=chord", "name=Chord"), 400, "'Chord' is no slave's name"},
      {"a path in the name", Replaced("name=chord", "name=..%2Fx"), 400, "'../x' is no slave's name"},
      {"two names", Replaced("name=chord", "name=chord&name=b"), 400, "twice"},
      {"no prefix", Replaced("fd00%3A%3A%2F8", "fd00"), 400, "'fd00' is no prefix"},
      {"host bits", Replaced("fd00%3A%3A%2F8", "fd00%3A%3A1%2F8"), 400, "is no prefix"},
      {"17 prefixes", Replaced("&prefix=fd00%3A%3A%2F8", many), 400, "More than 16"},
      {"optimistic bytes", std::string(kChordHead) + "x", 400, "Bytes follow"},
      {"a long head", Replaced("Host: ov6", "Host: ov6\r\nX: " + std::string(8200, 'x')), 400, "over 8192"},
      {"a long head without end", std::string(8193, 'x'), 400, "over 8192"},
  };
  for (const auto& row : rows) {
    const auto parsed = ParseUpgradeRequest(row.head);
    ASSERT_TRUE(parsed) << row.name;
    EXPECT_FALSE(parsed->request) << row.name;
    EXPECT_EQ(parsed->refusal.status, row.status) << row.name;
    EXPECT_NE(parsed->refusal.sentence.find(row.sentence), std::string::npos)
        << row.name << ": " << parsed->refusal.sentence;
  }
}

TEST(UpgradeResponse, Accepted) {
  const std::string head = FormatUpgradeAccepted();
  EXPECT_EQ(head,
            "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: connect-ip\r\n"
            "Capsule-Protocol: ?1\r\n\r\n");
  const auto parsed = ParseUpgradeResponse(head + "capsules");
  ASSERT_TRUE(parsed && parsed->ok());
  EXPECT_EQ(**parsed, head.size());
  for (size_t size = 0; size < head.size(); ++size)
    EXPECT_FALSE(ParseUpgradeResponse(head.substr(0, size))) << size;
}

TEST(UpgradeResponse, Refused) {
  const struct {
    int status;
    absl::StatusCode code;
  } rows[] = {{400, absl::StatusCode::kUnimplemented},    {401, absl::StatusCode::kPermissionDenied},
              {403, absl::StatusCode::kPermissionDenied}, {409, absl::StatusCode::kAlreadyExists},
              {405, absl::StatusCode::kUnimplemented},    {413, absl::StatusCode::kInvalidArgument},
              {426, absl::StatusCode::kUnimplemented}};
  for (const auto& row : rows) {
    const std::string bytes = FormatUpgradeRefused({row.status, "The name 'chord' is taken."});
    for (size_t size = 0; size < bytes.size(); ++size)
      EXPECT_FALSE(ParseUpgradeResponse(bytes.substr(0, size)));
    const auto parsed = ParseUpgradeResponse(bytes);
    ASSERT_TRUE(parsed) << row.status;
    EXPECT_EQ(parsed->status().code(), row.code);
    EXPECT_EQ(parsed->status().message(),
              "the master refuses with " + std::to_string(row.status) + ": The name 'chord' is taken.");
  }
}

// A proxy that rewrites Connection and lets a 101 through does not carry what follows.
TEST(UpgradeResponse, FalseSuccess) {
  const auto parsed = ParseUpgradeResponse("HTTP/1.1 101 Switching Protocols\r\nConnection: close\r\n\r\n");
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->ok());
}

TEST(UpgradeResponse, Garbage) {
  for (const std::string& bytes :
       {std::string("hello\r\n\r\n"), std::string("\r\n\r\n"), std::string(8193, 'x')}) {
    const auto parsed = ParseUpgradeResponse(bytes);
    ASSERT_TRUE(parsed);
    EXPECT_FALSE(parsed->ok());
  }
}

}  // namespace
}  // namespace ov6
