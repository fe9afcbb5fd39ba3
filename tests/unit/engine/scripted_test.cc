// SPDX-License-Identifier: Apache-2.0
// One node among peers that say what the test has them say.
#include <gtest/gtest.h>

#include <deque>

#include "ov6/leave.h"
#include "slaves/engine/chord/codec.h"
#include "tests/sim/simulator.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

// The ring, by the first byte of each id: 0x10 (before), 0x20 (the node), 0x30, 0x40, 0x50.
class Scripted : public testing::Test {
 protected:
  struct Asked {
    Peer to;
    Message message;
  };

  // A node whose id begins with this byte, and whose address ends with it.
  static Peer At(uint8_t place) {
    uint32_t address = 0x0a000000u + place;
    while (IdOf(Ipv4{address}, 0)[0] != place) address += 256;
    return PeerAt({Ipv4{address}, 4646}, 0, 1);
  }

  void SetUp() override {
    ChordConfig config;
    config.self = At(0x20).endpoint;
    config.successors = 4;
    config.replicas = 3;
    config.network = "sim";
    config.bootstrap = {At(0x30).endpoint};
    config.checker = sim::CheckValue;
    config.republish = 1h;
    config.table_members = table_members_;
    engine_.emplace(config);
    engine_->Start(now_);
    Drain();
  }

  // What a peer answers; the default is a quiet ring in which the node has its place. nullopt: nothing.
  virtual std::optional<Message> Answer(const Peer& to, const Message& request) {
    if (silent_.contains(to.id)) return std::nullopt;
    Message reply;
    reply.type = ReplyTo(request.type);
    reply.sender = to;
    reply.rpc = request.rpc;
    reply.mode = static_cast<uint32_t>(Mode::kRing);
    // The bootstrap is the one asked for the way in, and it sends on to the node before.
    const bool join = request.type == MessageType::kFind && (request.flags & kWantPredecessor) != 0;
    if (join && to.id != At(0x10).id) {
      reply.successors = {At(0x10)};
    } else if (request.type == MessageType::kFind) {
      reply.flags = kFinal;
      reply.successors = {At(0x30), At(0x40), At(0x50), At(0x10)};
    }
    if (request.type == MessageType::kQuery) {
      reply.predecessor = to.id == At(0x30).id ? At(0x20) : At(0x30);
      if (to.id == At(0x30).id) reply.successors = {At(0x40), At(0x50), At(0x10)};
    }
    if (request.type == MessageType::kPut) {
      reply.flags = kOwner;
      reply.count = 1;
    }
    if (tune_) tune_(to, request, &reply);
    return reply;
  }
  void Drain() {
    while (const auto output = engine_->NextOutput()) {
      if (const auto* get = std::get_if<GetOutput>(&*output)) gets_.push_back(*get);
      if (const auto* put = std::get_if<PutOutput>(&*output)) puts_.push_back(*put);
      const auto* send = std::get_if<SendOutput>(&*output);
      if (send == nullptr) continue;
      const auto decoded = Decode(send->bytes, NetworkHash("sim"));
      const Message& message = std::get<Message>(decoded);
      const Peer to = At(static_cast<uint8_t>(send->to.address.value));
      asked_.push_back({to, message});
      if (IsReply(message.type)) continue;
      if (const auto reply = Answer(to, message)) replies_.push_back({to, *reply});
    }
  }
  void Say(const Endpoint& from, const Message& message) {
    engine_->OnMessage(now_, from, Encode(message, NetworkHash("sim"), kPaddedRequest));
    Drain();
  }
  // In steps of 5 ms, which is also how long an answer takes.
  void RunFor(Duration time) {
    for (const BootTime end = now_ + time; now_ < end;) {
      now_ += 5ms;
      for (auto due = std::exchange(replies_, {}); !due.empty(); due.pop_front())
        Say(due.front().to.endpoint, due.front().message);
      if (engine_->NextDeadline() <= now_) engine_->OnTimer(now_);
      Drain();
    }
  }
  bool RunUntil(const std::function<bool()>& done, Duration limit) {
    for (const BootTime end = now_ + limit; now_ < end && !done();) RunFor(5ms);
    return done();
  }
  bool Complete() const { return engine_->StateJson(now_).find("\"complete\":true") != std::string::npos; }
  size_t Count(MessageType type, uint8_t to) const {
    return static_cast<size_t>(std::count_if(asked_.begin(), asked_.end(), [&](const Asked& a) {
      return a.message.type == type && a.to.id == At(to).id;
    }));
  }

