// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <functional>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/longest_match.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/table.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;
using Align = Table::Align;

// --- reading -------------------------------------------------------------------

struct View {
  Context& context;
  std::shared_ptr<Tables> tables;
  SlaveNames names;
};

absl::StatusOr<View> Open(Context& context) {
  auto tables = context.kernel.OpenTables(Access::kReadOnly);
  if (!tables.ok()) return tables.status();
  auto names = SlaveNames::Read(**tables);
  if (!names.ok()) return names.status();
  return View{context, *std::move(tables), *std::move(names)};
}

template <typename Entries>
absl::StatusOr<json::array> Describes(absl::StatusOr<Entries> entries, const auto& describe) {
  if (!entries.ok()) return entries.status();
  std::sort(entries->begin(), entries->end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  json::array array;
  for (const auto& [key, value] : *entries) array.push_back(describe(key, value));
  return array;
}

absl::StatusOr<json::array> ReadRoutes(View& view) {
  return Describes(view.tables->Routes(),
                   [&](const auto& key, const auto& value) { return Describe(key, value, view.names); });
}

absl::StatusOr<json::array> ReadMappings(View& view) {
  return Describes(view.tables->Mappings(), [&](const auto& key, const auto& value) {
    return Describe(key, value, view.names, view.context.now);
  });
}

absl::StatusOr<json::array> ReadNegatives(View& view) {
  return Describes(view.tables->Negatives(), [&](const auto& key, const auto& value) {
    return Describe(key, value, view.names, view.context.now);
  });
}

absl::StatusOr<json::array> ReadPaths(View& view) {
  const auto config = view.tables->Config();
  if (!config.ok()) return config.status();
  const std::chrono::seconds lifetime(config->path_mtu_lifetime != 0 ? config->path_mtu_lifetime
                                                                     : OV6_DEFAULT_PATH_MTU_LIFETIME);
  return Describes(view.context.kernel.Paths(), [&](const auto& key, const auto& value) {
    return Describe(key, value, lifetime, view.context.now);
  });
}

absl::StatusOr<json::array> ReadSlaves(View& view) {
  return Describes(view.tables->Slaves(), [](auto key, const auto& value) { return Describe(key, value); });
}

absl::StatusOr<json::array> ReadDevices(View& view) {
  return Describes(view.context.kernel.Devices(),
                   [](auto key, const auto& value) { return Describe(key, value); });
}

absl::StatusOr<json::array> ReadVerdicts(View& view) {
  const auto counts = view.tables->Verdicts();
  if (!counts.ok()) return counts.status();
  return DescribeVerdicts(*counts, true);
}

absl::StatusOr<json::array> ReadConfig(View& view) {
  const auto config = view.tables->Config();
  if (!config.ok()) return config.status();
  return json::array{Describe(*config)};
}

// One row, if it is on.
absl::StatusOr<json::array> ReadFront(View& view) {
  const auto front = view.context.kernel.Front();
  if (!front.ok()) return front.status();
  if (!*front) return json::array{};
  const FrontSummary& is = **front;
  return json::array{json::object{{"sets", is.sets},
                                  {"entries", is.entries},
                                  {"capacity", is.capacity},
                                  {"hits", is.hits},
                                  {"misses", is.counts.misses},
                                  {"filled", is.counts.filled},
                                  {"evicted", is.counts.evicted}}};
}

// --- as text ---------------------------------------------------------------------

std::string LocatorText(const json::value& locator) {
  const std::string address = MemberText(locator, "address");
  if (MemberText(locator, "encapsulation") != "udp") return address;
  return fmt::format("{}:{}/udp", address, MemberText(locator, "port"));
}

std::string LocatorsText(const json::value& mapping) {
  std::string text;
  for (const auto& locator : mapping.at("locators").as_array()) {
    text += (text.empty() ? "" : ",") + LocatorText(locator);
  }
  return text;
}

std::string FlagsText(const json::value& entry) {
  std::string text;
  for (const char* flag : {"static", "former", "stale", "expired"}) {
    if (MemberText(entry, flag) == "true") text += (text.empty() ? "" : ",") + std::string(flag);
  }
  const std::string why = MemberText(entry, "why");
  return why.empty() ? text : text + ":" + why;
}

std::string OrDash(std::string text) { return text.empty() ? "-" : text; }

std::vector<std::string> MappingCells(const json::value& mapping) {
  return {MemberText(mapping, "prefix"),
          LocatorsText(mapping),
          OrDash(MemberText(mapping, "ttl_s")),
          OrDash(MemberText(mapping, "soft_ttl_s")),
          OrDash(MemberText(mapping, "age_s")),
          MemberText(mapping, "slave"),
          FlagsText(mapping)};
}

std::vector<std::string> NegativeCells(const json::value& negative) {
  return {MemberText(negative, "prefix"), MemberText(negative, "reason"), MemberText(negative, "icmp_code"),
          MemberText(negative, "ttl_s"),  MemberText(negative, "slave"),  FlagsText(negative)};
}

// A cell for each of the members; "-" where there is none.
template <size_t N>
std::vector<std::string> Members(const json::value& entry, const char* const (&names)[N]) {
  std::vector<std::string> cells;
  for (const char* name : names) cells.push_back(OrDash(MemberText(entry, name)));
  return cells;
}

constexpr const char* kRouteMembers[] = {"dst", "action", "slave", "relay"};
constexpr const char* kPathMembers[] = {"address", "mtu", "ttl_s", "age_s"};
constexpr const char* kSlaveMembers[] = {"id", "name", "kind", "state", "port", "prefixes"};
constexpr const char* kDeviceMembers[] = {"ifindex", "role",          "mtu",      "xdp_door", "xdp_target",
                                          "address", "encapsulation", "udp_port", "slot",     "icmp_source"};
constexpr const char* kVerdictMembers[] = {"number", "name", "class", "packets", "bytes"};
constexpr const char* kFrontMembers[] = {"sets",   "entries", "capacity", "hits",
                                         "misses", "filled",  "evicted"};
constexpr const char* kConfigMembers[] = {"abi_version", "enabled",    "fib_ifindex",
                                          "next_slave",  "punt_rate",  "punt_burst",
                                          "icmp_rate",   "icmp_burst", "dscp"};

std::vector<std::string> PathCells(const json::value& path) {
  auto cells = Members(path, kPathMembers);
  if (cells[1] == "0") cells[1] = "-";  // nobody complained
  return cells;
}

struct Map {
  std::string_view name;
  absl::StatusOr<json::array> (*read)(View&);
  std::vector<Table::Column> columns;
  std::vector<std::string> (*cells)(const json::value& entry);
  enum class Key { kPrefix, kIpv4, kOther } key;  // what `get` looks for; kOther: it does not
};

const Map kMaps[] = {
    {"routes",
     ReadRoutes,
     {{"PREFIX"}, {"ACTION"}, {"SLAVE"}, {"RELAY"}},
     [](const json::value& e) { return Members(e, kRouteMembers); },
     Map::Key::kPrefix},
    {"mappings",
     ReadMappings,
     {{"PREFIX"},
      {"LOCATORS"},
      {"TTL", Align::kRight},
      {"REFRESH", Align::kRight},
      {"AGE", Align::kRight},
      {"SLAVE"},
      {"FLAGS"}},
     MappingCells,
     Map::Key::kPrefix},
    {"negatives",
     ReadNegatives,
     {{"PREFIX"}, {"REASON"}, {"CODE", Align::kRight}, {"TTL", Align::kRight}, {"SLAVE"}, {"FLAGS"}},
     NegativeCells,
     Map::Key::kPrefix},
    {"locators",
     ReadPaths,
     {{"ADDRESS"}, {"MTU", Align::kRight}, {"TTL", Align::kRight}, {"AGE", Align::kRight}},
     PathCells,
     Map::Key::kIpv4},
    {"slaves",
     ReadSlaves,
     {{"ID", Align::kRight}, {"NAME"}, {"KIND"}, {"STATE"}, {"PORT", Align::kRight}, {"PREFIXES"}},
     [](const json::value& e) { return Members(e, kSlaveMembers); },
     Map::Key::kOther},
    {"devices",
     ReadDevices,
     {{"IFINDEX", Align::kRight},
      {"ROLE"},
      {"MTU", Align::kRight},
      {"XDP"},
      {"TARGET"},
      {"ADDRESS"},
      {"ENCAP"},
      {"UDP"},
      {"SLOT"},
      {"ICMP-SOURCE"}},
     [](const json::value& e) { return Members(e, kDeviceMembers); },
     Map::Key::kOther},
    {"verdicts",
     ReadVerdicts,
     {{"NUMBER", Align::kRight}, {"NAME"}, {"CLASS"}, {"PACKETS", Align::kRight}, {"BYTES", Align::kRight}},
     [](const json::value& e) { return Members(e, kVerdictMembers); },
     Map::Key::kOther},
    {"front",
     ReadFront,
     {{"SETS", Align::kRight},
      {"ENTRIES", Align::kRight},
      {"CAPACITY", Align::kRight},
      {"HITS", Align::kRight},
      {"MISSES", Align::kRight},
      {"FILLED", Align::kRight},
      {"EVICTED", Align::kRight}},
     [](const json::value& e) { return Members(e, kFrontMembers); },
     Map::Key::kOther},
    {"config",
     ReadConfig,
     {{"ABI"},
      {"ENABLED"},
      {"FIB-IFINDEX"},
      {"NEXT-SLAVE"},
      {"PUNT-RATE"},
      {"BURST"},
      {"ICMP-RATE"},
      {"BURST"},
      {"DSCP"}},
     [](const json::value& e) { return Members(e, kConfigMembers); },
     Map::Key::kOther},
};

void PrintTable(Context& context, const Map& map, const json::array& entries) {
  Table table(map.columns);
  for (const auto& entry : entries) table.Add(map.cells(entry));
  context.PrintKernelHead();
  context.out << table.ToString();
}

absl::StatusOr<const Map*> NeedMap(Words& words) {
  const auto word = words.Need("a map's name");
  if (!word.ok()) return word.status();
  const auto place = ChooseByName(kMaps, *word, "map");
  if (!place.ok()) return place.status();
  return &kMaps[*place];
}

// --- verbs -----------------------------------------------------------------------

json::array DescribeMaps(const std::vector<MapSummary>& maps) {
  json::array array;
  for (const MapSummary& map : maps) {
    json::object object = {{"name", map.name}, {"type", map.type}};
    if (map.entries) object["entries"] = *map.entries;
    object["max_entries"] = map.max_entries;
    array.push_back(std::move(object));
  }
  return array;
}

absl::Status PrintCacheSummary(Context& context) {
  auto view = Open(context);
  if (!view.ok()) return view.status();
  const auto mappings = ReadMappings(*view);
  if (!mappings.ok()) return mappings.status();
  const auto count = [&](const char* flag) {
    return std::count_if(mappings->begin(), mappings->end(),
                         [&](const json::value& mapping) { return MemberText(mapping, flag) == "true"; });
  };
  context.out << fmt::format("map-cache: {} mappings, {} static, {} stale, {} expired\n", mappings->size(),
                             count("static"), count("stale"), count("expired"));
  return absl::OkStatus();
}

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto maps = context.kernel.Maps();
  if (!maps.ok()) return maps.status();
  const auto array = DescribeMaps(*maps);
  if (context.options.json) {
    context.PrintJson(array);
    return absl::OkStatus();
  }
  Table table({{"MAP"}, {"TYPE"}, {"ENTRIES", Align::kRight}, {"MAX", Align::kRight}});
  static constexpr const char* kMembers[] = {"name", "type", "entries", "max_entries"};
  for (const auto& map : array) table.Add(Members(map, kMembers));
  context.PrintKernelHead();
  context.out << table.ToString();
  return PrintCacheSummary(context);
}

