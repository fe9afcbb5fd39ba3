// SPDX-License-Identifier: Apache-2.0
#include <boost/json.hpp>
#include <fstream>

#include "tests/unit/ov6d/service_fixture.h"

namespace ov6 {
namespace {

using testing::HasSubstr;
using testing::StartsWith;

const MappingAdd kMapping{P("fd01::/48"), {{*Ipv4::Parse("198.51.100.2"), {}, 0, 1, 0}}, 60000, 120000};

TEST_F(ServiceTest, RefusedRequestsChangeNothing) {
  struct Row {
    const char* name;
    std::string request;
    const char* status;
    const char* sentence;
  };
  const auto request = [](SlaveKind kind, const char* name, const char* prefix) {
    return FormatUpgradeRequest({kind, name, {P(prefix)}});
  };
  const Row rows[] = {
      {"no upgrade", "GET / HTTP/1.1\r\nHost: ov6\r\n\r\n", "HTTP/1.1 4", ""},
      {"no HTTP", "hello there\r\n\r\n", "HTTP/1.1 400 ", ""},
      {"another kind", request(SlaveKind::kManagement, "chord", "fd00::/8"), "HTTP/1.1 403 ", "management"},
      {"another name", request(SlaveKind::kDht, "other", "fd00::/8"), "HTTP/1.1 403 ", "other"},
      {"a prefix outside", request(SlaveKind::kDht, "chord", "2001:db8::/32"), "HTTP/1.1 403 ",
       "This session may not register 2001:db8::/32."},
      {"a longer head than allowed", "GET / HTTP/1.1\r\nX: " + std::string(9000, 'x'), "HTTP/1.1 400 ", ""},
      {"capsules before the 101", request(SlaveKind::kDht, "chord", "fd00::/8") + "x", "HTTP/1.1 400 ", ""},
  };
  for (const Row& row : rows) {
    FakeSlave slave(*this, "chord");
    slave.Write(row.request);
    const std::string answer = slave.Read();
    EXPECT_THAT(answer, StartsWith(row.status)) << row.name;
    EXPECT_THAT(answer, HasSubstr(row.sentence)) << row.name;
    EXPECT_TRUE(slave.Ended()) << row.name;
  }
  EXPECT_TRUE(kernel_.slaves().empty());
  EXPECT_TRUE(kernel_.routes().empty());
  EXPECT_EQ(service_.counters().sessions.refused, std::size(rows));
}

TEST_F(ServiceTest, AcceptedSlaveGetsItsRouteAndPort) {
  const auto slave = UpChord();
  const auto port = slave->Next<PortCapsule>();
  ASSERT_TRUE(port);
  EXPECT_EQ(port->slot, 1);
  EXPECT_EQ(kernel_.routes().at(P("fd00::/8")), (Route{port->slave, Action::kTunnel, 0}));
  EXPECT_EQ(kernel_.ports().at(1).name, "chord");

  uint8_t slot[2];
  iovec data{slot, sizeof(slot)};
  alignas(cmsghdr) char control[CMSG_SPACE(2 * sizeof(int))];
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof(control);
  ASSERT_EQ(recvmsg(slave->channel(), &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC), 2);
  EXPECT_EQ(slot[0] << 8 | slot[1], 1);
  const cmsghdr* part = CMSG_FIRSTHDR(&message);
  ASSERT_NE(part, nullptr);
  EXPECT_EQ(part->cmsg_len, CMSG_LEN(2 * sizeof(int)));
  int descriptors[2];
  memcpy(descriptors, CMSG_DATA(part), sizeof(descriptors));
  for (const int fd : descriptors) EXPECT_EQ(close(fd), 0);
}

TEST_F(ServiceTest, GatewayHasASiteRouteAndNoPort) {
  const auto gateway = Up(SlaveKind::kGateway, "gw0", "fd12:3456:789a:1::/64");
  EXPECT_EQ(kernel_.routes().at(P("fd12:3456:789a:1::/64")).action, Action::kSite);
  EXPECT_TRUE(kernel_.ports().empty());
  EXPECT_FALSE(gateway->Next<PortCapsule>());
}

TEST_F(ServiceTest, MappingsAreAcknowledgedWhenTheKernelHoldsThem) {
  const auto slave = UpChord();
  MappingAdd outside = kMapping;
  outside.prefix = P("2001:db8::/48");
  slave->Send(MappingsCapsule{42, {kMapping, outside}});
  const auto ack = slave->Next<MappingsAckCapsule>();
  ASSERT_TRUE(ack);
  EXPECT_EQ(ack->sequence, 42u);
  ASSERT_EQ(ack->refused.size(), 1u);
  EXPECT_EQ(ack->refused[0].index, 1u);
  EXPECT_THAT(ack->refused[0].reason, HasSubstr("2001:db8::/48 is not inside the slave's prefixes"));
  EXPECT_EQ(kernel_.mappings().size(), 1u);
}

TEST_F(ServiceTest, EmptyAdvertisementWithdrawsAtOnce) {
  const auto slave = UpChord();
  slave->Send(MappingsCapsule{1, {kMapping}});
  slave->Send(RouteAdvertisementCapsule{});
  EXPECT_TRUE(kernel_.routes().empty());
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_TRUE(kernel_.slaves().empty());
  EXPECT_TRUE(kernel_.ports().empty());
  slave->Send(MappingsCapsule{2, {kMapping}});
  EXPECT_TRUE(kernel_.mappings().empty());
}

TEST_F(ServiceTest, ForbiddenAdvertisementChangesNothing) {
  const auto slave = UpChord();
  const auto routes = kernel_.routes();
  slave->Send(RouteAdvertisementCapsule{{P("2001:db8::/32")}});
  EXPECT_EQ(kernel_.routes(), routes);
  EXPECT_EQ(master_.counters().advertisements_refused, 1u);
}

TEST_F(ServiceTest, VanishedSlaveIsStaleThenWithdrawn) {
  auto slave = UpChord();
  slave->Send(MappingsCapsule{1, {kMapping}});
  slave->Vanish();
  EXPECT_EQ(kernel_.routes().size(), 1u);
  EXPECT_EQ(kernel_.mappings().begin()->second.flags, OV6_MAPPING_STALE);
  EXPECT_EQ(kernel_.ports().size(), 1u);
  now_ += std::chrono::seconds(29);
  service_.Sweep();
  EXPECT_EQ(kernel_.routes().size(), 1u);
  now_ += std::chrono::seconds(1);
  service_.Sweep();
  EXPECT_TRUE(kernel_.routes().empty());
  EXPECT_TRUE(kernel_.mappings().empty());
  EXPECT_TRUE(kernel_.ports().empty());
}

TEST_F(ServiceTest, ADrainedSlaveLeavesItsEntriesToItsSuccessor) {
  const auto management = Up(SlaveKind::kManagement, "management", "::/0");
  auto slave = UpChord();
  slave->Send(MappingsCapsule{1, {kMapping}});
  absl::StatusOr<std::string> gone = absl::UnavailableError("not yet");
  service_.Drain("chord", std::chrono::seconds(20), [&](auto result) { gone = std::move(result); });
  Run();
  EXPECT_EQ(slave->Next<CallCapsule>()->method, "shutdown");
  EXPECT_EQ(service_.SlavesJson().at(0).at("state"), "draining");
  slave->Send(RouteAdvertisementCapsule{});
  EXPECT_TRUE(kernel_.routes().contains(P("fd00::/8")));
  EXPECT_EQ(kernel_.mappings().size(), 1u);
  EXPECT_FALSE(gone.ok());
  slave->Vanish();
  EXPECT_TRUE(gone.ok());
  const auto json = service_.SlavesJson().at(0);
  EXPECT_EQ(json.at("state"), "drained");
  EXPECT_EQ(json.at("away_s"), 20);
  EXPECT_THAT(service_.Start("chord").message(), HasSubstr("\"chord\" is drained for 20 s more"));
  EXPECT_TRUE(spawner_.requests.empty());

  now_ += std::chrono::seconds(20);
  service_.Sweep();
  Run();
  const auto call = management->Next<CallCapsule>();
  ASSERT_TRUE(call) << "it is wanted again";
  EXPECT_EQ(call->method + call->argument, "start{\"name\":\"chord\"}");
  const auto successor = UpChord();
  EXPECT_EQ(kernel_.mappings().size(), 1u);
  EXPECT_EQ(master_.counters().takeovers, 1u);
}

TEST_F(ServiceTest, WhatCanNotBeDrained) {
  const auto management = Up(SlaveKind::kManagement, "management", "::/0");
  const auto slave = UpChord();
  const auto drain = [this](const char* name) {
    absl::Status status;
    service_.Drain(name, {}, [&](const auto& result) { status = result.status(); });
    return std::string(status.message());
  };
  EXPECT_THAT(drain("nobody"), HasSubstr("no slave named \"nobody\""));
  EXPECT_THAT(drain("management"), HasSubstr("ends with ov6d"));
  EXPECT_THAT(drain("gw0"), HasSubstr("is not up"));
  EXPECT_EQ(drain("chord"), "");
  EXPECT_THAT(drain("chord"), HasSubstr("on its way already"));
}

TEST_F(ServiceTest, SlavesComeAndGoWithThePlans) {
  const auto management = Up(SlaveKind::kManagement, "management", "::/0");
  std::vector<SlavePlan> plans = {Plan(SlaveKind::kManagement, "management", "::/0"),
                                  Plan(SlaveKind::kGateway, "gw0", "fd12:3456:789a:1::/64"),
                                  Plan(SlaveKind::kDht, "chord", "fd00::/8"),
                                  Plan(SlaveKind::kDht, "corp", "2001:db8::/32")};
  service_.Replan(plans);
  Run();
  EXPECT_EQ(management->Next<CallCapsule>()->method, "slaves");
  EXPECT_TRUE(service_.Knows("corp"));
  auto corp = Up(SlaveKind::kDht, "corp", "2001:db8::/32");
  corp->Ask("save", "{\"peers\": []}");
  EXPECT_TRUE(std::filesystem::exists(state_ / "slave-corp.json"));
  EXPECT_TRUE(kernel_.routes().contains(P("2001:db8::/32")));
  plans.pop_back();
  service_.Replan(plans);
  Run();
  EXPECT_FALSE(service_.Knows("corp"));
  EXPECT_TRUE(corp->Ended());
  EXPECT_FALSE(kernel_.routes().contains(P("2001:db8::/32")));
  EXPECT_FALSE(std::filesystem::exists(state_ / "slave-corp.json"));
  EXPECT_EQ(kernel_.ports().size(), 1u);
}

TEST_F(ServiceTest, SuccessorTakesEntriesAndPortOver) {
  auto slave = UpChord();
  const SlaveId old = slave->Next<PortCapsule>()->slave;
  slave->Send(MappingsCapsule{1, {kMapping}});
  slave->Vanish();
  const auto successor = UpChord();
  const auto port = successor->Next<PortCapsule>();
  ASSERT_TRUE(port);
  EXPECT_NE(port->slave, old);
  EXPECT_EQ(port->slot, 1);
  EXPECT_EQ(kernel_.mappings().at(kMapping.prefix).slave, port->slave);
  EXPECT_EQ(kernel_.mappings().at(kMapping.prefix).flags, 0);
  EXPECT_EQ(std::count(kernel_.calls().begin(), kernel_.calls().end(), "CreatePort"), 1);
  EXPECT_EQ(std::count(kernel_.calls().begin(), kernel_.calls().end(), "ReopenPort"), 1);
}

TEST_F(ServiceTest, PortThatCannotBeMadeIsARefusal) {
  kernel_.FailNext("CreatePort", absl::UnavailableError("no veth today"));
  FakeSlave slave(*this, "chord");
  EXPECT_THAT(slave.Open({SlaveKind::kDht, "chord", {P("fd00::/8")}}),
              HasSubstr("The port can't be made: no veth today."));
  EXPECT_TRUE(kernel_.slaves().empty());
  EXPECT_TRUE(kernel_.routes().empty());
}

TEST_F(ServiceTest, BadCapsulesEndTheSessionAndNothingElse) {
  struct Row {
    const char* name;
    std::string bytes;
  };
  const Row rows[] = {
      {"MAPPINGS too short", std::string("\xaf\x76\x36\x01\x00", 5)},
      {"a value longer than allowed", std::string("\xaf\x76\x36\x05\x80\x02\x00\x00", 8)},
      {"PING of three bytes", std::string("\xaf\x76\x36\x08\x03\x00\x00\x00", 8)},
  };
  for (const Row& row : rows) {
    const auto slave = UpChord();
    slave->Next<PortCapsule>();
    slave->Write(row.bytes);
    EXPECT_TRUE(slave->Ended()) << row.name;
    EXPECT_EQ(kernel_.routes().size(), 1u) << row.name;  // stale
  }
}

TEST_F(ServiceTest, UnknownCapsuleIsSkippedAndPingAnswered) {
  const auto slave = UpChord();
  slave->Send(UnknownCapsule{0x3f, {1, 2, 3}});
  slave->Send(PingCapsule{false, 77});
  const auto pong = slave->Next<PingCapsule>();
  ASSERT_TRUE(pong);
  EXPECT_EQ(*pong, (PingCapsule{true, 77}));
  EXPECT_EQ(service_.counters().sessions.unknown_capsules, 1u);
}

TEST_F(ServiceTest, Calls) {
  const auto chord = UpChord();
  const auto config = chord->Ask("config");
  EXPECT_EQ(config.code, 0);
  EXPECT_THAT(config.result, HasSubstr(R"("prefixes":["fd00::/8"])"));
  EXPECT_EQ(chord->Ask("start", R"({"name":"gw0"})").code, 7);
  EXPECT_EQ(chord->Ask("slaves").code, 7);
  EXPECT_EQ(chord->Ask("frobnicate").code, 12);

  const auto management = Up(SlaveKind::kManagement, "management", "::/0");
  const auto slaves = management->Ask("slaves");
  EXPECT_THAT(slaves.result, HasSubstr(R"({"name":"gw0","kind":"gateway","state":"stopped"})"));
  EXPECT_EQ(management->Ask("start", R"({"name":"nobody"})").code, 5);
  EXPECT_EQ(management->Ask("start", "{").code, 3);
  EXPECT_EQ(management->Ask("stop", R"({"name":"chord"})").code, 5);
  const auto started = management->Ask("start", R"({"name":"chord"})");
  EXPECT_EQ(started.result, "this spawner starts nothing");
  ASSERT_EQ(spawner_.requests.size(), 1u);
  EXPECT_EQ(spawner_.requests[0].executable, "/libexec/ov6-dht");
  EXPECT_THAT(spawner_.requests[0].arguments,
              testing::ElementsAre("--name", "chord", "--prefix", "fd00::/8"));
}

TEST_F(ServiceTest, KeepsWhatASlaveSaves) {
  const auto chord = UpChord();
  EXPECT_EQ(chord->Ask("saved").result, "{}");
  EXPECT_EQ(chord->Ask("save", R"({"peers":["198.51.100.2:4646"]})").code, 0);
  EXPECT_EQ(chord->Ask("saved").result, R"({"peers":["198.51.100.2:4646"]})");
  EXPECT_EQ(chord->Ask("save", "[1]").code, 3);
  EXPECT_EQ(chord->Ask("save", R"({"a":")" + std::string(SlaveMemory::kMaxSize, 'x') + "\"}").code, 3);
  for (int i = 1; i < SlaveMemory::kBurst; ++i)
    EXPECT_EQ(chord->Ask("save", "{\"n\":" + std::to_string(i) + "}").code, 0) << i;
  EXPECT_EQ(chord->Ask("save", R"({"n":5})").code, 8) << "the budget is used up";
  EXPECT_EQ(chord->Ask("save", R"({"n":4})").code, 0) << "nothing has to be written";
  now_ += std::chrono::seconds(5);
  EXPECT_EQ(chord->Ask("save", R"({"n":5})").code, 0);
}

TEST(SlaveMemoryTest, SurvivesARestartAndAFileThatIsCutShort) {
  char name[] = "/tmp/ov6-memory-test-XXXXXX";
  const std::filesystem::path state = mkdtemp(name);
  const BootTime now{std::chrono::seconds(1)};
  ASSERT_TRUE(SlaveMemory(state).Save(now, "chord", R"({"sequence":7})").ok());
  std::ofstream(state / "slave-chord.json.new") << "{\"seq";  // a crash in the middle of a write
  EXPECT_EQ(*SlaveMemory(state).Load("chord"), R"({"sequence":7})");
  EXPECT_EQ(*SlaveMemory(state).Load("other"), "{}");
  std::ofstream(state / "slave-chord.json") << "{\"seq";
  SlaveMemory memory(state);
  EXPECT_EQ(*memory.Load("chord"), "{}");
  EXPECT_TRUE(std::filesystem::exists(state / "slave-chord.json.damaged"));
  EXPECT_TRUE(memory.Save(now, "chord", R"({"sequence":8})").ok());
  EXPECT_EQ(*SlaveMemory(state).Load("chord"), R"({"sequence":8})");
  std::filesystem::remove_all(state);
}

TEST_F(ServiceTest, SignsOnlyOurRecords) {
  const auto chord = UpChord();
  Record record;
  record.domain = "chord";
  record.prefix = P("fd12:3456:789a::/48");
  record.public_key = key_.key.public_key();
  record.modifier = key_.modifier;
  record.security = key_.security();
  record.not_before = std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now());
  record.expiry = record.not_before + std::chrono::minutes(10);
  struct Row {
    const char* name;
    std::function<void(Record&)> change;
    int code;
  };
  const Row rows[] = {
      {"ours", [](Record&) {}, 0},
      {"another domain", [](Record& r) { r.domain = "other"; }, 7},
      {"another prefix", [](Record& r) { r.prefix = P("fd12:3456:789b::/48"); }, 7},
      {"a part of ours", [](Record& r) { r.prefix = P("fd12:3456:789a:1::/64"); }, 7},
      {"another key", [](Record& r) { r.public_key[0] ^= 1; }, 7},
      {"another router's locator", [](Record& r) { r.locators = {{.address = {0xc6336402}}}; }, 7},
      {"for later", [](Record& r) { r.not_before += std::chrono::hours(1); }, 7},
      {"for long", [](Record& r) { r.expiry += std::chrono::hours(48); }, 7},
      {"another modifier", [](Record& r) { r.modifier[0] ^= 1; }, 7},
      {"a chain that was never handed to it",
       [](Record& r) {
         r.chain = {{r.prefix, 128, r.public_key, r.not_before, r.expiry, {}}};
       },
       7},
      {"revoked, but not inside what is ours", [](Record& r) { r.prefix = P("fd12:3456:789b::/64"); }, 7},
      {"a sequence to end all", [](Record& r) { r.sequence = UINT64_MAX; }, 7},
  };
  for (const Row& row : rows) {
    Record changed = record;
    row.change(changed);
    const Bytes bytes = EncodeRecord(changed);
    const auto answer = chord->Ask("sign", {bytes.begin(), bytes.end()});
    EXPECT_EQ(answer.code, row.code) << row.name << ": " << answer.result;
    if (row.code != 0) continue;
    Signature signature{};
    ASSERT_EQ(answer.result.size(), signature.size());
    std::copy(answer.result.begin(), answer.result.end(), signature.begin());
    EXPECT_TRUE(VerifySignature(key_.key.public_key(), SignedBytes(bytes), signature));
  }
  EXPECT_NE(chord->Ask("sign", "garbage").code, 0);
  EXPECT_EQ(service_.counters().sign_refused, 12u);
}

