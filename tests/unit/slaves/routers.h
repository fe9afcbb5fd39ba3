// SPDX-License-Identifier: Apache-2.0
// Routers of a ring as their DHT slaves with their peering make them, around a DHT and masters in memory.
#ifndef OV6_TESTS_UNIT_SLAVES_ROUTERS_H
#define OV6_TESTS_UNIT_SLAVES_ROUTERS_H

#include <gtest/gtest.h>

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "slaves/dht/peering.h"
#include "tests/unit/slaves/fakes.h"
#include "userspace/wire/storage_key.h"

namespace ov6 {

inline const Domain kDomain{"chord", PrefixOf("fd00::/8"), 48, Domain::Trust::kOpen};
inline constexpr uint16_t kPort = 4646;

inline Ipv4 At(const std::string& text) { return Ipv4::Parse(text).value(); }

// The one clock, the wires, and what the DHT holds.
struct Network {
  struct Datagram {
    Endpoint from, to;
    Bytes bytes;
  };
  BootTime now{std::chrono::seconds(1000)};
  std::chrono::sys_time<std::chrono::milliseconds> wall{std::chrono::seconds(1'700'000'000)};
  std::deque<Datagram> wires;
  std::map<Key, std::map<Prefix, Bytes>> stored;
  uint64_t nonce = 0;
};

class Router {
 public:
  Router(Network& network, const PrivateKey& key, const std::string& address, std::vector<Prefix> prefixes,
         std::vector<Prefix> awaited = {})
      : network_(network), key_(key) {
    config_.awaited = std::move(awaited);
    config_.domain = kDomain;
    config_.listen = {Ipv4{}, kPort};
    config_.public_key = key.public_key();
    config_.registrations = std::move(prefixes);
    MoveTo(address);
    registrar_.emplace(config_, session_, Submit(), Clock());
    slave_.emplace(kDomain, session_, port_, Submit(), Clock());
    query_.emplace(kDomain, Submit(), Clock());
    peering_.emplace(
        config_, session_, *registrar_, *slave_, *query_,
        [this](const Endpoint& to, const Bytes& bytes, std::optional<Ipv4>) {
          network_.wires.push_back({{address_, kPort}, to, bytes});
          return true;
        },
        [this] { return ++network_.nonce; }, Clock());
    registrar_->OnTimer();
    registrar_->OnJoined();
    peering_->mobility().OnJoined();
  }

  void MoveTo(const std::string& address) {
    address_ = At(address);
    Locator locator;
    locator.address = address_;
    config_.locators = {locator};
  }
  void Arrived() {
    config_.awaited.clear();
    Reconfigure();
  }
  void Reconfigure() {
    registrar_->Reconfigure(config_);
    peering_->mobility().Reconfigure(config_);
  }
  // What the master and the DHT are asked, until there is nothing more. True: there was something.
  bool Serve() {
    bool any = !session_.calls.empty() || !session_.mappings.empty() || !asked_.empty();
    while (!session_.calls.empty()) Answer();
    while (!session_.mappings.empty()) {
      for (const MappingChange& change : session_.mappings.front().changes) Install(change);
      session_.Acknowledge();
    }
    while (!asked_.empty()) {
      const Request request = asked_.front();
      asked_.pop_front();
      AnswerDht(request);
    }
    return any;
  }
  void Receive(const Network::Datagram& datagram) {
    if (!hears) return;
    EXPECT_TRUE(peering_->OnDatagram(datagram.from, address_, datagram.bytes));
  }
  void OnTimer() {
    registrar_->OnTimer();
    slave_->OnTimer();
    peering_->OnTimer();
    peering_->mobility().OnProofs();
  }
  void Resolve(const std::string& address) { slave_->OnRefresh(std::vector{Address(address)}); }

  const Mobility::Counters& counters() { return peering_->mobility().counters(); }
  Mobility& mobility() { return peering_->mobility(); }
  Meetings& meetings() { return peering_->meetings(); }
  Ipv4 address() const { return address_; }
  // Where the kernel would send to for the address; :: nowhere.
  std::vector<Locator> Mapped(const std::string& prefix) {
    const auto found = mappings.find(PrefixOf(prefix));
    return found == mappings.end() ? std::vector<Locator>() : found->second.locators;
  }

  bool hears = true, finds = true;
  std::chrono::milliseconds skew{0};
  std::map<Prefix, MappingAdd> mappings;
  std::vector<std::string> former;  // arguments of the calls
  std::vector<Record> moved;
  absl::Status moved_answer;
  std::vector<std::string> met;  // arguments of the calls
  absl::StatusOr<std::string> met_answer = absl::UnimplementedError("there are no direct paths here");

 private:
  DhtClock Clock() {
    return {[this] { return network_.now; }, [this] { return network_.wall + skew; }};
  }
  SubmitRequest Submit() {
    return [this](Request request) { asked_.push_back(std::move(request)); };
  }
  void Install(const MappingChange& change) {
    if (const auto* add = std::get_if<MappingAdd>(&change)) mappings[add->prefix] = *add;
    if (const auto* gone = std::get_if<MappingWithdraw>(&change)) mappings.erase(gone->prefix);
  }
  void Answer() {
    const std::string method = session_.calls.front().method, argument = session_.calls.front().argument;
    const Bytes bytes(argument.begin(), argument.end());
    if (method == "sign") {
      const Signature signature = key_.Sign(SignedBytes(bytes));
      return session_.Return(std::string(signature.begin(), signature.end()));
    }
    if (method == "former") former.push_back(argument);
    if (method == "moved") {
      moved.push_back(
          VerifySigned(bytes, kDomain, std::chrono::floor<std::chrono::seconds>(network_.wall)).value());
      if (!moved_answer.ok()) return session_.Return(moved_answer);
      std::erase(config_.registrations, moved.back().prefix);
    }
    if (method == "met") {
      met.push_back(argument);
      return session_.Return(met_answer);
    }
    session_.Return(std::string("{}"));
    if (method == "moved") Reconfigure();
  }
  void AnswerDht(const Request& request) {
    if (const auto* put = std::get_if<PutRequest>(&request)) {
      const auto record =
          VerifySigned(put->value, kDomain, std::chrono::floor<std::chrono::seconds>(network_.wall));
      ASSERT_TRUE(record.ok()) << record.status();
      Bytes& stored = network_.stored[put->key][record->prefix];
      const bool older = !stored.empty() && DecodeSigned(stored)->record.sequence > record->sequence;
      if (!older) stored = put->value;
      registrar_->OnPut({put->id, !older, older ? 0 : 8});
    }
    if (const auto* get = std::get_if<GetRequest>(&request)) {
      std::vector<Bytes> values;
      if (finds) {
        for (const auto& [prefix, value] : network_.stored[get->key]) values.push_back(value);
      }
      const GetOutput got{get->id, values.empty() ? GetOutcome::kAbsent : GetOutcome::kFound, values, 1};
      if (!query_->OnGet(got)) slave_->OnGet(got);
    }
  }

  Network& network_;
  const PrivateKey& key_;
  DhtConfig config_;
  Ipv4 address_;
  FakeSession session_;
  FakePort port_;
  std::deque<Request> asked_;
  std::optional<Registrar> registrar_;
  std::optional<DhtSlave> slave_;
  std::optional<RecordQuery> query_;
  std::optional<Peering> peering_;
};

class RoutersTest : public testing::Test {
 protected:
  Router& Add(const PrivateKey& key, const std::string& address, std::vector<Prefix> prefixes) {
    routers_.push_back(std::make_unique<Router>(network_, key, address, std::move(prefixes)));
    Settle();
    return *routers_.back();
  }
  // Without any time.
  void Settle() {
    for (bool any = true; any;) {
      any = false;
      for (const auto& router : routers_) any |= router->Serve();
      while (!network_.wires.empty()) {
        any = true;
        const Network::Datagram datagram = network_.wires.front();
        network_.wires.pop_front();
        for (const auto& router : routers_) {
          if (router->address() == datagram.to.address) router->Receive(datagram);
        }
      }
    }
  }
  // Each sends to the other.
  void Correspond(Router& mover, Router& peer) {
    peer.Resolve("fd01:0:1::5");
    mover.Resolve("fd02:0:2::5");
    Settle();
  }
  void Pass(Duration time) {
    for (const BootTime end = network_.now + time; network_.now < end;) {
      network_.now += std::chrono::milliseconds(50);
      network_.wall += std::chrono::milliseconds(50);
      for (const auto& router : routers_) router->OnTimer();
      Settle();
    }
  }
  Bytes Stored(const std::string& prefix) {
    return network_.stored.at(StorageKey(kDomain, PrefixOf(prefix))).at(PrefixOf(prefix));
  }

  const PrivateKey mover_ = PrivateKey::Generate(), other_ = PrivateKey::Generate();
  Network network_;
  std::vector<std::unique_ptr<Router>> routers_;
};

}  // namespace ov6

#endif