absl::Status Dump(Context& context, Words& words) {
  const auto map = NeedMap(words);
  if (!map.ok()) return map.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  auto view = Open(context);
  if (!view.ok()) return view.status();
  const auto entries = (*map)->read(*view);
  if (!entries.ok()) return entries.status();
  if (context.options.json) {
    context.PrintJson(*entries);
  } else {
    PrintTable(context, **map, *entries);
  }
  return absl::OkStatus();
}

// The entry whose prefix ("dst" in routes) is the longest that covers the address.
const json::value* LongestOf(const json::array& entries, const Ipv6& address) {
  std::vector<std::pair<Prefix, const json::value*>> prefixes;
  for (const auto& entry : entries) {
    const std::string text = MemberText(entry, "prefix") + MemberText(entry, "dst");
    if (const auto prefix = Prefix::Parse(text)) prefixes.emplace_back(*prefix, &entry);
  }
  const auto* found = LongestMatch(prefixes, address);
  return found == nullptr ? nullptr : found->second;
}

absl::StatusOr<Ipv4> NeedIpv4(Words& words) {
  const auto word = words.Need("an IPv4 address");
  if (!word.ok()) return word.status();
  if (const auto address = Ipv4::Parse(*word)) return *address;
  return Usage(fmt::format("'{}' is no IPv4 address", *word));
}