TEST_F(ServiceTest, EventsBecomeOneRefreshWithEachAddressOnce) {
  const auto chord = UpChord();
  const SlaveId id = chord->Next<PortCapsule>()->slave;
  for (const char* address : {"fd01::1", "fd01::2", "fd01::1"}) {
    kernel_.AddEvent({OV6_EVENT_REFRESH, id, P(address).ToAbi(), 0, 0});
  }
  kernel_.AddEvent({OV6_EVENT_REFRESH, 99, P("fd01::3").ToAbi(), 0, 0});
  service_.DrainEvents();
  Run();
  const auto refresh = chord->Next<RefreshCapsule>();
  ASSERT_TRUE(refresh);
  EXPECT_THAT(refresh->addresses, testing::ElementsAre(*Ipv6::Parse("fd01::1"), *Ipv6::Parse("fd01::2")));
  EXPECT_EQ(service_.counters().events_without_slave, 1u);
}

TEST_F(ServiceTest, CallToASlaveAndBack) {
  const auto chord = UpChord();
  std::optional<absl::StatusOr<std::string>> result;
  service_.Call("chord", "state", "", [&](absl::StatusOr<std::string> r) { result = std::move(r); });
  Run();
  const auto call = chord->Next<CallCapsule>();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->method, "state");
  chord->Send(ReturnCapsule{call->id, 0, "{\"members\":3}"});
  ASSERT_TRUE(result && result->ok());
  EXPECT_EQ(**result, "{\"members\":3}");
  chord->Send(ReturnCapsule{call->id, 0, "again"});
  EXPECT_EQ(service_.counters().sessions.unexpected_returns, 1u);
}

TEST_F(ServiceTest, CallToASlaveThatVanishesIsAnswered) {
  const auto chord = UpChord();
  std::optional<absl::StatusOr<std::string>> result;
  service_.Call("chord", "state", "", [&](absl::StatusOr<std::string> r) { result = std::move(r); });
  chord->Vanish();
  ASSERT_TRUE(result);
  EXPECT_TRUE(absl::IsUnavailable(result->status()));
}

TEST_F(ServiceTest, SlaveThatDoesNotReadIsLetGo) {
  const auto chord = UpChord();
  for (int i = 0; i < 4096 && !service_.counters().sessions.broken; ++i) {
    service_.Call("chord", "x", std::string(4096, 'x'), [](const absl::StatusOr<std::string>&) {});
    Run();
  }
  EXPECT_EQ(service_.counters().sessions.broken, 1u);
  EXPECT_TRUE(kernel_.slaves().begin()->second.stale);
}

}  // namespace
}  // namespace ov6
