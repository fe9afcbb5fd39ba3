// SPDX-License-Identifier: Apache-2.0
// key, delegate and record: what is asked of the daemon, what is done without it, and what is printed.
#include "userspace/wire/ownership.h"

#include <unistd.h>

#include <filesystem>

#include "tests/unit/ov6ctl/fakes.h"
#include "userspace/base/files.h"

namespace ov6::ctl {
namespace {

const std::string kKey(64, 'a');

class OwnershipTest : public CommandTest {
 protected:
  void SetUp() override {
    char name[] = "/tmp/ov6-ownership-test-XXXXXX";
    dir_ = mkdtemp(name);
  }
  void TearDown() override { std::filesystem::remove_all(dir_); }
  std::string Dir(const char* name) const { return (dir_ / name).string(); }
  boost::json::value Made(const char* name) { return Json({"key", "new", Dir(name), "security", "0"}); }
  std::string KeyOf(const boost::json::value& made) { return std::string(made.at("public_key").as_string()); }

  std::filesystem::path dir_;
};

TEST_F(OwnershipTest, KeyShowAsksTheDaemon) {
  daemon.answer = boost::json::parse(R"({"public_key": "ab", "modifier": "cd", "security": 1, "domains": [
      {"name": "chord", "prefix": "fd00::/8", "trust": "self", "security": 1, "own_prefix": "fd12::/48"}]})");
  EXPECT_EQ(Do({"key"}), 0);
  EXPECT_EQ(daemon.asked, "GET /v1/key");
  EXPECT_EQ(out.str(),
            "key ab\nmodifier cd security 1\n"
            "domain chord prefix fd00::/8 trust self security 1 own fd12::/48\n");
}

TEST_F(OwnershipTest, KeyNewMakesOneAndNeverReplacesIt) {
  const auto made = Json({"key", "new", Dir("anchor")});
  EXPECT_EQ(made.at("security").as_int64(), 1);
  EXPECT_EQ(Json({"key", "new", Dir("anchor")}), made);
  EXPECT_EQ(Json({"key", "show", Dir("anchor")}), made);
  EXPECT_EQ(Do({"key", "show", Dir("anchor"), "in", "fd00::/8"}), 0);
  EXPECT_NE(out.str().find("own fd"), std::string::npos) << out.str();
  EXPECT_EQ(Do({"key", "show", Dir("nothing")}), 2);
  EXPECT_EQ(Do({"key", "new"}), 255);
  EXPECT_EQ(Do({"key", "new", Dir("x"), "security", "3"}), 255);
  EXPECT_EQ(daemon.asked, "");
}

TEST_F(OwnershipTest, DelegateAsksTheDaemon) {
  daemon.answer = boost::json::parse(R"({"token": "TOKEN", "domain": "chord", "prefix": "fd12::/64",
      "max_length": 128, "to": "KEY", "links": 1, "expiry": 1800000000})");
  EXPECT_EQ(Do({"delegate", "fd12::/64", "to", kKey, "maxlen", "96", "lifetime", "2h"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/delegations {"prefix":"fd12::/64","to":")" + kKey +
                              R"(","lifetime_s":7200,"max_length":96})");
  EXPECT_EQ(out.str(), "# fd12::/64 up to /128 in chord to KEY until 2027-01-15T08:00:00Z\nTOKEN\n");
  EXPECT_EQ(Do({"delegate", "fd12::/64", "to", kKey, "file", Dir("token")}), 0);
  EXPECT_EQ(out.str(), "");
  EXPECT_TRUE(ReadFile(Dir("token"))->ends_with("\nTOKEN\n"));
  EXPECT_NE(daemon.asked.find(R"("lifetime_s":2592000)"), std::string::npos);
}

TEST_F(OwnershipTest, DelegateUsage) {
  const std::vector<std::string> rows[] = {{"delegate"},
                                           {"delegate", "fd12::/64"},
                                           {"delegate", "fd12::/64", "to", "ab"},
                                           {"delegate", "fd12::/64", "to", kKey, "maxlen", "63"},
                                           {"delegate", "fd12::/64", "to", kKey, "lifetime", "soon"},
                                           {"delegate", "fd12::/64", "to", kKey, "lifetime", "11y"},
                                           {"delegate", "fd12::/64", "to", kKey, "key", "dir"},
                                           {"delegate", "fd12::/64", "to", kKey, "domain", "chord"}};
  for (const auto& row : rows) EXPECT_EQ(Do(row), 255) << row.size() << ": " << err.str();
  EXPECT_EQ(daemon.asked, "");
}

// An anchor hands a /32 to an operator, who hands a /48 to a router: all without a daemon.
TEST_F(OwnershipTest, DelegateOfflineAndOn) {
  const std::string anchor = KeyOf(Made("anchor")), operators = KeyOf(Made("operator")),
                    router = KeyOf(Made("router"));
  EXPECT_EQ(Do({"delegate", "2001:db8::/32", "to", operators, "maxlen", "64", "key", Dir("anchor"), "domain",
                "corp", "file", Dir("one")}),
            0)
      << err.str();
  EXPECT_EQ(Do({"delegate", "2001:db8:1::/48", "to", router, "key", Dir("operator"), "under", Dir("one"),
                "file", Dir("two")}),
            0)
      << err.str();
  Domain domain{"corp", P("2001:db8::/32"), 48, Domain::Trust::kAnchors};
  const auto lines = TokenLines(*ReadFile(Dir("two")));
  ASSERT_EQ(lines.size(), 1u);
  const auto token = DecodeToken(lines[0].second);
  ASSERT_TRUE(token.ok()) << token.status();
  domain.anchors = {token->root};
  EXPECT_EQ(ToHex(token->root), anchor);
  EXPECT_EQ(token->chain.size(), 2u);
  EXPECT_EQ(token->chain[1].max_length, 64);
  EXPECT_EQ(ToHex(token->chain[1].subject), router);
  const auto now = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  EXPECT_TRUE(CheckToken(*token, token->chain[1].subject, domain, now).ok());
  // Not what is not held, nor by who does not hold it.
  EXPECT_EQ(Do({"delegate", "2001:db9::/48", "to", router, "key", Dir("operator"), "under", Dir("one")}), 2);
  EXPECT_EQ(Do({"delegate", "2001:db8:1::/80", "to", router, "key", Dir("operator"), "under", Dir("one")}),
            2);
  EXPECT_EQ(Do({"delegate", "2001:db8:1::/48", "to", router, "key", Dir("router"), "under", Dir("one")}), 2);
  EXPECT_EQ(Do({"delegate", "2001:db8:1::/48", "to", router, "key", Dir("operator"), "under", Dir("none")}),
            2);
}

constexpr char kRecord[] = R"({"domain": "chord", "trust": "open", "asked": 1, "unanswered": 0, "records": [
  {"bytes": 262, "prefix": "fd12::/48", "sequence": 7, "not_before": 1800000000, "expiry": 1800000600,
   "revoked": false, "locators": [{"address": "198.51.100.2", "encapsulation": "udp", "port": 6080, "mtu": 0}],
   "control_port": 4646, "public_key": "KEY", "root": "ROOT", "security": 1, "good": false,
   "chain": [{"prefix": "fd12::/40", "max_length": 64, "issuer": "ROOT", "subject": "KEY",
              "not_before": 1800000000, "expiry": 1800086400}],
   "checks": [{"check": "shape", "ok": true}, {"check": "domain", "ok": true},
              {"check": "signature", "ok": false, "why": "it is wrong"}]}]})";

