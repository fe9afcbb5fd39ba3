// SPDX-License-Identifier: Apache-2.0
// What arrives may be anything: each kind of bad datagram moves its own counter and
// nothing else.
#include <gtest/gtest.h>

#include <random>

#include "slaves/engine/chord/codec.h"
#include "tests/sim/simulator.h"

namespace ov6::chord {
namespace {

using namespace std::chrono_literals;

constexpr char kNetwork[] = "sim";
const Peer kPeer = PeerAt({Ipv4{0x0a000099}, 4646}, 5, 3);

Message Full(MessageType type) {
  Message m;
  m.type = type;
  m.sender = kPeer;
  m.rpc = 0x1122334455667788;
  m.mode = 2;
  m.flags = kFinal | kMore;
  m.key = Key{1};
  m.end = Key{2};
  m.cursor_key = Key{3};
  m.cursor = 4;
  m.predecessor = kPeer;
  m.successors = {kPeer, kPeer};
  m.members = {kPeer};
  m.entries = {{Key{5}, Bytes(40, 6)}};
  m.count = 1;
  m.events = {{kPeer, true}, {kPeer, false}};
  m.depth = 5;
  m.digests.emplace()[31] = 9;
  m.differ = 1u << 31;
  m.origin = kPeer;
  m.origin_rpc = 10;
  m.seen = Endpoint{Ipv4{0xcb007109}, 9};
  return m;
}

std::vector<MessageType> AllTypes() {
  std::vector<MessageType> types;
  for (int t = 1; t <= kLastType; ++t) types.push_back(static_cast<MessageType>(t));
  return types;
}

TEST(Codec, GoesThereAndBack) {
  for (const MessageType type : AllTypes()) {
    const Bytes bytes = Encode(Full(type), NetworkHash(kNetwork));
    const auto decoded = Decode(bytes, NetworkHash(kNetwork));
    ASSERT_TRUE(std::holds_alternative<Message>(decoded)) << static_cast<int>(type);
    EXPECT_EQ(std::get<Message>(decoded), Full(type));
  }
}

TEST(Codec, PadsRequests) {
  for (const size_t minimum : {60u, 100u, 127u, 130u, 200u, 411u, 1000u}) {
    Message m;
    m.sender = kPeer;
    const size_t size = Encode(m, 1, minimum).size();
    EXPECT_GE(size + 3, minimum);
    EXPECT_LE(size, minimum + 4);
  }
}

TEST(Codec, SkipsFieldsItDoesNotKnow) {
  Bytes bytes = Encode(Full(MessageType::kQuery), NetworkHash(kNetwork));
  const uint8_t unknown[] = {0xfa, 0x07, 0x02, 'h', 'i'};  // field 127, length-delimited
  bytes.insert(bytes.end(), std::begin(unknown), std::end(unknown));
  bytes[2] = static_cast<uint8_t>(bytes.size() >> 8);
  bytes[3] = static_cast<uint8_t>(bytes.size());
  EXPECT_TRUE(std::holds_alternative<Message>(Decode(bytes, NetworkHash(kNetwork))));
}

// A ring of six with something in it, and what one of its nodes looks like from outside.
struct Node : testing::Test {
  sim::Simulator s{5};
  const Endpoint from{Ipv4{0x0a000099}, 4646};

