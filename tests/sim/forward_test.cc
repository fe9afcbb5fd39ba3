// SPDX-License-Identifier: Apache-2.0
// Recursive lookups, and what may be said about a table's members by whom.
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "slaves/engine/chord/codec.h"
#include "tests/sim/watch.h"

namespace ov6::sim {
namespace {

using chord::MemberEvent;
using chord::Message;
using chord::MessageType;
using Tune = std::function<void(chord::ChordConfig*)>;

constexpr Weather kWeather{25ms, 35ms};

double Milliseconds(Duration d) { return std::chrono::duration<double, std::milli>(d).count(); }

struct Ring {
  Simulator s;
  std::vector<Key> keys;

  Ring(uint64_t seed, size_t nodes, const Tune& tune, Weather weather = kWeather) : s(seed, weather) {
    Watch(&s);
    for (size_t i = 0; i < nodes; ++i) {
      s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{s.random()() % i, 0}, tune);
      if (i % 20 == 19) s.RunFor(1s);
    }
    EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 300s, 500ms));
    s.RunFor(60s);
    for (size_t i = 0; i < 50; ++i) {
      keys.push_back(KeyOf("key " + std::to_string(i)));
      s.Put(s.random()() % s.size(), keys.back(), MakeValue("owner", 1, 3600, 250));
    }
    s.RunFor(10s);
  }
  uint64_t Sum(const std::string& counter) const {
    uint64_t sum = 0;
    for (const size_t i : s.Alive()) sum += s.node(i).engine->Counter(counter);
    return sum;
  }
};

struct Answers {
  size_t found = 0;
  std::vector<int> hops;
  std::vector<Duration> times;
  Duration Time(double part) {
    std::sort(times.begin(), times.end());
    return times[static_cast<size_t>(part * static_cast<double>(times.size() - 1))];
  }
  double MeanHops() const {
    double sum = 0;
    for (const int h : hops) sum += h;
    return sum / static_cast<double>(hops.size());
  }
};

Answers Ask(Ring* ring, size_t count) {
  Answers answers;
  Simulator& s = ring->s;
  for (size_t i = 0; i < count; ++i) {
    std::vector<size_t> honest = s.Alive();
    std::erase_if(honest, [&](size_t n) { return s.node(n).disguise != nullptr; });
    const size_t node = honest[s.random()() % honest.size()];
    const BootTime start = s.now();
    const uint64_t id = s.Get(node, ring->keys[i % ring->keys.size()]);
    s.RunUntil([&] { return s.Answer(node, id) != nullptr; }, 10s, 1ms);
    const GetOutput* answer = s.Answer(node, id);
    if (answer == nullptr) continue;
    answers.found += answer->outcome == GetOutcome::kFound ? 1 : 0;
    answers.hops.push_back(answer->hops);
    answers.times.push_back(s.now() - start);
  }
  return answers;
}

Tune ByFingers(Lookups lookups) {
  return [lookups](chord::ChordConfig* config) {
    config->table_members = 0;
    config->lookups = lookups;
    config->replicas = 4;
  };
}

// --- recursive lookups -----------------------------------------------------------

TEST(Recursive, FindsAsManyInLessTime) {
  Ring iterative(31, 256, ByFingers(Lookups::kIterative));
  Ring recursive(31, 256, ByFingers(Lookups::kRecursive));
  Answers one = Ask(&iterative, 200), other = Ask(&recursive, 200);
  std::printf("hops %.2f and %.2f; median %.0f and %.0f ms, p95 %.0f and %.0f ms\n", one.MeanHops(),
              other.MeanHops(), Milliseconds(one.Time(0.5)), Milliseconds(other.Time(0.5)),
              Milliseconds(one.Time(0.95)), Milliseconds(other.Time(0.95)));
  EXPECT_EQ(one.found, 200u);
  EXPECT_EQ(other.found, 200u);
  EXPECT_LE(other.MeanHops(), 0.5 * std::log2(256.0) + 1.5);
  EXPECT_LT(other.Time(0.5), one.Time(0.5));
  EXPECT_GT(recursive.Sum("forwarded"), 100u);
  EXPECT_EQ(iterative.Sum("forwarded"), 0u);
  EXPECT_LE(recursive.Sum("forward_unanswered"), recursive.Sum("forward_asked") / 20);
}

// Takes what is to be handed on, and says so, and does nothing.
class Swallower : public Disguise {
 public:
  bool Hear(BootTime, const Endpoint&, Bytes*) override { return true; }
  std::vector<SendOutput> Say(BootTime, SendOutput output) override {
    const auto type = static_cast<MessageType>(output.bytes[1]);
    const auto decoded = chord::Decode(output.bytes, network_);
    const auto* message = std::get_if<Message>(&decoded);
    const bool onward = type == MessageType::kForward && message != nullptr && message->count > 0;
    if (onward) return {};
    return {std::move(output)};
  }
  explicit Swallower(const std::string& network) : network_(chord::NetworkHash(network)) {}

 private:
  uint64_t network_;
};

TEST(Recursive, GoesOnAloneWhenOthersSwallow) {
  Ring ring(32, 128, ByFingers(Lookups::kRecursive));
  for (size_t i = 0; i < 32; ++i) {
    ring.s.node(i).disguise = std::make_unique<Swallower>(ring.s.node(i).config.network);
  }
  Answers answers = Ask(&ring, 150);
  EXPECT_EQ(answers.found, 150u);
  EXPECT_GT(ring.Sum("forward_unanswered"), 0u);
}