  size_t table_members_ = 10000;
  BootTime now_{1s};
  std::optional<ChordEngine> engine_;
  std::set<Key> silent_;
  std::function<void(const Peer& to, const Message& request, Message* reply)> tune_;
  std::deque<Asked> replies_;
  std::vector<Asked> asked_;
  std::vector<GetOutput> gets_;
  std::vector<PutOutput> puts_;
};

TEST_F(Scripted, APullIsCompleteWhenASourceIs) {
  RunFor(200ms);
  EXPECT_EQ(engine_->View().mode, Mode::kRing);
  EXPECT_TRUE(Complete());
  EXPECT_EQ(Count(MessageType::kPull, 0x30), 2u) << "to fetch, and to compare with a new holder";
}

// They are fetching too, and have not come to what was put before they came.
TEST_F(Scripted, APullGoesOnWhileEverySourceIsFetching) {
  bool fetching = true;
  const Key key{0x1f};
  tune_ = [&](const Peer&, const Message& request, Message* reply) {
    if (request.type != MessageType::kPull) return;
    if (fetching) reply->flags |= kIncomplete;
    if (!fetching) reply->entries = {{key, sim::MakeValue("owner", 1)}};
  };
  RunFor(3s);
  EXPECT_EQ(engine_->View().mode, Mode::kRing);
  EXPECT_FALSE(Complete());
  EXPECT_GT(engine_->Counter("pull_again"), 1u);
  EXPECT_EQ(engine_->StoredValues(), 0u);
  fetching = false;
  EXPECT_TRUE(RunUntil([&] { return Complete(); }, 1s));
  EXPECT_EQ(engine_->StoredValues(), 1u);
}

// Nodes that wait for each other: each has had as many rounds as this one.
TEST_F(Scripted, APullEndsWhenAllThatWaitHaveToldEachOtherEverything) {
  uint32_t rounds = 0;
  tune_ = [&](const Peer&, const Message& request, Message* reply) {
    if (request.type != MessageType::kPull) return;
    reply->flags |= kIncomplete;
    reply->count = rounds;
  };
  RunFor(1s);
  EXPECT_FALSE(Complete()) << "the others have not had a round";
  rounds = 2;
  EXPECT_TRUE(RunUntil([&] { return Complete(); }, 1s));
}

TEST_F(Scripted, APullThatNobodyAnswersGoesOn) {
  bool heard = false;
  tune_ = [&](const Peer&, const Message& request, Message* reply) {
    if (request.type == MessageType::kPull && !heard) reply->rpc = 0;  // gets lost
  };
  RunFor(8s);
  EXPECT_FALSE(Complete());
  EXPECT_GT(engine_->Counter("pull_unheard"), 0u);
  heard = true;
  EXPECT_TRUE(RunUntil([&] { return Complete(); }, 6s));
}

TEST_F(Scripted, OnlyNodesThatAreFetchingIsCouldNotAsk) {
  tune_ = [&](const Peer&, const Message& request, Message* reply) {
    if (request.type == MessageType::kPull || request.type == MessageType::kGet) reply->flags |= kIncomplete;
  };
  RunFor(200ms);
  engine_->Submit(now_, GetRequest{1, Key{0x1f}});  // its own arc: it asks itself, then those behind
  engine_->Submit(now_, GetRequest{2, Key{0x2f}});  // the next one's
  Drain();
  ASSERT_TRUE(RunUntil([&] { return gets_.size() == 2; }, 10s));
  EXPECT_EQ(gets_[0].outcome, GetOutcome::kUnreachable);
  EXPECT_EQ(gets_[1].outcome, GetOutcome::kUnreachable);
}