TEST_F(OwnershipTest, RecordShowSpellsOutTheChain) {
  daemon.answer = boost::json::parse(kRecord);
  EXPECT_EQ(Do({"record", "show", "fd12::/48"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/records {"prefix":"fd12::/48"})");
  EXPECT_EQ(
      out.str(),
      "fd12::/48 via 198.51.100.2:6080 encap udp WRONG\n"
      "    sequence 7 from 2027-01-15T08:00:00Z until 2027-01-15T08:10:00Z control port 4646 bytes 262\n"
      "    signed by KEY security 1\n"
      "    link 1: fd12::/40 up to /64 from 2027-01-15T08:00:00Z until 2027-01-16T08:00:00Z\n"
      "        by ROOT\n"
      "        to KEY\n"
      "    checked: shape, domain\n"
      "    WRONG signature: it is wrong\n"
      "the domain is open: anybody may claim any prefix of it\n");
  EXPECT_EQ(Do({"record", "show", "fd12::5"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/records {"address":"fd12::5"})");
  EXPECT_EQ(Json({"record", "show", "fd12::5"}), daemon.answer.value());
}

TEST_F(OwnershipTest, RecordShowTellsNoneUnansweredAndDisputed) {
  daemon.answer = boost::json::parse(R"({"asked": 2, "unanswered": 0, "records": []})");
  EXPECT_EQ(Do({"record", "show", "fd12::/48"}), 1);
  daemon.answer = boost::json::parse(R"({"asked": 2, "unanswered": 1, "records": []})");
  EXPECT_EQ(Do({"record", "show", "fd12::/48"}), 2);
  EXPECT_EQ(err.str(), "ov6ctl: fd12::/48 could not be asked for: 1 of 2 keys did not answer\n");
  daemon.answer = boost::json::parse(R"({"asked": 1, "unanswered": 0, "records": [
      {"prefix": "fd12::/48", "root": "A", "good": true}, {"prefix": "fd12::/48", "root": "B", "good": true}]})");
  EXPECT_EQ(Do({"record", "show", "fd12::/48"}), 3);
  EXPECT_EQ(err.str(), "ov6ctl: claimed more than once: fd12::/48 by 2 keys\n");
  EXPECT_EQ(Do({"record", "show", "here"}), 255);
}

TEST_F(OwnershipTest, RecordRevokeAndRenew) {
  daemon.answer = boost::json::parse(R"({"replicas": 8})");
  EXPECT_EQ(Do({"record", "revoke", "fd12::/48"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/records/revoke {"prefix":"fd12::/48"})");
  EXPECT_EQ(Do({"record", "renew", "fd12::/48"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/records/renew {"prefix":"fd12::/48"})");
  EXPECT_EQ(Do({"record", "revoke", "fd12::1/48"}), 255);
}

}  // namespace
}  // namespace ov6::ctl
