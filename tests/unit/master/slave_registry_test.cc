// SPDX-License-Identifier: Apache-2.0
#include "tests/unit/master/fixture.h"

namespace ov6 {
namespace {

class SlaveRegistryTest : public MasterTest {};

TEST_F(SlaveRegistryTest, Refusals) {
  UpChord();
  struct Row {
    const char* name;
    UpgradeRequest request;
    Permission permission;
    int status;
    const char* sentence;
  };
  const Permission dht = Allow(SlaveKind::kDht, "other", {P("fc00::/8")});
  const Row rows[] = {
      {"another kind",
       {SlaveKind::kManagement, "other", {}},
       dht,
       403,
       "This session may not register the kind management."},
      {"another name",
       {SlaveKind::kDht, "nobody", {}},
       dht,
       403,
       "This session may register the name \"other\", not \"nobody\"."},
      {"a prefix outside",
       {SlaveKind::kDht, "other", {P("2001:db8::/32")}},
       dht,
       403,
       "This session may not register 2001:db8::/32."},
      {"a shorter prefix than allowed",
       {SlaveKind::kDht, "other", {P("fc00::/7")}},
       dht,
       403,
       "This session may not register fc00::/7."},
      {"a live slave's name",
       {SlaveKind::kDht, "chord", {P("fc00::/8")}},
       Allow(SlaveKind::kDht, "chord", {P("fc00::/8")}),
       409,
       "The name \"chord\" belongs to a slave that is up."},
      {"another slave's prefix",
       {SlaveKind::kDht, "other", {P("fd00::/8")}},
       Allow(SlaveKind::kDht, "other", {P("fd00::/8")}),
       409,
       "fd00::/8 overlaps fd00::/8 of the slave \"chord\"."},
      {"a more-specific of another's, not named in the permission",
       {SlaveKind::kDht, "other", {P("fd01::/16")}},
       Allow(SlaveKind::kDht, "other", {P("::/0")}),
       409,
       "fd01::/16 overlaps fd00::/8 of the slave \"chord\"."},
  };
  const auto slaves = kernel_.slaves();
  for (const Row& row : rows) {
    const auto outcome = master_.Register(row.request, row.permission);
    ASSERT_TRUE(std::holds_alternative<Refusal>(outcome)) << row.name;
    EXPECT_EQ(std::get<Refusal>(outcome).status, row.status) << row.name;
    EXPECT_EQ(std::get<Refusal>(outcome).sentence, row.sentence) << row.name;
  }
  EXPECT_EQ(kernel_.slaves(), slaves);
  EXPECT_EQ(master_.counters().registrations_refused, std::size(rows));
}

TEST_F(SlaveRegistryTest, MoreSpecificNamedInThePermissionIsAllowed) {
  UpChord();
  EXPECT_NE(Up(SlaveKind::kGateway, "gw0", {P("fd12:3456:789a:1::/64")}), 0u);
}

TEST_F(SlaveRegistryTest, IdsAreNeverUsedAgainNotEvenByASuccessorDaemon) {
  const SlaveId first = UpChord();
  master_.Goodbye(first);
  const SlaveId second = UpChord();
  EXPECT_GT(second, first);
  master_.Goodbye(second);
  Master successor(kernel_);
  ASSERT_TRUE(successor.Adopt(At(9)).ok());
  const auto outcome =
      successor.Register({SlaveKind::kDht, "chord", {}}, Allow(SlaveKind::kDht, "chord", {}));
  EXPECT_GT(std::get<SlaveId>(outcome), second);
}

TEST_F(SlaveRegistryTest, SlotsAreDistinctAndStayWithTheName) {
  const SlaveId chord = UpChord();
  const SlaveId management = Up(SlaveKind::kManagement, "management", {P("::/0")});
  EXPECT_EQ(kernel_.slaves().at(chord).port, 1);
  EXPECT_EQ(kernel_.slaves().at(management).port, 2);
  master_.Vanish(At(0), management);
  master_.Vanish(At(0), chord);
  EXPECT_EQ(kernel_.slaves().at(Up(SlaveKind::kManagement, "management", {P("::/0")})).port, 2);
  EXPECT_EQ(kernel_.slaves().at(UpChord()).port, 1);
}

}  // namespace
}  // namespace ov6