TEST_F(Scripted, OneThatKnowsMakesItAbsent) {
  tune_ = [&](const Peer& to, const Message& request, Message* reply) {
    if (request.type == MessageType::kGet && to.id != At(0x50).id) reply->flags |= kIncomplete;
  };
  RunFor(200ms);
  engine_->Submit(now_, GetRequest{2, Key{0x2f}});
  Drain();
  ASSERT_TRUE(RunUntil([&] { return gets_.size() == 1; }, 10s));
  EXPECT_EQ(gets_[0].outcome, GetOutcome::kAbsent);
}

// All the others fall silent at once: what is left is a node alone, which owns every key and knows nothing.
TEST_F(Scripted, ANodeThatNobodyAnswersCouldNotAsk) {
  RunFor(200ms);
  silent_ = {At(0x10).id, At(0x30).id, At(0x40).id, At(0x50).id};
  ASSERT_TRUE(RunUntil([&] { return engine_->View().successors.empty(); }, 60s));
  engine_->Submit(now_, GetRequest{1, Key{0x77}});
  Drain();
  ASSERT_TRUE(RunUntil([&] { return gets_.size() == 1; }, 10s));
  EXPECT_EQ(gets_[0].outcome, GetOutcome::kUnreachable);
}

TEST(Alone, AFounderWhoKnowsOfNobodyKnowsWhatIsAbsent) {
  sim::Simulator s(9);
  s.Add({});
  s.RunFor(1s);
  const uint64_t id = s.Get(0, sim::KeyOf("x"));
  s.RunFor(1s);
  ASSERT_NE(s.Answer(0, id), nullptr);
  EXPECT_EQ(s.Answer(0, id)->outcome, GetOutcome::kAbsent);
}

TEST(Alone, OneWhoseBootstrapNeverAnsweredCouldNotAsk) {
  sim::Simulator s(9);
  s.Add({7});
  s.RunFor(5s);
  ASSERT_TRUE(s.node(0).joined);
  const uint64_t id = s.Get(0, sim::KeyOf("x"));
  s.RunFor(1s);
  ASSERT_NE(s.Answer(0, id), nullptr);
  EXPECT_EQ(s.Answer(0, id)->outcome, GetOutcome::kUnreachable);
}

// 0x30 is the key's owner no more: 0x28 has come in before it.
TEST_F(Scripted, APutFollowsToTheOneThatCameInBetween) {
  tune_ = [&](const Peer& to, const Message& request, Message* reply) {
    if (request.type != MessageType::kPut || to.id == At(0x28).id) return;
    reply->flags = 0;
    reply->predecessor = At(to.id == At(0x30).id ? 0x28 : to.id == At(0x40).id ? 0x30 : 0x40);
  };
  RunFor(200ms);
  engine_->Submit(now_, PutRequest{1, Key{0x24}, sim::MakeValue("owner", 1)});
  Drain();
  EXPECT_TRUE(RunUntil([&] { return !puts_.empty(); }, 5s));
  ASSERT_EQ(puts_.size(), 1u);
  EXPECT_TRUE(puts_[0].stored);
  EXPECT_EQ(puts_[0].replicas, 4);
  EXPECT_EQ(Count(MessageType::kPut, 0x28), 1u);
  EXPECT_EQ(Count(MessageType::kPut, 0x30), 1u) << "it is not put all over again";
  EXPECT_EQ(engine_->Counter("put_followed"), 1u);
  EXPECT_EQ(engine_->Counter("put_beside_owner"), 0u);
}

class ByFingers : public Scripted {
 protected:
  ByFingers() { table_members_ = 0; }
};

