// SPDX-License-Identifier: Apache-2.0
// Prefixes that slaves elsewhere claim by keys of their own (docs/slave-protocol.md section 8).
#include <boost/json.hpp>

#include "tests/unit/ov6d/service_fixture.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;
using testing::StartsWith;

class ClaimTest : public RemoteServiceTest {
 protected:
  void SetUp() override {
    RemoteToken token;
    token.name = "home";
    token.domain = "chord";
    secret_ = *tokens_.Add(token);
    SlaveService::Environment environment = RemoteEnvironment();
    environment.claim = [this](const std::string& name, const DelegationToken& claimed) {
      claims_.push_back(name + " " + claimed.chain.back().prefix.ToString());
      return absl::OkStatus();
    };
    remote_.emplace(std::move(environment), std::vector{PlanWith({})});
  }
  SlavePlan PlanWith(std::vector<Prefix> prefixes) const {
    SlavePlan plan = Plan(SlaveKind::kGateway, "home", "::/0");
    plan.remote = plan.claims = true;
    plan.prefixes = std::move(prefixes);
    plan.config["own"] = boost::json::object();
    return plan;
  }
  // What the daemon does when a site has got a prefix.
  void CarryOut() {
    remote_->Replan({PlanWith({subnet_})});
    Run();
  }
  std::unique_ptr<FakeSlave> Come(std::vector<Prefix> prefixes = {}) {
    auto slave = Connect();
    answer_ = slave->Open({SlaveKind::kGateway, "home", std::move(prefixes), secret_});
    return slave;
  }
  static Challenge ChallengeOf(FakeSlave& slave) {
    const auto config = boost::json::parse(slave.Ask("config").result);
    const std::string bytes = *FromHex(std::string(config.at("own").at("challenge").as_string()));
    Challenge challenge;
    EXPECT_EQ(bytes.size(), challenge.size());
    std::copy(bytes.begin(), bytes.end(), challenge.begin());
    return challenge;
  }
  std::string ClaimBy(const PrivateKey& prover, const Challenge& challenge, const PublicKey& router,
                      const std::string& name = "home") const {
    Delegation link;
    link.prefix = subnet_;
    link.subject = key_.key.public_key();
    const DelegationToken token = Extend({"chord", site_.public_key(), {}, 0, {}}, site_, link);
    const Signature proof = prover.Sign(ClaimBytes(challenge, router, name));
    return boost::json::serialize(
        boost::json::object{{"delegation", EncodeToken(token)}, {"proof", ToHex(proof)}});
  }
  std::string Claim(FakeSlave& slave) const {
    return ClaimBy(site_, ChallengeOf(slave), key_.key.public_key());
  }
  bool Routed() const { return kernel_.routes().contains(subnet_); }

  std::string secret_, answer_;
  PrivateKey site_ = PrivateKey::Generate();
  Prefix subnet_ = P("fd77:7777:7777:1::/64");
  std::vector<std::string> claims_;
};

TEST_F(ClaimTest, WhoProvesItHasIt) {
  const auto slave = Come();
  EXPECT_THAT(answer_, StartsWith("HTTP/1.1 101 "));
  EXPECT_THAT(slave->Next<AddressAssignCapsule>()->prefixes, IsEmpty());
  const ReturnCapsule answer = slave->Ask("claim", Claim(*slave));
  EXPECT_EQ(answer.code, 0u);
  EXPECT_EQ(answer.result, R"({"prefix":"fd77:7777:7777:1::/64"})");
  EXPECT_EQ(claims_, std::vector<std::string>{"home fd77:7777:7777:1::/64"});
  CarryOut();
  EXPECT_TRUE(Routed());
  const auto assigned = slave->Next<AddressAssignCapsule>();
  ASSERT_TRUE(assigned);
  EXPECT_EQ(assigned->prefixes.at(0).prefix, subnet_);
}

TEST_F(ClaimTest, WhoDoesNotHasNothing) {
  const auto slave = Come(), router = std::make_unique<FakeSlave>(*this, "chord");
  const Challenge challenge = ChallengeOf(*slave);
  Challenge other = challenge;
  other[31] ^= 1;
  const PublicKey& own = key_.key.public_key();
  const std::string good = ClaimBy(site_, challenge, own);
  const struct {
    const char* name;
    std::string argument;
    uint64_t code;
  } rows[] = {
      {"another's key", ClaimBy(PrivateKey::Generate(), challenge, own), 7},
      {"another session's challenge", ClaimBy(site_, other, own), 7},
      {"what was said to another master", ClaimBy(site_, challenge, site_.public_key()), 7},
      {"another site's", ClaimBy(site_, challenge, own, "away"), 7},
      {"no proof", R"({"delegation": "x"})", 3},
  };
  for (const auto& row : rows) EXPECT_EQ(slave->Ask("claim", row.argument).code, row.code) << row.name;
  EXPECT_THAT(claims_, IsEmpty());
  EXPECT_EQ(remote_->counters().claims_refused, std::size(rows));
  EXPECT_EQ(slave->Ask("claim", good).code, 8u) << "and too often is too often";
  now_ += std::chrono::seconds(10);
  EXPECT_EQ(slave->Ask("claim", good).code, 0u);
}

TEST_F(ClaimTest, WhatIsNoClaimIsASentence) {
  const auto slave = Come();
  for (const char* argument : {"", "[]", R"({"proof": "00"})"})
    EXPECT_THAT(slave->Ask("claim", argument).result, HasSubstr("the argument should be")) << argument;
  const std::string proof(128, '0');
  EXPECT_EQ(slave->Ask("claim", R"({"delegation": "ov6-delegation-1:x", "proof": ")" + proof + "\"}").code,
            3u);
}

// The site keeps the prefix while its gateway is away; who comes meanwhile with the token does not get it.
TEST_F(ClaimTest, AnotherSessionHasNothingOfIt) {
  auto first = Come();
  first->Ask("claim", Claim(*first));
  CarryOut();
  first->Vanish();
  EXPECT_FALSE(Routed());
  Come({subnet_});
  EXPECT_THAT(answer_, HasSubstr("403"));
  const auto second = Come();
  EXPECT_THAT(second->Next<AddressAssignCapsule>()->prefixes, IsEmpty());
  second->Send(RouteAdvertisementCapsule{{subnet_}});
  CarryOut();
  EXPECT_FALSE(Routed());
  EXPECT_EQ(boost::json::parse(second->Ask("config").result).at("prefixes"), boost::json::array());
  second->Ask("claim", Claim(*second));
  EXPECT_TRUE(Routed()) << "at once, since the site has it";
}

}  // namespace
}  // namespace ov6
