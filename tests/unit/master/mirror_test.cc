// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/master/fixture.h"

namespace ov6 {
namespace {

class MirrorTest : public testing::Test {
 protected:
  FakeDatapath kernel_;
  MasterCounters counters_;
  RouteControl routes_{kernel_, counters_};
  const Route route_{3, Action::kTunnel, 0};
};

TEST_F(MirrorTest, FailedWriteIsTriedAgainWithGrowingDelay) {
  kernel_.FailNext("SetRoute", absl::UnavailableError("out of memory"), 3);
  EXPECT_TRUE(absl::IsUnavailable(routes_.Set(P("fd00::/8"), route_)));
  EXPECT_TRUE(kernel_.routes().empty());
  EXPECT_EQ(counters_.writes_failed, 1u);
  const BootTime start = At(1);
  routes_.Retry(start);                                   // fails; again after 100 ms
  routes_.Retry(start + std::chrono::milliseconds(99));   // not due
  routes_.Retry(start + std::chrono::milliseconds(100));  // fails; again after 200 ms
  routes_.Retry(start + std::chrono::milliseconds(299));  // not due
  EXPECT_TRUE(kernel_.routes().empty());
  routes_.Retry(start + std::chrono::milliseconds(300));
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")), route_);
  EXPECT_EQ(counters_.writes_retried, 1u);
  EXPECT_EQ(kernel_.calls().size(), 4u);
}

TEST_F(MirrorTest, FailedDeleteIsTriedAgain) {
  ASSERT_TRUE(routes_.Set(P("fd00::/8"), route_).ok());
  kernel_.FailNext("DeleteRoute", absl::UnavailableError("busy"));
  EXPECT_FALSE(routes_.Remove(P("fd00::/8"), 3).ok());
  EXPECT_TRUE(routes_.routes().empty());
  EXPECT_EQ(kernel_.routes().size(), 1u);
  routes_.Retry(At(1));
  EXPECT_TRUE(kernel_.routes().empty());
}

TEST_F(MirrorTest, FullMapChangesNothing) {
  kernel_.set_limits({.routes = 1});
  ASSERT_TRUE(routes_.Set(P("fd00::/8"), route_).ok());
  EXPECT_TRUE(absl::IsResourceExhausted(routes_.Set(P("fc00::/8"), route_)));
  EXPECT_EQ(routes_.routes().size(), 1u);
  EXPECT_EQ(counters_.changes_full, 1u);
  EXPECT_EQ(counters_.writes_failed, 0u);
}

TEST_F(MirrorTest, ReconcileMakesTheKernelWhatTheMirrorIs) {
  ASSERT_TRUE(routes_.Set(P("fd00::/8"), route_).ok());
  ASSERT_TRUE(routes_.Set(P("fc00::/8"), route_).ok());
  ASSERT_TRUE(kernel_.DeleteRoute(P("fd00::/8")).ok());                           // lost
  ASSERT_TRUE(kernel_.SetRoute(P("fc00::/8"), {9, Action::kSite, 0}).ok());       // changed
  ASSERT_TRUE(kernel_.SetRoute(P("2001:db8::/32"), {9, Action::kPass, 0}).ok());  // foreign
  ASSERT_TRUE(routes_.Reconcile(At(5)).ok());
  EXPECT_EQ(kernel_.routes(), routes_.routes());
  EXPECT_EQ(kernel_.routes().size(), 2u);
  EXPECT_EQ(counters_.reconciled, 3u);
}

}  // namespace
}  // namespace ov6
