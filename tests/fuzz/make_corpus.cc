// SPDX-License-Identifier: Apache-2.0
// Writes the seeds of the corpus into the folder given: for each decoder what its encoder makes, for the
// datapath the shortest of many generated frames for each door and verdict. The same files at every run.
#include <filesystem>
#include <fstream>
#include <map>

#include "slaves/dht/peering_codec.h"
#include "slaves/engine/chord/codec.h"
#include "tests/differential/generator.h"
#include "tests/fuzz/smuggling.h"
#include "tests/host/host_subject.h"
#include "userspace/wire/capsule_codec.h"
#include "userspace/wire/poll_answer.h"
#include "userspace/wire/record.h"
#include "userspace/wire/stun.h"
#include "userspace/wire/upgrade.h"

namespace {

using namespace ov6;

std::filesystem::path root;

void Write(const std::string& target, const std::string& name, const Bytes& bytes) {
  std::filesystem::create_directories(root / target);
  std::ofstream file(root / target / name, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()), std::streamsize(bytes.size()));
}

Bytes With(uint8_t first, Bytes rest) {
  rest.insert(rest.begin(), first);
  return rest;
}

void Datapath() {
  constexpr uint64_t kNow = 86'400'000'000'000;
  constexpr int kPerTables = 500;
  const model::Kernel kernel = differential::MakeKernel(host::kDevices);
  std::map<std::string, Bytes> shortest;
  for (uint8_t seed = 0; seed < 64; seed++) {
    differential::Generator generator(seed, host::kDevices, kNow, true);
    const model::Tables tables = generator.MakeTables();
    for (int i = 0; i < kPerTables; i++) {
      model::Arrival arrival = generator.MakeArrival();
      if (arrival.device == host::kDevices.lan2) continue;
      arrival.now = kNow;
      model::Tables fresh = tables;
      const std::string verdict = model::Name(model::Process(fresh, kernel, arrival).verdict);
      Bytes& bytes = shortest[std::to_string(int(arrival.door)) + "-" + verdict];
      if (bytes.empty() || arrival.frame.size() + 2 < bytes.size())
        bytes = With(uint8_t(arrival.door), With(seed, arrival.frame));
    }
  }
  for (const auto& [name, bytes] : shortest) Write("datapath", name, bytes);
}

void Chord() {
  using namespace chord;
  const Peer peer = PeerAt({Ipv4{0x0a000099}, 4646}, 5, 3);
  for (uint8_t type = 1; type <= kLastType; type++) {
    Message m;
    m.type = MessageType(type);
    m.sender = peer;
    m.rpc = 7;
    if (type % 3 == 0) m.key = Key{1}, m.end = Key{2}, m.cursor_key = Key{3}, m.cursor = 4;
    if (type % 3 == 1) m.predecessor = peer, m.successors = {peer, peer}, m.flags = kFinal | kMore;
    if (type % 3 == 2) m.members = {peer}, m.entries = {{Key{5}, Bytes(40, 6)}}, m.count = 1;
    if (m.type == MessageType::kForward) m.origin = peer, m.origin_rpc = 9;
    if (m.type == MessageType::kCompare) m.digests.emplace()[31] = 9, m.depth = 5;
    if (m.type == MessageType::kEvents) m.events = {{peer, true}, {peer, false}};
    Write("chord_datagram", std::to_string(type), Encode(m, NetworkHash("fuzz")));
  }
}

