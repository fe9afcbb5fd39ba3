// SPDX-License-Identifier: Apache-2.0
// An instance in memory, for commands: its tables, devices, programs and daemon.
#ifndef OV6_TESTS_UNIT_OV6CTL_FAKES_H
#define OV6_TESTS_UNIT_OV6CTL_FAKES_H

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <functional>
#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "userspace/datapath/fake/fake_datapath.h"
#include "userspace/ov6ctl/cli.h"

namespace ov6::ctl {

inline const BootTime kNow = FromNanoseconds(1'000'000'000'000);

// Answers every frame with the runs it was given, and keeps the frames.
class FakeTracer : public PacketTracer {
 public:
  struct Script {
    std::vector<TracedRun> runs;
    std::vector<std::vector<uint8_t>> seen;
    uint32_t ifindex = 0;
  };
  explicit FakeTracer(Script& script) : script_(script) {}
  absl::StatusOr<std::vector<TracedRun>> Trace(uint32_t ifindex, const ov6_device&,
                                               std::span<const uint8_t> frame) override {
    script_.ifindex = ifindex;
    script_.seen.emplace_back(frame.begin(), frame.end());
    auto runs = script_.runs;
    for (TracedRun& run : runs) {
      if (run.frame.empty()) run.frame.assign(frame.begin(), frame.end());
    }
    return runs;
  }

 private:
  Script& script_;
};

// Sightings that wait, and what was asked for.
struct SightingScript {
  std::vector<ov6_sighting> waiting;
  uint32_t lost = 0;
  uint32_t wanted = 0;
  BootTime until{};
  int asked = 0;
};

class FakeSightings : public SightingReader {
 public:
  explicit FakeSightings(SightingScript& script) : script_(script) {}
  int fd() const override { return 17; }
  absl::Status Ask(uint32_t wanted, BootTime until) override {
    script_.wanted = wanted;
    script_.until = until;
    ++script_.asked;
    return absl::OkStatus();
  }
  absl::Status Read(const std::function<void(const ov6_sighting&)>& handler) override {
    for (const auto& sighting : std::exchange(script_.waiting, {})) handler(sighting);
    return absl::OkStatus();
  }
  absl::StatusOr<uint32_t> Lost() override { return std::exchange(script_.lost, 0); }

 private:
  SightingScript& script_;
};

// Time passes as it is waited for; what happens meanwhile are `steps`, and after them it ends.
class FakeWaiter : public Waiter {
 public:
  bool Wait(int fd, Duration most) override {
    waited_for = fd;
    now += most;
    if (steps.empty()) return false;
    steps.front()();
    steps.erase(steps.begin());
    return true;
  }
  BootTime Now() override { return now; }
  std::chrono::system_clock::time_point WallTime(BootTime time) override {
    return std::chrono::system_clock::time_point(
        std::chrono::duration_cast<std::chrono::microseconds>(time.time_since_epoch()));
  }

  BootTime now = kNow;
  std::vector<std::function<void()>> steps;
  int waited_for = -2;
};

class FakeKernel : public KernelView {
 public:
  FakeKernel() {
    ov6_device underlay{};
    underlay.role = OV6_DEVICE_UNDERLAY;
    underlay.flags = OV6_DEVICE_XDP_DOOR;
    underlay.mtu = 1500;
    underlay.address = Ipv4::Parse("198.51.100.1")->ToBe();
    underlay.mac[0] = 2;
    devices = {{3, underlay}};
    interfaces = {{3, "eth0"}};
  }

  absl::StatusOr<std::shared_ptr<Tables>> OpenTables(Access access) override {
    if (!there) return Refused("there is no datapath at /run/ov6/bpf");
    writable = access == Access::kReadWrite;
    return tables;
  }
  absl::StatusOr<std::vector<MapSummary>> Maps() override {
    return std::vector<MapSummary>{{"routes", "lpm_trie", 2, 16384},
                                   {"verdicts", "percpu_array", std::nullopt, 128}};
  }
  absl::StatusOr<std::vector<std::pair<uint32_t, ov6_device>>> Devices() override { return devices; }
  absl::StatusOr<std::vector<std::pair<Ipv4, ov6_path>>> Paths() override {
    return std::vector<std::pair<Ipv4, ov6_path>>(paths.begin(), paths.end());
  }
  absl::Status DeletePath(const Ipv4& address) override {
    return paths.erase(address) > 0 ? absl::OkStatus() : absl::NotFoundError("none");
  }
  absl::StatusOr<std::optional<FrontSummary>> Front() override { return front; }
  absl::Status ForgetFront() override {
    ++fronts_forgotten;
    return absl::OkStatus();
  }
  absl::StatusOr<std::unique_ptr<SightingReader>> OpenSightings() override {
    ++sightings_opened;
    return std::make_unique<FakeSightings>(sightings);
  }
  absl::StatusOr<MapIds> PinnedMaps() override { return pinned; }
  absl::StatusOr<std::vector<AttachedProgram>> Programs(uint32_t ifindex) override {
    return programs[ifindex];
  }
  absl::StatusOr<std::unique_ptr<PacketTracer>> OpenTracer() override {
    return std::make_unique<FakeTracer>(traced);
  }
  std::string InterfaceName(uint32_t ifindex) override {
    return interfaces.contains(ifindex) ? interfaces[ifindex] : "if" + std::to_string(ifindex);
  }

