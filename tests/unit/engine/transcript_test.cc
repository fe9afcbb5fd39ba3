// SPDX-License-Identifier: Apache-2.0
// Told datagram by datagram, for a reader to follow, and so that no change of the protocol goes unseen:
// three_nodes.txt, a mesh that grows, and ring_of_eight.txt, what happens in a ring.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "slaves/engine/chord/codec.h"
#include "tests/sim/simulator.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

const char* Name(MessageType type) {
  static constexpr const char* kNames[] = {"?",         "QUERY",     "STATE",   "NOTIFY",       "NOTIFIED",
                                           "MESH",      "MESHSTATE", "CONTACT", "CONTACTSTATE", "FIND",
                                           "FOUND",     "GET",       "VALUES",  "PUT",          "STORED",
                                           "PULL",      "RANGE",     "LEAVE",   "GOODBYE",      "HINT",
                                           "CHALLENGE", "EVENTS",    "?",       "TABLE",        "TABLEPART",
                                           "COMPARE",   "COMPARED",  "FORWARD", "FORWARDED"};
  return kNames[static_cast<int>(type)];
}

// Nodes by the last byte of their address.
std::string Who(const Endpoint& endpoint) {
  return std::string(1, static_cast<char>('A' + (endpoint.address.value & 0xff) - 1));
}

std::string Line(BootTime at, const Endpoint& from, const SendOutput& send) {
  const auto decoded = Decode(send.bytes, NetworkHash("sim"));
  const Message& m = std::get<Message>(decoded);
  std::ostringstream out;
  out << (at - BootTime(1s)) / 1ms << " ms  " << Who(from) << " -> " << Who(send.to) << "  " << Name(m.type)
      << "  " << ToString(static_cast<Mode>(m.mode));
  if (!m.members.empty()) out << "  members";
  for (const Peer& peer : m.members) out << " " << Who(peer.endpoint);
  if (!m.successors.empty()) out << "  successors";
  for (const Peer& peer : m.successors) out << " " << Who(peer.endpoint);
  if (!m.entries.empty()) out << "  entries " << m.entries.size();
  if ((m.flags & kAdmitted) != 0) out << "  admitted";
  if (m.type == MessageType::kFound && (m.flags & kFinal) != 0) out << "  final";
  out << "  " << send.bytes.size() << " bytes\n";
  return out.str();
}

std::string ThreeNodes() {
  sim::Simulator s(3, {10ms, 10ms});
  std::string transcript;
  s.on_send = [&](const Endpoint& from, const SendOutput& send) { transcript += Line(s.now(), from, send); };
  s.Add({});
  s.Add({0});
  s.Add({0});
  s.RunFor(300ms);
  transcript += "-- A puts\n";
  s.Put(0, sim::KeyOf("key"), sim::MakeValue("A", 1));
  s.RunFor(200ms);
  transcript += "-- C leaves\n";
  s.Leave(2);
  s.RunFor(100ms);
  EXPECT_TRUE(s.RingIsPerfect());
  return transcript;
}

// A ring is never quiet: of each chapter only the datagrams that are its story are told.
class Story {
 public:
  Story() {
    s_.on_send = [this](const Endpoint& from, const SendOutput& send) {
      if (shown_ && shown_(from, send)) text_ += Line(s_.now(), from, send);
    };
  }
  using Shown = std::function<bool(const Endpoint& from, const SendOutput& send)>;
  void Chapter(const std::string& title, Shown shown) {
    text_ += "-- " + title + "\n";
    shown_ = std::move(shown);
  }
  void Close() { shown_ = nullptr; }
  Shown Of(size_t node) const {
    const Endpoint who = s_.node(node).endpoint;
    return [who](const Endpoint& from, const SendOutput& send) { return from == who || send.to == who; };
  }
  // Of one node, and these only.
  Shown Of(size_t node, std::set<MessageType> requests) const {
    return [of = Of(node), requests](const Endpoint& from, const SendOutput& send) {
      const auto type = static_cast<MessageType>(send.bytes[1]);
      const auto asks = IsReply(type) ? static_cast<MessageType>(static_cast<int>(type) - 1) : type;
      return requests.contains(asks) && of(from, send);
    };
  }
  void Order() {
    std::vector<size_t> order = s_.Alive();
    std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return s_.node(a).id < s_.node(b).id; });
    text_ += "-- clockwise:";
    for (const size_t i : order) text_ += " " + Who(s_.node(i).endpoint);
    text_ += "\n";
  }
  sim::Simulator& ring() { return s_; }
  const std::string& text() const { return text_; }

 private:
  sim::Simulator s_{8, {10ms, 10ms}};
  std::string text_;
  Shown shown_;
};

std::string RingOfEight() {
  Story story;
  sim::Simulator& s = story.ring();
  const auto by_fingers = [](ChordConfig* config) { config->table_members = 0; };
  const auto settle = [&] {
    story.Close();
    s.RunFor(20s);
    EXPECT_TRUE(s.RingIsPerfect());
    story.Order();
  };
  for (size_t i = 0; i < 8; ++i) s.Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0}, by_fingers);
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 60s));
  s.RunFor(20s);
  story.Order();

  using enum MessageType;
  s.Add({0}, by_fingers);
  story.Chapter("I joins by A", story.Of(8, {kContact, kFind, kNotify, kQuery}));
  s.RunFor(150ms);
  settle();

  story.Chapter("B puts", story.Of(1, {kFind, kPut}));
  s.Put(1, sim::KeyOf("key"), sim::MakeValue("B", 1));
  s.RunFor(100ms);
  story.Chapter("H reads it", story.Of(7, {kFind, kGet}));
  const uint64_t get = s.Get(7, sim::KeyOf("key"));
  s.RunFor(100ms);
  EXPECT_EQ(s.Answer(7, get)->outcome, GetOutcome::kFound);

  const ChordView view = s.node(2).engine->View();
  size_t before = 0;
  while (s.node(before).endpoint != view.predecessor->endpoint) ++before;
  story.Chapter("C crashes, and " + Who(view.predecessor->endpoint) + " notices",
                story.Of(before, {kQuery, kNotify}));
  s.Crash(2);
  s.RunFor(2s);
  settle();

  story.Chapter("D leaves", story.Of(3, {kPut, kLeave}));
  s.Leave(3);
  s.RunFor(100ms);
  settle();
  return story.text();
}

void ExpectTold(const std::string& file_name, const std::string& now) {
  const std::string path = std::string(OV6_TEST_DIR) + "/" + file_name;
  if (std::getenv("OV6_REGENERATE") != nullptr) std::ofstream(path) << now;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(now, golden.str()) << "if this is meant: OV6_REGENERATE=1 writes " << path;
}

TEST(Transcript, OfThreeNodes) { ExpectTold("three_nodes.txt", ThreeNodes()); }
TEST(Transcript, OfARingOfEight) { ExpectTold("ring_of_eight.txt", RingOfEight()); }

}  // namespace
}  // namespace ov6::chord
