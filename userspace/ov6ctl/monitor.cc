// SPDX-License-Identifier: Apache-2.0
#include "ov6/abi/monitor.h"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <type_traits>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/entry_text.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/frame_text.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table_watch.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;
using std::chrono::seconds;

constexpr Duration kAskEvery = seconds(1);   // the programs report for twice as long
constexpr Duration kLookEvery = seconds(1);  // at the tables
constexpr int kLookShare = 10;               // reading them takes at most a tenth of the time

// --- the words ---------------------------------------------------------------------

constexpr uint32_t kTables = 1u << 31;
constexpr uint32_t kUsual = OV6_MONITOR_DROP | OV6_MONITOR_PUNT | OV6_MONITOR_ANSWER | kTables;

struct Kind {
  std::string_view name;
  uint32_t bits;
};
constexpr Kind kKinds[] = {{"drop", OV6_MONITOR_DROP},
                           {"punt", OV6_MONITOR_PUNT},
                           {"answer", OV6_MONITOR_ANSWER},
                           {"forward", OV6_MONITOR_FORWARD},
                           {"pass", OV6_MONITOR_PASS},
                           {"map", kTables},
                           {"all", kUsual | OV6_MONITOR_FORWARD | OV6_MONITOR_PASS}};

absl::StatusOr<uint32_t> ReadKinds(Words& words) {
  uint32_t wanted = 0;
  while (const auto word = words.Next()) {
    const auto place = ChooseByName(kKinds, *word, "kind of event");
    if (!place.ok()) return place.status();
    wanted |= kKinds[*place].bits;
  }
  return wanted == 0 ? kUsual : wanted;
}

// --- one event ---------------------------------------------------------------------

Ipv6 Address(const uint8_t (&bytes)[16]) {
  Ipv6 address;
  std::copy(std::begin(bytes), std::end(bytes), address.bytes.begin());
  return address;
}

json::object Describe(const ov6_sighting& sighting, const std::string& interface) {
  const json::object verdict = DescribeVerdict(sighting.verdict);
  json::object object = {{"verdict", MemberText(verdict, "name")}, {"class", MemberText(verdict, "class")}};
  if (!verdict.contains("name")) object["verdict"] = std::to_string(sighting.verdict);
  object["in"] = interface;
  object["ifindex"] = sighting.ingress;
  const Ipv6 source = Address(sighting.source), destination = Address(sighting.destination);
  if (!source.IsZero() || !destination.IsZero()) {
    object["src"] = source.ToString();
    object["dst"] = destination.ToString();
    object["protocol"] = ProtocolText(sighting.next_header);
    object["hop_limit"] = sighting.hop_limit;
  }
  object["bytes"] = sighting.bytes;
  if (sighting.outer_source != 0) object["outer_src"] = Ipv4::FromBe(sighting.outer_source).ToString();
  return object;
}

std::string SightingText(const json::value& sighting) {
  std::string text = fmt::format("{} {} in {}", MemberText(sighting, "class"),
                                 MemberText(sighting, "verdict"), MemberText(sighting, "in"));
  if (sighting.as_object().contains("src")) {
    text += fmt::format(" {} > {} {} hlim {}", MemberText(sighting, "src"), MemberText(sighting, "dst"),
                        MemberText(sighting, "protocol"), MemberText(sighting, "hop_limit"));
  }
  text += fmt::format(" {} bytes", MemberText(sighting, "bytes"));
  const std::string outer = MemberText(sighting, "outer_src");
  return outer.empty() ? text : text + " outer " + outer;
}

// --- the watch ---------------------------------------------------------------------

class Monitor {
 public:
  Monitor(Context& context, uint32_t wanted) : context_(context), wanted_(wanted) {}

  absl::Status Run();

 private:
  absl::Status Ask(BootTime now);
  absl::Status Look(BootTime now);
  absl::Status ShowPackets();
  void ShowPacket(const ov6_sighting& sighting);
  template <typename Value>
  void ShowChanges(const char* map, TableWatch<Value>& watch,
                   const std::vector<std::pair<Prefix, Value>>& entries, const SlaveNames& names,
                   BootTime now, std::string (*text)(const json::value&));
  void Print(BootTime time, const char* type, json::object object, const std::string& text);

  Context& context_;
  uint32_t wanted_;
  std::unique_ptr<SightingReader> reader_;  // null: no packets are wanted
  BootTime next_ask_ = BootTime::max(), next_look_ = BootTime::max();
  TableWatch<Route> routes_;
  TableWatch<Mapping> mappings_;
  TableWatch<Negative> negatives_;
};