void Capsules() {
  const Prefix prefix = *Prefix::Parse("fd00:2::/48");
  const Capsule capsules[] = {DatagramCapsule{kPacketContext, {0x60, 1, 2}},
                              RouteAdvertisementCapsule{{prefix, *Prefix::Parse("::/0")}},
                              MappingsCapsule{},
                              MappingsAckCapsule{},
                              RefreshCapsule{},
                              PortCapsule{},
                              StatusCapsule{},
                              CallCapsule{},
                              ReturnCapsule{},
                              PingCapsule{},
                              UnknownCapsule{.type = 0x4242, .value = {1, 2, 3}}};
  ByteQueue all;
  for (const Capsule& capsule : capsules) {
    Write("capsule", std::to_string(capsule.index()), With(255, EncodeCapsule(capsule)));
    EncodeCapsule(capsule, &all);
  }
  Write("capsule", "all-in-threes", With(3, {all.bytes().begin(), all.bytes().end()}));
  const Prefix v4{Ipv6{{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1}}, 128};
  const std::vector<AssignedPrefix> both = {{7, false, *Prefix::Parse("fd00:2::/64")}, {8, true, v4}};
  Write("capsule", "address-assign", With(255, EncodeCapsule(AddressAssignCapsule{both})));
  Write("capsule", "address-request", With(2, EncodeCapsule(AddressRequestCapsule{both})));
  Write("capsule", "address-assign-version-5", {255, 1, 8, 0, 5, 1, 2, 3, 4, 5, 6});
  Write("capsule", "address-request-for-nothing", {255, 2, 0});
  ByteQueue datagrams;
  for (const uint64_t context : {kPacketContext, kPortContext, kSegmentContext, uint64_t{1} << 40})
    EncodeDatagram(context, Bytes(50, 0x60), &datagrams);
  EncodeCapsule(PingCapsule{}, &datagrams);
  Write("capsule", "datagrams", With(7, {datagrams.bytes().begin(), datagrams.bytes().end()}));
  Write("capsule", "datagram-without-context", {255, 0, 0});
  Write("capsule", "datagram-with-half-a-context", {255, 0, 1, 0x40});
  Write("capsule", "datagram-too-long", {255, 0, 0x80, 0x01, 0x00, 0x41});
}

