// SPDX-License-Identifier: Apache-2.0
// Three nodes form a ring, told datagram by datagram in three_nodes.txt: for a reader
// to follow, and so that no change of the protocol goes unseen.
#include <gtest/gtest.h>

#include <cstdlib>
#include <fstream>
#include <sstream>

#include "slaves/engine/chord/codec.h"
#include "tests/sim/simulator.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

const char* Name(MessageType type) {
  static constexpr const char* kNames[] = {
      "?",       "QUERY", "STATE",     "NOTIFY", "NOTIFIED", "MESH",   "MESHSTATE", "CONTACT", "CONTACTSTATE",
      "FIND",    "FOUND", "GET",       "VALUES", "PUT",      "STORED", "PULL",      "RANGE",   "LEAVE",
      "GOODBYE", "HINT",  "CHALLENGE", "EVENTS", "?",        "TABLE",  "TABLEPART", "COMPARE", "COMPARED"};
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

TEST(Transcript, OfThreeNodes) {
  const std::string path = std::string(OV6_TEST_DIR) + "/three_nodes.txt";
  const std::string now = ThreeNodes();
  if (std::getenv("OV6_REGENERATE") != nullptr) std::ofstream(path) << now;
  std::ifstream file(path);
  std::stringstream golden;
  golden << file.rdbuf();
  EXPECT_EQ(now, golden.str()) << "if this is meant: OV6_REGENERATE=1 writes " << path;
}

}  // namespace
}  // namespace ov6::chord
