// SPDX-License-Identifier: Apache-2.0
// Two nodes of one address and slot: the place stays with the one of the lower (incarnation, port), the other
// takes the next slot and says so, and the ring is right again.
#include <gtest/gtest.h>

#include "slaves/engine/chord/codec.h"
#include "tests/sim/simulator.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

constexpr Ipv4 kShared{0x0a630001};
constexpr uint8_t kSlot = 6;  // two steps further it is 0

struct World {
  struct Said {
    size_t node;
    TwinOutput output;
  };
  sim::Simulator s{11, {10ms, 10ms}};
  std::vector<Said> said;
  std::vector<size_t> joined;

  World() {
    s.on_output = [this](size_t node, const Output& output) {
      if (const auto* twin = std::get_if<TwinOutput>(&output)) said.push_back({node, *twin});
      if (std::holds_alternative<JoinedOutput>(output)) joined.push_back(node);
    };
  }
  void AddOthers(size_t count) {
    for (size_t i = 0; i < count; ++i) s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0});
  }
  // At the shared address, asking the first node.
  size_t AddAt(uint16_t port, uint64_t incarnation) {
    return s.Add({0}, [=](ChordConfig* config) {
      config->self = {kShared, port};
      config->slot = kSlot;
      config->incarnation = incarnation;
    });
  }
  int SlotOf(size_t node) const { return s.node(node).engine->View().self.slot; }
  bool BecomesPerfect(Duration limit = 30s) {
    return s.RunUntil([this] { return s.RingIsPerfect(); }, limit, 100ms);
  }
};

struct Row {
  const char* name;
  size_t others;
  uint64_t first, second;  // incarnations
  Duration between;        // their starts
};
class Twins : public testing::TestWithParam<Row>, public World {};

TEST_P(Twins, TheLaterOneTakesTheNextSlot) {
  const Row& row = GetParam();
  AddOthers(row.others);
  s.RunFor(10s);
  const size_t first = AddAt(4646, row.first);
  s.RunFor(row.between);
  const size_t second = AddAt(4647, row.second);
  s.RunFor(1s);
  ASSERT_TRUE(BecomesPerfect());
  s.RunFor(20s);
  EXPECT_TRUE(s.RingIsPerfect()) << "and stays so";
  const bool second_goes = row.second >= row.first;  // of equal incarnations the one of the higher port
  EXPECT_EQ(SlotOf(first), second_goes ? 6 : 7);
  EXPECT_EQ(SlotOf(second), second_goes ? 7 : 6);
  ASSERT_EQ(said.size(), 1u);
  EXPECT_EQ(said[0].node, second_goes ? first + 1 : first);
  EXPECT_EQ(said[0].output.twin, s.node(second_goes ? first : second).endpoint);
  EXPECT_EQ(said[0].output.slot, std::optional<uint8_t>(7));
}

INSTANTIATE_TEST_SUITE_P(Six, Twins,
                         testing::Values(Row{"the_newer_comes_to_a_ring", 4, 1000, 2000, 10s},
                                         Row{"the_older_comes_to_a_ring", 4, 2000, 1000, 10s},
                                         Row{"at_once", 4, 1000, 2000, 0s},
                                         Row{"at_once_and_as_old", 4, 1000, 1000, 0s},
                                         Row{"a_moment_later", 4, 1000, 2000, 15ms},
                                         Row{"the_newer_comes_to_a_mesh", 2, 1000, 2000, 10s},
                                         Row{"the_older_comes_to_a_mesh", 2, 2000, 1000, 10s},
                                         Row{"at_once_to_a_mesh", 2, 1000, 2000, 0s},
                                         Row{"the_newer_comes_to_a_large_ring", 12, 1000, 2000, 10s},
                                         Row{"the_older_comes_to_a_large_ring", 12, 2000, 1000, 10s}),
                         [](const auto& info) { return info.param.name; });

class Places : public testing::Test, public World {};

TEST_F(Places, NineOfOneAddressAreEightAndOneThatSaysSo) {
  AddOthers(3);
  s.RunFor(10s);
  std::vector<size_t> nine;
  for (uint16_t i = 0; i < 9; ++i) nine.push_back(AddAt(4646 + i, 1000 + i));
  s.RunFor(60s);
  std::vector<size_t> out;
  for (const Said& one : said) {
    if (!one.output.slot) out.push_back(one.node);
  }
  ASSERT_EQ(out, std::vector<size_t>{nine.back()}) << "the last one started";
  EXPECT_EQ(s.node(out[0]).engine->View().mode, Mode::kJoining);
  std::set<int> slots;
  for (size_t i = 0; i < 8; ++i) slots.insert(SlotOf(nine[i]));
  EXPECT_EQ(slots.size(), 8u);
  const size_t before = said.size(), ins = joined.size();
  s.RunFor(300s);
  EXPECT_EQ(said.size(), before) << "it tries again, and says no more";
  EXPECT_EQ(joined.size(), ins) << "nor does it found a ring of its own";

  s.Leave(nine[3]);
  ASSERT_TRUE(s.RunUntil([&] { return s.node(out[0]).engine->View().mode == Mode::kRing; }, 90s, 100ms));
  EXPECT_TRUE(BecomesPerfect());
}