// What `get` is to find: for an IPv6 address the longest prefix, for an IPv4 address itself.
using Finder = std::function<const json::value*(const json::array&)>;

absl::StatusOr<std::pair<std::string, Finder>> NeedKey(const Map& map, Words& words) {
  if (map.key == Map::Key::kPrefix) {
    const auto address = words.NeedAddress();
    if (!address.ok()) return address.status();
    return std::pair<std::string, Finder>(
        address->ToString(), [at = *address](const json::array& entries) { return LongestOf(entries, at); });
  }
  const auto address = NeedIpv4(words);
  if (!address.ok()) return address.status();
  const std::string text = address->ToString();
  return std::pair<std::string, Finder>(text, [text](const json::array& entries) -> const json::value* {
    const auto found = std::ranges::find_if(
        entries, [&](const json::value& entry) { return MemberText(entry, "address") == text; });
    return found == entries.end() ? nullptr : &*found;
  });
}

absl::Status Get(Context& context, Words& words) {
  const auto map = NeedMap(words);
  if (!map.ok()) return map.status();
  if ((*map)->key == Map::Key::kOther) {
    return Usage(fmt::format(
        "'{}' has no addresses to match; routes, mappings, negatives and locators have. See 'map dump {}'",
        (*map)->name, (*map)->name));
  }
  const auto key = NeedKey(**map, words);
  if (!key.ok()) return key.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  auto view = Open(context);
  if (!view.ok()) return view.status();
  const auto entries = (*map)->read(*view);
  if (!entries.ok()) return entries.status();
  const auto* found = key->second(*entries);
  if (found == nullptr) return NotFound(fmt::format("nothing in '{}' covers {}", (*map)->name, key->first));
  if (context.options.json) {
    context.PrintJson(*found);
  } else {
    PrintTable(context, **map, {*found});
  }
  return absl::OkStatus();
}