// A virtio_net_hdr and an IPv6 packet behind it.
void Segments() {
  const auto segment = [](Bytes header, size_t packet) {
    header.resize(10 + packet);
    header[10] = 0x60;
    header[14] = static_cast<uint8_t>((packet - 40) >> 8);
    header[15] = static_cast<uint8_t>(packet - 40);
    return header;
  };
  Write("segment", "packet", segment({0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, 60));
  Write("segment", "checksum", segment({1, 0, 0, 0, 0, 0, 40, 0, 16, 0}, 60));
  Write("segment", "tcp", segment({1, 4, 60, 0, 0x40, 5, 40, 0, 16, 0}, 3000));
  Write("segment", "tcp-ecn", segment({1, 0x84, 60, 0, 8, 0, 40, 0, 16, 0}, 100));
}

void Stun() {
  StunMessage message;
  for (size_t i = 0; i < message.transaction.size(); ++i) message.transaction[i] = static_cast<uint8_t>(i);
  Write("stun", "request", WriteStun(message));
  message.username = "0123456789ab:cdef01234567";
  Write("stun", "check", WriteStun(message, "password"));
  message.username.reset();
  message.kind = StunMessage::Kind::kSuccess;
  message.mapped = Endpoint{Ipv4{0xc0000201}, 32853};
  Write("stun", "answer", WriteStun(message));
  Write("stun", "answer-to-check", WriteStun(message, "password"));
  message.mapped.reset();
  message.kind = StunMessage::Kind::kError;
  message.error = 420;
  Write("stun", "error", WriteStun(message));
}

void Upgrade() {
  const std::string request =
      FormatUpgradeRequest({SlaveKind::kDht, "chord", {*Prefix::Parse("fd00::/8"), *Prefix::Parse("::/0")}});
  const std::string response =
      "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: connect-ip\r\n"
      "Capsule-Protocol: ?1\r\nOv6-Version: 1\r\n\r\n";
  const std::string refused = "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\nnever";
  Write("upgrade", "request", Bytes(request.begin(), request.end()));
  Write("upgrade", "response", Bytes(response.begin(), response.end()));
  Write("upgrade", "refused", Bytes(refused.begin(), refused.end()));
  for (const auto& [name, text] : smuggling::Requests())
    Write("upgrade", name, Bytes(text.begin(), text.end()));
}

void Records() {
  const PrivateKey key = *PrivateKey::FromSeed(std::vector<uint8_t>(32, 1));
  Record record;
  record.domain = "chord";
  record.prefix = *Prefix::Parse("fd00:2::/48");
  record.public_key = key.public_key();
  record.not_before = UnixTime(std::chrono::seconds(1'800'000'000));
  record.expiry = record.not_before + std::chrono::hours(1);
  record.locators = {{*Ipv4::Parse("203.0.113.9"), Encapsulation::kUdp, 6080, 255, 1400}};
  record.control_port = 4646;
  const Bytes bytes = EncodeRecord(record);
  Write("record", "unsigned", bytes);
  Write("record", "signed", EncodeSigned(bytes, key.Sign(SignedBytes(bytes))));
  DelegationToken token{record.domain, key.public_key(), {}, 0, {}};
  Prefix prefix = *Prefix::Parse("fd00::/16");
  for (uint8_t number = 2; number <= 4; ++number) {
    prefix.length += 16;
    const PrivateKey issuer =
        *PrivateKey::FromSeed(std::vector<uint8_t>(32, static_cast<uint8_t>(number - 1)));
    const PrivateKey subject = *PrivateKey::FromSeed(std::vector<uint8_t>(32, number));
    token = Extend(
        token, issuer,
        {prefix, 64, subject.public_key(), record.not_before, record.expiry + std::chrono::hours(1), {}});
    record.prefix = prefix;
    record.public_key = subject.public_key();
    record.root = token.root;
    record.chain = token.chain;
    const Bytes chained = EncodeRecord(record);
    Write("record", "links-" + std::to_string(token.chain.size()),
          EncodeSigned(chained, subject.Sign(SignedBytes(chained))));
    Write("record", "unsigned-links-" + std::to_string(token.chain.size()), chained);
  }
  const std::string text = EncodeToken(token);
  Write("record", "token", Bytes(text.begin(), text.end()));
}

void Poll() {
  const std::string session = "00112233445566778899aabbccddeeff";
  const auto write = [](const std::string& name, const std::string& text) {
    Write("poll", name, Bytes(text.begin(), text.end()));
  };
  const UpgradeRequest slave{SlaveKind::kGateway, "home", {}, "ov6-abc", false, true};
  using Kind = PollRequest::Kind;
  write("open", FormatPollRequest({.kind = Kind::kOpen, .slave = slave}, "ov6"));
  write("down", FormatPollRequest({.kind = Kind::kDown, .session = session, .sequence = 7}, "ov6"));
  write("up", FormatPollRequest({.kind = Kind::kUp, .session = session, .sequence = 7, .body = 5}, "ov6") +
                  "hello");
  write("opened", FormatPollOpened(session, true));
  write("answer", FormatPollAnswer(7, 5, false) + "hello");
  write("chunks",
        "HTTP/1.1 200 OK\r\nOv6-Sequence: 9\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n");
  write("gone", FormatUpgradeRefused({410, "There is no such session."}));
  for (const auto& [name, text] : smuggling::PollRequests()) write(name, text);
}

void Peering() {
  const Prefix prefix = *Prefix::Parse("fd02:0:7::/48");
  Write("peering", "probe", EncodePeering({PeeringType::kProbe, false, 0x0102030405060708, prefix}));
  Write("peering", "probed", EncodePeering({PeeringType::kProbed, true, 0x0102030405060708, prefix}));
  Write("peering", "notify", EncodePeering({PeeringType::kNotify, false, 7, prefix, Bytes(200, 0x0a)}));
  Write("peering", "notified", EncodePeering({PeeringType::kNotified, true, 7, prefix}));
  Write("peering", "name", EncodePeering({PeeringType::kName, false, 7, prefix}));
  PeeringMessage message{PeeringType::kMeet, false, 7, prefix};
  message.meeting = {0x1112131415161718, *Prefix::Parse("fd03:0:7:1::/64"), std::string(12, 'u'),
                     std::string(36, 'p'), 0};
  Write("peering", "meet-no-place", EncodePeering(message));
  message.meeting.candidates = {*Endpoint::Parse("192.168.1.2:6080"), *Endpoint::Parse("203.0.113.7:40000")};
  Write("peering", "meet", EncodePeering(message));
  message.type = PeeringType::kMet;
  Write("peering", "met-again", EncodePeering(message));
  message.yes = true;
  Write("peering", "met-behind", EncodePeering(message));
  message.meeting.port = 6080;
  Write("peering", "met", EncodePeering(message));
}

void Config() {
  const std::string text = R"([node]
uid_base = 64000
[[underlay]]
interface = "eth0"
encapsulation = "udp"
udp_port = 6081
attach = "native"
[[domain]]
name = "chord"
prefix = "fd00::/8"
aggregate = 48
trust = "self"
[[site]]
interface = "eth1"
prefixes = ["chord:auto", "chord:fd00:1::/64"]
[[slave]]
kind = "dht"
domain = "chord"
listen = "0.0.0.0:4646"
bootstrap = ["198.51.100.2:4646"]
)";
  Write("config", "every-table", Bytes(text.begin(), text.end()));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  root = argv[1];
  Datapath();
  Chord();
  Capsules();
  Segments();
  Stun();
  Upgrade();
  Poll();
  Records();
  Peering();
  Config();
  return 0;
}