TEST_F(Places, NineBackwardsAreEightAsWell) {
  AddOthers(3);
  s.RunFor(10s);
  std::vector<size_t> nine;
  for (uint16_t i = 0; i < 9; ++i) {
    nine.push_back(AddAt(4646 + i, 1000 - i));
    s.RunFor(3s);
  }
  s.RunFor(60s);
  EXPECT_EQ(s.node(nine[0]).engine->View().mode, Mode::kJoining) << "each has driven another one on";
  s.Crash(nine[0]);
  EXPECT_TRUE(BecomesPerfect());
}

class Gone : public testing::TestWithParam<size_t>, public World {};

TEST_P(Gone, IsNoTwin) {
  AddOthers(GetParam());
  const size_t old = AddAt(4646, 1000);
  s.RunFor(10s);
  s.Crash(old);
  const size_t next = AddAt(4647, 2000);
  EXPECT_TRUE(BecomesPerfect());
  EXPECT_EQ(SlotOf(next), kSlot);
  EXPECT_TRUE(said.empty());
}

INSTANTIATE_TEST_SUITE_P(OfARing, Gone, testing::Values(6));
INSTANTIATE_TEST_SUITE_P(OfAMesh, Gone, testing::Values(2));

// It needs no more to see that there are two; and whoever has not proven its address moves nobody.
TEST_F(Places, ATwinIsAnsweredContactAndQueryForACookie) {
  AddOthers(6);
  const size_t member = AddAt(4646, 2000);
  s.RunFor(10s);
  const Endpoint twin{kShared, 4647};
  std::vector<Message> answers;
  s.on_send = [&](const Endpoint&, const SendOutput& send) {
    if (send.to == twin) answers.push_back(std::get<Message>(Decode(send.bytes, NetworkHash("sim"))));
  };
  uint64_t cookie = 0;
  const auto ask = [&](MessageType type) {
    Message message;
    message.type = type;
    message.sender = PeerAt(twin, kSlot, 1000);
    message.mode = static_cast<uint32_t>(Mode::kRing);
    message.rpc = 7;
    message.cookie = cookie;
    answers.clear();
    s.Inject(member, twin, Encode(message, NetworkHash("sim"), kPaddedRequest));
  };
  for (const MessageType type : {MessageType::kContact, MessageType::kQuery}) {
    ask(type);
    ASSERT_EQ(answers.size(), 1u);
    EXPECT_EQ(answers[0].type, MessageType::kChallenge);
  }
  cookie = answers[0].cookie;
  const uint64_t version = s.node(member).engine->Version();
  for (const MessageType type : {MessageType::kNotify, MessageType::kMesh, MessageType::kLeave}) {
    ask(type);
    EXPECT_TRUE(answers.empty());
  }
  EXPECT_EQ(s.node(member).engine->Version(), version);
  ask(MessageType::kQuery);
  ASSERT_EQ(answers.size(), 1u);
  EXPECT_EQ(answers[0].type, MessageType::kState);
  EXPECT_EQ(answers[0].sender.slot, kSlot) << "of the place that was asked";
  EXPECT_EQ(SlotOf(member), kSlot + 1);
}

// As behind a NAT that does not lead back to itself.
struct Deaf : sim::Disguise {
  bool Hear(BootTime, const Endpoint& from, Bytes*) override { return from.address != kShared; }
  std::vector<SendOutput> Say(BootTime, SendOutput output) override { return {output}; }
};

class Unheard : public testing::TestWithParam<size_t>, public World {};

TEST_P(Unheard, TwinsThatDontHearEachOtherGoByWhatOthersList) {
  AddOthers(GetParam());
  const size_t first = AddAt(4646, 1000);
  s.node(first).disguise = std::make_unique<Deaf>();
  s.RunFor(10s);
  const size_t second = AddAt(4647, 2000);
  s.node(second).disguise = std::make_unique<Deaf>();
  EXPECT_TRUE(s.RunUntil([&] { return SlotOf(second) == kSlot + 1; }, 60s));
  s.RunFor(30s);
  EXPECT_EQ(SlotOf(first), kSlot);
  EXPECT_EQ(SlotOf(second), kSlot + 1);
  EXPECT_EQ(said.size(), 1u);
}

INSTANTIATE_TEST_SUITE_P(Of, Unheard, testing::Values(2, 24));

// What is under way when a member has to go is answered, and what it publishes is there again afterwards.
TEST_F(Places, AMemberThatStepsAsideGoesOn) {
  AddOthers(6);
  const size_t first = AddAt(4646, 2000);
  s.RunFor(10s);
  std::vector<GetOutput> gets;
  s.on_output = [&](size_t, const Output& output) {
    if (const auto* get = std::get_if<GetOutput>(&output)) gets.push_back(*get);
  };
  s.Put(first, sim::KeyOf("key"), sim::MakeValue("me", 1));
  s.RunFor(2s);
  AddAt(4647, 1000);
  const uint64_t before = s.node(first).engine->Counter("stepped_aside");
  ASSERT_TRUE(s.RunUntil([&] { return s.node(first).engine->Counter("stepped_aside") > before; }, 10s, 5ms));
  const uint64_t key = s.Get(first, sim::KeyOf("key"));
  s.Get(first, sim::KeyOf("nothing"));
  ASSERT_TRUE(s.RunUntil([&] { return gets.size() == 2; }, 10s));
  EXPECT_EQ(gets[0].outcome, gets[0].id == key ? GetOutcome::kFound : GetOutcome::kAbsent);
  EXPECT_EQ(gets[1].outcome, gets[1].id == key ? GetOutcome::kFound : GetOutcome::kAbsent);
  EXPECT_TRUE(BecomesPerfect());
}

}  // namespace
}  // namespace ov6::chord