  std::shared_ptr<FakeDatapath> tables = std::make_shared<FakeDatapath>();
  std::vector<std::pair<uint32_t, ov6_device>> devices;
  std::map<uint32_t, std::string> interfaces;
  std::map<Ipv4, ov6_path> paths;
  std::optional<FrontSummary> front;
  MapIds pinned = {{"routes", 7}, {"mappings", 8}};
  std::map<uint32_t, std::vector<AttachedProgram>> programs;
  FakeTracer::Script traced;
  SightingScript sightings;
  int sightings_opened = 0, fronts_forgotten = 0;
  bool there = true;
  bool writable = false;
};

class FakeDaemon : public Daemon {
 public:
  absl::StatusOr<boost::json::value> Ask(const std::string& method, const std::string& target,
                                         const boost::json::value& body) override {
    asked = method + " " + target + (body.is_null() ? "" : " " + boost::json::serialize(body));
    return answers.contains(target) ? answers.at(target) : answer;
  }
  std::string asked;
  absl::StatusOr<boost::json::value> answer = Unreachable("no daemon answers at /run/ov6/ov6d.sock");
  std::map<std::string, boost::json::value> answers;  // of targets that have one of their own
};

// One slave, two routes, two mappings, a negative, six packets counted.
class CommandTest : public testing::Test {
 protected:
  CommandTest() {
    using std::chrono::seconds;
    FakeDatapath& tables = *kernel.tables;
    tables.SetSlave(7, {.name = "chord", .kind = SlaveKind::kDht, .port = 1, .prefixes = {P("fd00::/8")}})
        .IgnoreError();
    tables.SetRoute(P("fd00::/8"), {.slave = 7, .action = Action::kTunnel}).IgnoreError();
    tables.SetRoute(P("fd12::/48"), {.slave = 0, .action = Action::kReject}).IgnoreError();
    tables
        .SetMapping(P("fd13::/48"), {.locators = {{.address = *Ipv4::Parse("198.51.100.2")}},
                                     .soft_expiry = kNow + seconds(30),
                                     .hard_expiry = kNow + seconds(60),
                                     .slave = 7})
        .IgnoreError();
    tables
        .SetMapping(P("fd13:0:0:1::/64"), {.locators = {{.address = *Ipv4::Parse("198.51.100.3"),
                                                         .encapsulation = Encapsulation::kUdp,
                                                         .port = 6080}},
                                           .soft_expiry = {},
                                           .hard_expiry = {},
                                           .flags = OV6_MAPPING_STATIC})
        .IgnoreError();
    tables.SetNegative(P("fd99::/48"), {.expiry = kNow + seconds(5), .slave = 7, .icmp_code = 3})
        .IgnoreError();
    tables.Count(OV6_VERDICT_TUNNEL, 5, 500);
    tables.Count(OV6_VERDICT_PUNT_MISS, 1, 100);
  }

  static Prefix P(const char* text) { return *Prefix::Parse(text); }

  int Do(std::vector<std::string> words, bool json = false) {
    out.str("");
    err.str("");
    Options options;
    options.json = json;
    options.socket = "/run/ov6/ov6d.sock";
    Context context{options, kernel, daemon, waiter.now, out, err, waiter};
    return ctl::Run(context, words);
  }
  boost::json::value Json(std::vector<std::string> words) {
    EXPECT_EQ(Do(std::move(words), true), 0) << err.str();
    return boost::json::parse(out.str());
  }

  FakeKernel kernel;
  FakeDaemon daemon;
  FakeWaiter waiter;
  std::ostringstream out, err;
};

}  // namespace ov6::ctl

#endif