  void SetUp() override {
    s.Add({});
    for (size_t i = 1; i < 6; ++i) s.Add({0});
    s.RunFor(10s);
    s.Put(1, sim::KeyOf("key"), sim::MakeValue("me", 1));
    s.RunFor(1s);
  }
  std::string Picture() const {
    const ChordView view = s.node(0).engine->View();
    std::string out = std::to_string(view.version) + " " + std::to_string(s.node(0).engine->StoredValues());
    for (const Peer& peer : view.successors) out += " " + peer.endpoint.ToString();
    return out;
  }
  // Injects, and asserts that this counter moved by one, that nothing was answered, and nothing else changed.
  void Expect(const std::string& counter, const Bytes& bytes) {
    const uint64_t before = s.node(0).engine->Counter(counter);
    const uint64_t sent = s.datagrams();
    const std::string picture = Picture();
    s.Inject(0, from, bytes);
    EXPECT_EQ(s.node(0).engine->Counter(counter), before + 1) << counter;
    EXPECT_EQ(s.datagrams(), sent);
    EXPECT_EQ(Picture(), picture);
  }
};

TEST_F(Node, EveryPrefixOfEveryMessageIsMalformed) {
  for (const MessageType type : AllTypes()) {
    const Bytes whole = Encode(Full(type), NetworkHash(kNetwork));
    for (size_t size = 0; size < whole.size(); ++size)
      Expect("malformed", {whole.begin(), whole.begin() + size});
  }
}

TEST_F(Node, RandomBytesAreMalformedOrOfAWrongVersion) {
  std::mt19937_64 random(99);
  uint64_t before = s.node(0).engine->Counter("malformed") + s.node(0).engine->Counter("wrong_version");
  const std::string picture = Picture();
  for (int i = 0; i < 2000; ++i) {
    Bytes bytes(random() % 1232);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    s.Inject(0, from, bytes);
  }
  EXPECT_EQ(s.node(0).engine->Counter("malformed") + s.node(0).engine->Counter("wrong_version"),
            before + 2000);
  EXPECT_EQ(Picture(), picture);
}

// A whole message with one byte changed may still be a message: what must hold is that nothing breaks.
TEST_F(Node, FlippedBytesBreakNothing) {
  std::mt19937_64 random(98);
  for (const MessageType type : AllTypes()) {
    for (int i = 0; i < 100; ++i) {
      Bytes bytes = Encode(Full(type), NetworkHash(kNetwork));
      bytes[random() % bytes.size()] ^= static_cast<uint8_t>(1 + random() % 255);
      s.Inject(0, from, bytes);
    }
  }
  EXPECT_TRUE(s.RunUntil([&] { return s.RingIsPerfect(); }, 60s));
}

TEST_F(Node, AnotherVersionNetworkOrSize) {
  Bytes version = Encode(Full(MessageType::kQuery), NetworkHash(kNetwork));
  version[0] = 2;
  Expect("wrong_version", version);
  Expect("wrong_network", Encode(Full(MessageType::kQuery), NetworkHash("elsewhere")));
  Expect("too_big", Bytes(kMaxDatagram + 1, 1));
}

TEST_F(Node, AnswersNobodyAskedFor) {
  for (const MessageType type : AllTypes()) {
    if (IsReply(type)) Expect("unsolicited", Encode(Full(type), NetworkHash(kNetwork)));
  }
}

TEST_F(Node, AValueTheCheckerRefuses) {
  Message put;
  put.type = MessageType::kPut;
  put.sender = kPeer;
  put.entries = {{Key{5}, Bytes{1, 2}}};
  put.cookie = Cookies(s.node(0).config.secret).For(s.now(), from);
  const size_t stored = s.node(0).engine->StoredValues();
  s.Inject(0, from, Encode(put, NetworkHash(kNetwork)));
  EXPECT_EQ(s.node(0).engine->Counter("bad_value"), 1u);
  EXPECT_EQ(s.node(0).engine->StoredValues(), stored);
}

// Whatever somebody says in the name of an address it can't read at: nothing comes of it, and no more than
// three times as much is sent there.
TEST_F(Node, ASpoofedRequestChangesNothingAndIsNotAmplified) {
  size_t answered = 0;
  s.on_send = [&](const Endpoint&, const SendOutput& send) {
    answered += send.to == from ? send.bytes.size() : 0;
  };
  for (const MessageType type : AllTypes()) {
    if (IsReply(type)) continue;
    for (const size_t padded : {size_t{0}, size_t{100}, kPaddedRequest, size_t{1200}}) {
      for (const uint64_t cookie : {uint64_t{0}, uint64_t{12345}}) {
        Message request = Full(type);
        request.cookie = cookie;
        const Bytes bytes = Encode(request, NetworkHash(kNetwork), padded);
        const std::string picture = Picture();
        const size_t stored = s.node(0).engine->StoredValues();
        answered = 0;
        s.Inject(0, from, bytes);
        EXPECT_LE(answered, 3 * bytes.size()) << static_cast<int>(type);
        EXPECT_EQ(Picture(), picture) << static_cast<int>(type);
        EXPECT_EQ(s.node(0).engine->StoredValues(), stored);
      }
    }
  }
  EXPECT_GT(s.node(0).engine->Counter("challenged"), 0u);
  s.RunFor(5s);
  EXPECT_TRUE(s.RingIsPerfect()) << "nor later";
}

TEST_F(Node, ACookieIsOfOneAddressAndTime) {
  const Cookies cookies(s.node(0).config.secret);
  const BootTime now = BootTime(100h);
  const uint64_t cookie = cookies.For(now, from);
  EXPECT_TRUE(cookies.Right(now, from, cookie));
  EXPECT_TRUE(cookies.Right(now + Cookies::kEpoch, from, cookie));
  EXPECT_FALSE(cookies.Right(now + 2 * Cookies::kEpoch, from, cookie));
  EXPECT_FALSE(cookies.Right(now, {from.address, static_cast<uint16_t>(from.port + 1)}, cookie));
  EXPECT_FALSE(cookies.Right(now, {Ipv4{from.address.value + 1}, from.port}, cookie));
  EXPECT_FALSE(cookies.Right(now, from, 0));
  EXPECT_FALSE(Cookies({1}).Right(now, from, cookie));
}

TEST(Config, SaysWhatWouldBeRight) {
  ChordConfig config;
  EXPECT_NE(Validate(config).find("0.0.0.0:0"), std::string::npos);
  config.self = kPeer.endpoint;
  EXPECT_EQ(Validate(config), "");
  config.slot = kSlots;
  EXPECT_NE(Validate(config).find("0 to 7"), std::string::npos);
  config.slot = kPeer.slot;
  config.replicas = 17;
  EXPECT_NE(Validate(config).find("1 to 16"), std::string::npos);
}

}  // namespace
}  // namespace ov6::chord
