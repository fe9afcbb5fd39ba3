// SPDX-License-Identifier: Apache-2.0
// Prefixes that a slave elsewhere claims, as the sites have them.
#include "userspace/ov6d/site_control.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

using std::chrono::hours;
using testing::HasSubstr;

const UnixTime kNow{std::chrono::seconds(1'800'000'000)};

class SiteClaimTest : public testing::Test {
 protected:
  void SetUp() override {
    Domain& domain = written_.domains.emplace_back();
    domain.name = "chord";
    domain.prefix = *Prefix::Parse("fd00::/8");
    for (const char* name : {"home", "away"}) {
      SiteConfig& site = written_.sites.emplace_back();
      site.interface = std::string("ov6-") + name;
      site.remote = name;
      site.own = "chord";
    }
    config_ = written_;
  }
  void TearDown() override { std::filesystem::remove_all(state_); }

  Prefix Subnet() const {
    Prefix subnet{site_.Owned(written_.domains[0]).address, 64};
    subnet.address.bytes[7] = 1;
    return subnet;
  }
  DelegationToken Token(const Prefix& prefix, const NodeKey& by, const PublicKey& to) const {
    Delegation link;
    link.prefix = prefix;
    link.max_length = prefix.length;
    link.subject = to;
    link.not_before = kNow;
    link.expiry = kNow + hours(1);
    return Extend({"chord", by.key.public_key(), by.modifier, by.security(), {}}, by.key, link);
  }
  std::string Refusal(const DelegationToken& token, const char* name = "home") {
    return std::string(control_.Claim(name, token).message());
  }

  std::filesystem::path state_ = [] {
    char name[] = "/tmp/ov6-claim-test-XXXXXX";
    return std::filesystem::path(mkdtemp(name));
  }();
  NodeKey key_{PrivateKey::Generate(), {}}, site_{PrivateKey::Generate(), {}};
  const PublicKey& self_ = key_.key.public_key();
  UnixTime now_ = kNow;
  int changed_ = 0;
  Config written_, config_;
  NodeLayout layout_;
  FakeDatapath kernel_;
  Master master_{kernel_};
  SiteMoves moves_{state_};
  SiteControl control_{{written_, config_, layout_, key_, master_, [] { return BootTime{}; },
                        [this] { return now_; }, [this] { ++changed_; }},
                       moves_};
};

TEST_F(SiteClaimTest, TheSiteHasItUntilTheDelegationEnds) {
  const DelegationToken token = Token(Subnet(), site_, self_);
  ASSERT_EQ(Refusal(token), "");
  EXPECT_EQ(changed_, 1);
  ASSERT_EQ(layout_.sites.at(0).size(), 1u);
  EXPECT_EQ(layout_.sites[0][0].prefix, Subnet());
  EXPECT_EQ(layout_.registrations.at("chord"), std::vector{Subnet()});
  EXPECT_EQ(config_.delegations, std::vector{token});
  EXPECT_EQ(layout_.site_addresses.size(), 2u);
  control_.EndClaims();
  EXPECT_EQ(changed_, 1);
  now_ += hours(1);
  control_.EndClaims();
  EXPECT_TRUE(layout_.sites.at(0).empty());
  EXPECT_TRUE(config_.delegations.empty());
}

TEST_F(SiteClaimTest, WhatIsNotItsOwnersToDelegate) {
  const NodeKey other{PrivateKey::Generate(), {}};
  EXPECT_NE(Refusal(Token(Subnet(), other, self_)), "") << "it is not cut from that key";
  EXPECT_THAT(Refusal(Token(Subnet(), site_, other.key.public_key())), HasSubstr("is not for the key"));
  EXPECT_THAT(Refusal(Token(site_.Owned(written_.domains[0]), site_, self_)), HasSubstr("is no /64"));
  DelegationToken altered = Token(Subnet(), site_, self_);
  altered.chain.back().expiry += hours(1);
  EXPECT_NE(Refusal(altered), "") << "the signature is over what was said";
  EXPECT_THAT(Refusal(Token(Subnet(), site_, self_), "nobody"),
              HasSubstr("is not for a prefix of its own key"));
  EXPECT_EQ(changed_, 0);
  ASSERT_EQ(Refusal(Token(Subnet(), site_, self_)), "");
  EXPECT_THAT(Refusal(Token(Subnet(), site_, self_), "away"), HasSubstr("is at another site of this router"));
}

// What went to another router by a claim, and comes back by one.
TEST_F(SiteClaimTest, ALossEndsWithTheNextClaim) {
  const DelegationToken token = Token(Subnet(), site_, self_);
  ASSERT_EQ(Refusal(token), "");
  SiteLoss loss{{"chord", Subnet()}, {}, kNow, true};
  ASSERT_TRUE(moves_.Lose(loss).ok());
  ASSERT_TRUE(control_.Adopt().ok());
  EXPECT_TRUE(layout_.sites.at(0).empty());
  SiteMoves again(state_);
  ASSERT_TRUE(again.Load().ok());
  EXPECT_TRUE(again.losses().empty()) << "it is nothing that a restart would take back";
  ASSERT_EQ(Refusal(token), "");
  EXPECT_EQ(layout_.sites.at(0).size(), 1u);
  EXPECT_TRUE(moves_.losses().empty());
}

}  // namespace
}  // namespace ov6