void Monitor::Print(BootTime time, const char* type, json::object object, const std::string& text) {
  const auto wall = std::chrono::floor<std::chrono::microseconds>(context_.waiter.WallTime(time));
  const auto whole = std::chrono::floor<seconds>(wall);
  const auto stamp = std::chrono::system_clock::to_time_t(whole);
  const auto fraction = (wall - whole).count();
  if (!context_.options.json) {
    context_.out << fmt::format("{:%H:%M:%S}.{:06} {}\n", fmt::localtime(stamp), fraction, text);
    return;
  }
  json::object line = {{"time", fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:06}Z", fmt::gmtime(stamp), fraction)},
                       {"type", type}};
  for (auto& member : object) line[member.key()] = std::move(member.value());
  context_.out << json::serialize(line) << "\n";
}

void Monitor::ShowPacket(const ov6_sighting& sighting) {
  const json::object object = Describe(sighting, context_.kernel.InterfaceName(sighting.ingress));
  Print(FromNanoseconds(sighting.time), "packet", object, SightingText(object));
}

absl::Status Monitor::ShowPackets() {
  return reader_->Read([this](const ov6_sighting& sighting) { ShowPacket(sighting); });
}

absl::Status Monitor::Ask(BootTime now) {
  next_ask_ = now + kAskEvery;
  const auto lost = reader_->Lost();
  if (!lost.ok()) return lost.status();
  if (*lost > 0) {
    Print(now, "lost", {{"packets", *lost}}, fmt::format("# {} packets more, too fast to be shown", *lost));
  }
  return reader_->Ask(wanted_ & ~kTables, now + 2 * kAskEvery);
}

template <typename Value>
void Monitor::ShowChanges(const char* map, TableWatch<Value>& watch,
                          const std::vector<std::pair<Prefix, Value>>& entries, const SlaveNames& names,
                          BootTime now, std::string (*text)(const json::value&)) {
  for (const auto& event : watch.Look(entries, now)) {
    const std::string change(ToString(event.change));
    json::object entry;
    if constexpr (std::is_same_v<Value, Route>) {
      entry = ctl::Describe(event.prefix, event.value, names);
    } else {
      entry = ctl::Describe(event.prefix, event.value, names, now);
    }
    const std::string words = fmt::format("{} {} {}", map, change, text(entry));
    Print(now, "map", {{"map", map}, {"event", change}, {"entry", std::move(entry)}}, words);
  }
}

// The tables are opened anew each time: another ov6d may have made others.
absl::Status Monitor::Look(BootTime now) {
  const auto tables = context_.kernel.OpenTables(Access::kReadOnly);
  if (!tables.ok()) return tables.status();
  const auto routes = (*tables)->Routes();
  if (!routes.ok()) return routes.status();
  const auto mappings = (*tables)->Mappings();
  if (!mappings.ok()) return mappings.status();
  const auto negatives = (*tables)->Negatives();
  if (!negatives.ok()) return negatives.status();
  const auto names = SlaveNames::Read(**tables);
  if (!names.ok()) return names.status();
  ShowChanges("routes", routes_, *routes, *names, now, RouteText);
  ShowChanges("mappings", mappings_, *mappings, *names, now, MappingText);
  ShowChanges("negatives", negatives_, *negatives, *names, now, NegativeText);
  next_look_ = now + std::max(kLookEvery, kLookShare * (context_.waiter.Now() - now));
  return absl::OkStatus();
}

absl::Status Monitor::Run() {
  BootTime now = context_.waiter.Now();
  if ((wanted_ & ~kTables) != 0) {
    auto reader = context_.kernel.OpenSightings();
    if (!reader.ok()) return reader.status();
    reader_ = *std::move(reader);
    next_ask_ = now;
  }
  if ((wanted_ & kTables) != 0) next_look_ = now;
  absl::Status status;
  do {
    now = context_.waiter.Now();
    if (now >= next_ask_) status.Update(Ask(now));
    if (reader_) status.Update(ShowPackets());
    if (now >= next_look_) status.Update(Look(now));
    context_.out.flush();
  } while (status.ok() && context_.out.good() &&
           context_.waiter.Wait(reader_ ? reader_->fd() : -1,
                                std::min(next_ask_, next_look_) - context_.waiter.Now()));
  return status;
}

}  // namespace

absl::Status MonitorObject(Context& context, Words& words) {
  const auto wanted = ReadKinds(words);
  if (!wanted.ok()) return wanted.status();
  return Monitor(context, *wanted).Run();
}

}  // namespace ov6::ctl