// Between the node that answers and the key all are silent: nobody is left who says for sure who the holders
// are, and whoever is named behind the key is asked.
TEST_F(ByFingers, AGetGoesByAListWhenAllBeforeTheKeyAreSilent) {
  const Key key{0x48};
  tune_ = [&](const Peer& to, const Message& request, Message* reply) {
    if (request.type == MessageType::kFind && request.key == key) {
      reply->flags = 0;
      reply->successors = {At(0x50), At(0x10), At(0x38), At(0x40), At(0x44)};
      if (to.id != At(0x30).id) reply->successors = {At(0x30), At(0x40)};
    }
    if (request.type == MessageType::kGet) reply->entries = {{key, sim::MakeValue("owner", 1)}};
  };
  RunFor(200ms);
  silent_ = {At(0x38).id, At(0x40).id, At(0x44).id};
  engine_->Submit(now_, GetRequest{1, key});
  Drain();
  ASSERT_TRUE(RunUntil([&] { return gets_.size() == 1; }, 600ms)) << "before anybody counts as dead";
  EXPECT_EQ(gets_[0].outcome, GetOutcome::kFound);
  EXPECT_EQ(Count(MessageType::kGet, 0x50), 1u);
  EXPECT_EQ(engine_->Counter("peer_dead"), 0u);
}

// One names friends of its own as the holders; the others know better.
TEST_F(ByFingers, APutGoesToAllThatSeveralTakeForTheHolders) {
  const Key key{0x48};
  tune_ = [&](const Peer& to, const Message& request, Message* reply) {
    if (request.type != MessageType::kFind || request.key != key) return;
    reply->successors = {At(0x50), At(0x10)};
    if (to.id == At(0x40).id) reply->successors = {At(0x49), At(0x4a), At(0x4b), At(0x4c)};
  };
  RunFor(200ms);
  engine_->Submit(now_, PutRequest{1, key, sim::MakeValue("owner", 1)});
  Drain();
  ASSERT_TRUE(RunUntil([&] { return !puts_.empty(); }, 2s));
  EXPECT_GE(Count(MessageType::kFind, 0x40), 1u);
  for (const uint8_t holder : {0x49, 0x4a, 0x4b, 0x50, 0x10}) EXPECT_EQ(Count(MessageType::kPut, holder), 1u);
  EXPECT_EQ(Count(MessageType::kPut, 0x4c), 0u) << "three replicas of each word";
}

// Each names fourteen behind it and one ahead: there is no end of those behind.
TEST_F(ByFingers, ALookupKeepsTheNearestOfAllItHearsOf) {
  const Key key{0xf8};
  tune_ = [&](const Peer& to, const Message& request, Message* reply) {
    if (request.type != MessageType::kFind || request.key != key) return;
    const uint8_t place = to.id[0];
    reply->successors = {At(0xf9), At(0xfa), At(0xfb)};
    if (place >= 0xf0) return;
    reply->flags = 0;
    reply->successors = {At(place + 8)};
    for (int i = 1; i <= 14; ++i) reply->successors.push_back(At(static_cast<uint8_t>(place - i)));
  };
  RunFor(200ms);
  engine_->Submit(now_, PutRequest{1, key, sim::MakeValue("owner", 1)});
  Drain();
  ASSERT_TRUE(RunUntil([&] { return !puts_.empty(); }, 2s));
  EXPECT_EQ(Count(MessageType::kFind, 0xf0), 1u);
  for (const uint8_t holder : {0xf9, 0xfa, 0xfb}) EXPECT_EQ(Count(MessageType::kPut, holder), 1u);
}