absl::Status DeletePaths(Context& context) {
  const auto paths = context.kernel.Paths();
  if (!paths.ok()) return paths.status();
  for (const auto& [address, path] : *paths) {
    const auto status = context.kernel.DeletePath(address);
    if (!status.ok() && !absl::IsNotFound(status)) return status;
  }
  return absl::OkStatus();
}

absl::Status ForgetFront(Context& context, Words& words) {
  if (!words.Skip("all")) return Usage("of the front all is forgotten: map del front all");
  auto status = words.Finish();
  return status.ok() ? context.kernel.ForgetFront() : status;
}

// Of what is in the maps only path MTUs and the front are nobody's: the programs learn them again.
absl::Status Delete(Context& context, Words& words) {
  const auto map = NeedMap(words);
  if (!map.ok()) return map.status();
  if ((*map)->name == std::string_view("front")) return ForgetFront(context, words);
  if ((*map)->key != Map::Key::kIpv4) {
    return Usage(
        fmt::format("entries of '{}' are not deleted here; of locators and front they are", (*map)->name));
  }
  if (words.Skip("all")) {
    auto status = words.Finish();
    return status.ok() ? DeletePaths(context) : status;
  }
  const auto address = NeedIpv4(words);
  if (!address.ok()) return address.status();
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto status = context.kernel.DeletePath(*address);
  if (!absl::IsNotFound(status)) return status;
  return NotFound(fmt::format("nothing in 'locators' is about {}", address->ToString()));
}

constexpr Verb kVerbs[] = {
    {"show", Show}, {"dump", Dump}, {"get", Get}, {"del", Delete}, {"verify", VerifyMaps}};

}  // namespace

absl::Status MapObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
