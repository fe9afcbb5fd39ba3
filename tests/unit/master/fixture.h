// SPDX-License-Identifier: Apache-2.0
// A master on the datapath in memory, and short words for what the rows are made of.
#ifndef OV6_TESTS_UNIT_MASTER_FIXTURE_H
#define OV6_TESTS_UNIT_MASTER_FIXTURE_H

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/master/master.h"

namespace ov6 {

inline Prefix P(const char* text) { return *Prefix::Parse(text); }
inline BootTime At(int seconds) { return BootTime(std::chrono::seconds(seconds)); }
inline Locator L(const char* address) { return {*Ipv4::Parse(address), Encapsulation::k6in4, 0, 1, 0}; }
inline MappingAdd Add(const char* prefix, std::vector<Locator> locators = {L("198.51.100.2")},
                      uint32_t soft = 60000, uint32_t hard = 120000) {
  return {P(prefix), std::move(locators), soft, hard};
}
inline Permission Allow(SlaveKind kind, const char* name, std::vector<Prefix> prefixes, bool port = true) {
  return {{kind}, name, std::move(prefixes), port, {}};
}

class MasterTest : public testing::Test {
 protected:
  // Registers and activates; the session's permission is exactly this.
  SlaveId Up(SlaveKind kind, const char* name, std::vector<Prefix> prefixes) {
    const auto outcome = master_.Register({kind, name, prefixes}, Allow(kind, name, prefixes));
    EXPECT_TRUE(std::holds_alternative<SlaveId>(outcome)) << std::get<Refusal>(outcome).sentence;
    const SlaveId id = std::get<SlaveId>(outcome);
    EXPECT_TRUE(master_.Activate(id).ok());
    return id;
  }
  SlaveId UpChord() { return Up(SlaveKind::kDht, "chord", {P("fd00::/8")}); }
  // The sentence of the refusal of one change; empty: applied.
  std::string Apply(SlaveId id, MappingChange change, BootTime now = At(0)) {
    const auto ack = master_.Apply(now, id, {7, {std::move(change)}});
    EXPECT_EQ(ack.sequence, 7u);
    return ack.refused.empty() ? "" : ack.refused.front().reason;
  }

  FakeDatapath kernel_;
  Master master_{kernel_};
};

}  // namespace ov6

#endif
