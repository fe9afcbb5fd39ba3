// SPDX-License-Identifier: Apache-2.0
// ov6-hot-paths NAME UNITS: does the named thing so many times, and prints how many operations that were.
// What an operation costs is the difference between two numbers of units (tests/instructions/check).
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <string>

#include "tests/sim/simulator.h"
#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/master/master.h"
#include "userspace/wire/capsule_codec.h"

namespace ov6 {
namespace {

using namespace std::chrono_literals;

constexpr size_t kNodes = 24;  // more than a full mesh holds

void Form(sim::Simulator* ring) {
  for (size_t i = 0; i < kNodes; ++i) {
    ring->Add(i == 0 ? std::vector<size_t>{} : std::vector<size_t>{0});
    ring->RunFor(200ms);
  }
  ring->RunUntil([ring] { return ring->RingIsPerfect(); }, 120s, 500ms);
  ring->RunFor(30s);
}

// Datagrams of a ring at rest: each sent by one engine and heard by another.
uint64_t Rest(int units) {
  sim::Simulator ring(1);
  Form(&ring);
  const uint64_t before = ring.datagrams();
  ring.RunFor(units * 10s);
  return ring.datagrams() - before;
}

// Reads of keys that are there, all round.
uint64_t Get(int units) {
  sim::Simulator ring(1);
  Form(&ring);
  constexpr int kKeys = 16;
  for (int i = 0; i < kKeys; ++i) ring.Put(0, sim::KeyOf(std::to_string(i)), sim::MakeValue("owner", 1));
  ring.RunFor(2s);
  uint64_t gets = 0;
  for (int i = 0; i < units * 100; ++i, ++gets) {
    ring.Get(gets % kNodes, sim::KeyOf(std::to_string(i % kKeys)));
    ring.RunFor(1ms);
  }
  ring.RunFor(2s);
  return gets;
}

// Small packets as capsules, into a queue and out of it.
uint64_t Datagram(int units) {
  const Bytes packet(64, 0x60);
  ByteQueue queue;
  CapsuleDecoder decoder;
  uint64_t seen = 0;
  for (int i = 0; i < units * 1000; ++i) {
    for (int batch = 0; batch < 8; ++batch) EncodeDatagram(kPacketContext, packet, &queue);
    decoder.Ingest(queue.bytes());
    queue.Clear();
    while (decoder.NextDatagram()) ++seen;
  }
  return seen;
}

// Mappings that a DHT slave installs, each once more with another locator.
uint64_t Install(int units) {
  FakeDatapath kernel;
  Master master(kernel);
  const Prefix all = *Prefix::Parse("fd00::/8");
  const auto id = std::get<SlaveId>(
      master.Register({SlaveKind::kDht, "chord", {all}}, {{SlaveKind::kDht}, "chord", {all}, true, {}}));
  if (!master.Activate(id).ok()) std::abort();
  constexpr int kMappings = 1024;
  uint64_t installed = 0;
  for (int i = 0; i < units * kMappings; ++i, ++installed) {
    Prefix prefix{*Ipv6::Parse("fd00::"), 48};
    prefix.address.bytes[4] = static_cast<uint8_t>(i % kMappings >> 8);
    prefix.address.bytes[5] = static_cast<uint8_t>(i);
    const Locator locator{Ipv4{0xc6336400u + static_cast<uint32_t>(i / kMappings % 200) + 1},
                          Encapsulation::k6in4, 0, 1, 0};
    const auto ack = master.Apply(BootTime(1s), id,
                                  {static_cast<uint64_t>(i), {MappingAdd{prefix, {locator}, 60000, 120000}}});
    if (!ack.refused.empty()) std::abort();
  }
  return installed;
}

const std::map<std::string, std::function<uint64_t(int)>> kPaths = {
    {"rest", Rest}, {"get", Get}, {"datagram", Datagram}, {"install", Install}};

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) {
  const auto path = ov6::kPaths.find(argc == 3 ? argv[1] : "");
  const int units = argc == 3 ? std::atoi(argv[2]) : 0;
  if (path == ov6::kPaths.end() || units <= 0) {
    std::fprintf(stderr, "usage: ov6-hot-paths rest|get|datagram|install UNITS\n");
    return 2;
  }
  std::printf("%llu\n", static_cast<unsigned long long>(path->second(units)));
  return 0;
}
