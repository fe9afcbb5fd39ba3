// SPDX-License-Identifier: Apache-2.0
// A member of a Chord ring that lies about a prefix of somebody else's: it puts records for it that it signed
// itself and records of the owner's that it changed, keeps and gives out whatever it likes, and at SIGUSR1
// puts the owner's record as it was when it came. Ends at SIGTERM. forger SELF BOOTSTRAP DOMAIN DOMAIN-PREFIX
// VICTIM-PREFIX
#include <signal.h>

#include <chrono>
#include <cstdio>
#include <optional>

#include "slaves/engine/chord/chord_engine.h"
#include "slaves/runtime/engine_driver.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {
namespace {

constexpr uint64_t kGet = 1, kClaim = 2, kChanged = 3, kReplay = 4;

UnixTime Now() { return std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now()); }

// Believes everything that has the form of a record.
std::optional<ValueInfo> Believe(const Key&, std::span<const uint8_t> value, BootTime) {
  const auto read = DecodeSigned(value);
  if (!read.ok()) return std::nullopt;
  const auto digest = Sha256(value);
  return ValueInfo{{digest.begin(), digest.end()}, read->record.sequence, std::chrono::minutes(10)};
}

class Forger {
 public:
  Forger(Loop& loop, UdpSocket& socket, chord::ChordConfig config, Domain domain, const Prefix& victim)
      : domain_(std::move(domain)),
        victim_(victim),
        locator_{.address = config.self.address},
        engine_(std::move(config)),
        driver_(loop, engine_, socket, [this](const Output& output) { OnOutput(output); }) {}

  void Start() { driver_.Start(); }
  void Replay() { Put(kReplay, owners_); }

 private:
  void OnOutput(const Output& output) {
    if (std::holds_alternative<JoinedOutput>(output))
      driver_.Submit(GetRequest{kGet, StorageKey(domain_, victim_)});
    if (const auto* get = std::get_if<GetOutput>(&output)) OnGet(*get);
    if (const auto* put = std::get_if<PutOutput>(&output)) Say("put", put->id, put->replicas);
  }
  void OnGet(const GetOutput& output) {
    Say("values", output.id, static_cast<int>(output.values.size()));
    if (output.values.empty()) return driver_.Submit(GetRequest{kGet, StorageKey(domain_, victim_)});
    if (!owners_.empty()) return;
    owners_ = output.values.front();
    const Record owners = DecodeSigned(owners_)->record;
    Record mine = owners;
    mine.public_key = key_.public_key();
    Put(kClaim, Signed(mine));
    Put(kChanged, Signed(owners));
  }
  // The same, but newer, leading here, and signed by the wrong key.
  Bytes Signed(Record record) {
    record.sequence += 1000;
    record.not_before = Now();
    record.expiry = Now() + std::chrono::minutes(10);
    record.locators = {locator_};
    const Bytes bytes = EncodeRecord(record);
    return EncodeSigned(bytes, key_.Sign(SignedBytes(bytes)));
  }
  void Put(uint64_t id, const Bytes& value) {
    driver_.Submit(PutRequest{id, StorageKey(domain_, victim_), value});
  }
  static void Say(const char* what, uint64_t id, int number) {
    std::printf("%s %d %d\n", what, static_cast<int>(id), number);
    std::fflush(stdout);
  }

  const Domain domain_;
  const Prefix victim_;
  const Locator locator_;
  const PrivateKey key_ = PrivateKey::Generate();
  Bytes owners_;
  chord::ChordEngine engine_;
  EngineDriver driver_;
};

int Main(char** argv) {
  const auto self = Endpoint::Parse(argv[1]), bootstrap = Endpoint::Parse(argv[2]);
  const auto around = Prefix::Parse(argv[4]), victim = Prefix::Parse(argv[5]);
  if (!self || !bootstrap || !around || !victim) return 2;
  Loop loop;
  auto socket = UdpSocket::Bind(loop, *self);
  if (!socket.ok()) return 3;
  chord::ChordConfig config;
  config.self = *self;
  config.network = argv[3];
  config.bootstrap = {*bootstrap};
  FillRandom(config.secret);
  config.checker = Believe;
  Forger forger(loop, **socket, std::move(config), {argv[3], *around}, *victim);
  loop.OnSignal({SIGUSR1, SIGTERM}, [&](int signal) { signal == SIGTERM ? loop.Stop(0) : forger.Replay(); });
  forger.Start();
  return loop.Run();
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) {
  if (argc == 6) return ov6::Main(argv);
  std::fprintf(stderr, "usage: forger SELF BOOTSTRAP DOMAIN DOMAIN-PREFIX VICTIM-PREFIX\n");
  return 2;
}