// Nodes lie as densely everywhere; who names others that lie ten times as far apart keeps somebody back.
TEST_F(ByFingers, AnAnswerThatIsTooSparseIsDoubted) {
  const Key key{0x88};
  bool lied = false;
  tune_ = [&](const Peer&, const Message& request, Message* reply) {
    if (request.type != MessageType::kFind || (request.flags & kWantPredecessor) != 0) return;
    const bool lie = request.key == key && !std::exchange(lied, request.key == key);
    reply->successors.clear();
    for (int i = 1; i <= 4; ++i)
      reply->successors.push_back(At(static_cast<uint8_t>((*request.key)[0] + (lie ? 24 : 2) * i)));
    if (request.type == MessageType::kGet) reply->entries = {{key, sim::MakeValue("owner", 1)}};
  };
  RunFor(60s);
  EXPECT_EQ(engine_->Counter("doubted"), 0u);
  engine_->Submit(now_, GetRequest{1, key});
  Drain();
  ASSERT_TRUE(RunUntil([&] { return !gets_.empty(); }, 10s));
  EXPECT_TRUE(lied);
  EXPECT_GE(engine_->Counter("doubted"), 1u);
  EXPECT_GE(Count(MessageType::kGet, 0x8a), 1u);
  EXPECT_EQ(Count(MessageType::kGet, 0xa0), 0u);
}

// The successor leaves 0x48 out; 0x50 knows it as its predecessor.
TEST_F(ByFingers, WhomTheSuccessorLeavesOutStaysInTheListWhileItAnswers) {
  tune_ = [&](const Peer& to, const Message& request, Message* reply) {
    if (request.type != MessageType::kQuery || to.id == At(0x30).id) return;
    reply->predecessor = to.id == At(0x50).id ? At(0x48) : to.id == At(0x48).id ? At(0x40) : At(0x30);
    if (to.id == At(0x10).id) reply->predecessor = At(0x50);
  };
  const std::vector<Peer> told = {At(0x30), At(0x40), At(0x50), At(0x10)};
  const std::vector<Peer> heard = {At(0x30), At(0x40), At(0x48), At(0x50)};
  RunFor(200ms);
  EXPECT_EQ(engine_->View().successors, told);
  ASSERT_TRUE(RunUntil([&] { return engine_->View().successors == heard; }, 60s));
  RunFor(60s);
  EXPECT_EQ(engine_->View().successors, heard);
  silent_ = {At(0x48).id};
  EXPECT_TRUE(RunUntil([&] { return engine_->View().successors == told; }, 30s));
}

TEST_F(Scripted, AListOfHoldersIsAnsweredToWhoReads) {
  RunFor(200ms);
  Message find;
  find.type = MessageType::kFind;
  find.sender = At(0x10);
  find.key = Key{0x38};
  const auto answer = [&] {
    Say(At(0x10).endpoint, find);
    return asked_.back().message;
  };
  EXPECT_EQ(answer().flags & (kByList | kFinal), 0u) << "only the owner's neighbours know for sure";
  find.flags = kByList;
  EXPECT_EQ(answer().flags & (kByList | kFinal), kByList);
  EXPECT_EQ(answer().successors, (std::vector<Peer>{At(0x40), At(0x50), At(0x10)}));
  find.key = Key{0x48};  // of three replicas two are behind it in the list
  EXPECT_EQ(answer().flags & (kByList | kFinal), 0u);
  EXPECT_EQ(answer().successors, (std::vector<Peer>{At(0x50), At(0x10), At(0x30), At(0x40)}));
}

// It hands over, and goes when its time is over, whoever answers.
TEST_F(Scripted, ALeaveEndsInTheTimeThatItsProcessWaits) {
  RunFor(200ms);
  engine_->Submit(now_, PutRequest{1, Key{0x1f}, sim::MakeValue("owner", 1)});
  Drain();
  RunFor(200ms);
  silent_ = {At(0x10).id, At(0x30).id, At(0x40).id, At(0x50).id};
  engine_->Submit(now_, LeaveRequest{});
  Drain();
  const BootTime start = now_;
  ASSERT_TRUE(RunUntil([&] { return engine_->Left(); }, 10s));
  EXPECT_LE(now_ - start, kHandOverTime + 5ms);
  EXPECT_LT(kHandOverTime, kGoodbyeTime);
  EXPECT_LT(kGoodbyeTime, kKillTime);
}

}  // namespace
}  // namespace ov6::chord