// --- what is told of members -----------------------------------------------------

Bytes Told(const Ring& ring, const Endpoint& from, std::vector<MemberEvent> events) {
  Message news;
  news.type = MessageType::kEvents;
  news.sender = chord::PeerAt(from, 0, 1);
  news.mode = static_cast<uint32_t>(chord::Mode::kRing);
  news.rpc = 7;
  news.events = std::move(events);
  return chord::Encode(news, chord::NetworkHash(ring.s.node(0).config.network));
}

chord::Peer PeerOf(const Ring& ring, size_t node) { return ring.s.node(node).engine->View().self; }

TEST(Gossip, InAnotherNameHasNoEffect) {
  Ring ring(33, 64, {});
  const Endpoint from = ring.s.node(1).endpoint;
  for (size_t to = 2; to < 64; ++to) {
    std::vector<MemberEvent> deaths;
    for (size_t i = 10; i < 40; ++i) deaths.push_back({PeerOf(ring, i), true});
    ring.s.Inject(to, from, Told(ring, from, deaths));
  }
  ring.s.RunFor(20s);
  EXPECT_EQ(ring.Sum("false_death"), 0u);
  EXPECT_GT(ring.Sum("challenged"), 0u);
}

// Puts a lie in place of every piece of its own news, and has news all the time.
class Slanderer : public Disguise {
 public:
  Slanderer(const Ring* ring, std::vector<MemberEvent> lies) : ring_(ring), lies_(std::move(lies)) {}
  bool Hear(BootTime, const Endpoint&, Bytes*) override { return true; }
  std::vector<SendOutput> Say(BootTime, SendOutput output) override {
    const uint64_t network = chord::NetworkHash(ring_->s.node(0).config.network);
    const auto decoded = chord::Decode(output.bytes, network);
    const auto* message = std::get_if<Message>(&decoded);
    const bool carries = message != nullptr &&
                         (message->type == MessageType::kEvents || message->type == MessageType::kTablePart);
    if (!carries) return {std::move(output)};
    Message news = *message;
    news.events = lies_;
    output.bytes = chord::Encode(news, network);
    ++told;
    return {std::move(output)};
  }
  int told = 0;

 private:
  const Ring* ring_;
  std::vector<MemberEvent> lies_;
};

// How many of these were sent by whom they are not the lies of.
int ToldOn(const Ring& ring, const Endpoint& liar, const std::vector<MemberEvent>& lies, const Endpoint& from,
           const SendOutput& send) {
  if (from == liar) return 0;
  const auto decoded = chord::Decode(send.bytes, chord::NetworkHash(ring.s.node(0).config.network));
  const auto* message = std::get_if<Message>(&decoded);
  if (message == nullptr || message->type != MessageType::kEvents) return 0;
  return static_cast<int>(std::count_if(lies.begin(), lies.end(), [&](const MemberEvent& lie) {
    return std::count(message->events.begin(), message->events.end(), lie) != 0;
  }));
}

// A member with a true cookie says that half of the others are dead, have moved, or that there are others.
// Whoever hears it asks those; nobody tells it on, and no table is the larger for it.
TEST(Gossip, LiesOfAMemberCostMessagesNotAnswers) {
  Ring ring(34, 64, {});
  std::vector<MemberEvent> lies;
  for (size_t i = 10; i < 25; ++i) lies.push_back({PeerOf(ring, i), true});
  for (size_t i = 25; i < 40; ++i) {
    chord::Peer moved = PeerOf(ring, i);
    moved.endpoint.port = 9;
    moved.incarnation += 1000;
    lies.push_back({moved, false});
  }
  for (uint32_t i = 0; i < 15; ++i) {
    lies.push_back({chord::PeerAt({Ipv4{0xc6336400 + (i << 8)}, 4646}, 0, 1), false});
  }
  const Endpoint from = ring.s.node(3).endpoint;
  int told_on = 0;
  ring.s.on_send = [&](const Endpoint& sender, const SendOutput& send) {
    told_on += ToldOn(ring, from, lies, sender, send);
  };
  ring.s.node(3).disguise = std::make_unique<Slanderer>(&ring, lies);
  auto* liar = static_cast<Slanderer*>(ring.s.node(3).disguise.get());
  for (size_t i = 50; i < 54; ++i) ring.s.Crash(i);  // something to tell
  ring.s.RunFor(30s);
  Answers answers = Ask(&ring, 200);
  std::printf("%d lies told; %lu made up, %lu false deaths; hops %.2f, p95 %.0f ms\n", liar->told,
              static_cast<unsigned long>(ring.Sum("made_up")),
              static_cast<unsigned long>(ring.Sum("false_death")), answers.MeanHops(),
              Milliseconds(answers.Time(0.95)));
  EXPECT_GT(liar->told, 0);
  EXPECT_EQ(told_on, 0);
  EXPECT_GT(ring.Sum("made_up"), 0u);
  EXPECT_GT(ring.Sum("false_death"), 0u);
  for (const size_t node : ring.s.Alive()) {
    const auto table = boost::json::parse(ring.s.node(node).engine->StateJson(ring.s.now())).at("table");
    EXPECT_EQ(table.at("members").to_number<size_t>(), ring.s.alive()) << node;
  }
  EXPECT_EQ(answers.found, 200u);
  EXPECT_TRUE(ring.s.RunUntil([&] { return ring.s.RingIsPerfect(); }, 60s, 500ms))
      << "nobody lost a neighbour for good";
}

}  // namespace
}  // namespace ov6::sim
