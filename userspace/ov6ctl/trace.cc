// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/entry_text.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/frame_text.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/longest_match.h"
#include "userspace/ov6ctl/objects.h"
#include "userspace/ov6ctl/pcap_file.h"
#include "userspace/ov6ctl/trace_words.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;
using Frame = std::span<const uint8_t>;

// --- what is known of a frame and its way ---------------------------------------

struct Trace {
  Context& context;
  TraceDevice device;
  TraceTables tables;
  SlaveNames names;
  std::unique_ptr<PacketTracer> tracer;
  std::vector<std::pair<uint32_t, ov6_device>> devices;
};

absl::StatusOr<TraceTables> ReadTables(Tables& from) {
  auto routes = from.Routes();
  if (!routes.ok()) return routes.status();
  auto mappings = from.Mappings();
  if (!mappings.ok()) return mappings.status();
  auto negatives = from.Negatives();
  if (!negatives.ok()) return negatives.status();
  return TraceTables{*std::move(routes), *std::move(mappings), *std::move(negatives)};
}

absl::StatusOr<Trace> Open(Context& context, const TraceWords& words) {
  const auto view = context.kernel.OpenTables(Access::kReadOnly);
  if (!view.ok()) return view.status();
  auto device = ChooseTraceDevice(words, context.kernel);
  if (!device.ok()) return device.status();
  auto tables = ReadTables(**view);
  if (!tables.ok()) return tables.status();
  auto names = SlaveNames::Read(**view);
  if (!names.ok()) return names.status();
  auto devices = context.kernel.Devices();
  if (!devices.ok()) return devices.status();
  auto tracer = context.kernel.OpenTracer();
  if (!tracer.ok()) return tracer.status();
  return Trace{context,           *std::move(device), *std::move(tables),
               *std::move(names), *std::move(tracer), *std::move(devices)};
}

// What the tables say of an address.
json::object DescribeEnd(const Trace& trace, const Ipv6& address) {
  json::object end = {{"address", address.ToString()}};
  if (const auto* route = LongestMatch(trace.tables.routes, address)) {
    end["route"] = Describe(route->first, route->second, trace.names);
  }
  if (const auto* mapping = LongestMatch(trace.tables.mappings, address)) {
    end["mapping"] = Describe(mapping->first, mapping->second, trace.names, trace.context.now);
  }
  if (const auto* negative = LongestMatch(trace.tables.negatives, address)) {
    end["negative"] = Describe(negative->first, negative->second, trace.names, trace.context.now);
  }
  return end;
}

json::object DescribeFrame(Frame frame, const FrameParts& parts) {
  return {
      {"bytes", frame.size()}, {"text", parts.text}, {"hex", fmt::format("{:02x}", fmt::join(frame, ""))}};
}

// The device whose address the frame leaves from; "" where XDP and TC left that to the kernel.
std::string EgressOf(const Trace& trace, const TracedRun& run) {
  if (run.result != "redirect" || run.frame.size() < 12) return "";
  for (const auto& [ifindex, device] : trace.devices) {
    if (std::equal(std::begin(device.mac), std::end(device.mac), run.frame.begin() + 6)) {
      return trace.context.kernel.InterfaceName(ifindex);
    }
  }
  return "";
}

json::object DescribeRun(const Trace& trace, const TracedRun& run, Frame before) {
  json::object object = {{"program", run.program},
                         {"result", run.result},
                         {"handed_on", !run.verdict && run.result == "pass"},
                         {"same_build", run.same_build}};
  if (run.verdict) object["level"] = run.by_front ? "front" : "tables";
  if (run.verdict) object["verdict"] = DescribeVerdict(*run.verdict);
  if (const auto egress = EgressOf(trace, run); !egress.empty()) object["out"] = egress;
  object["changed"] = !std::ranges::equal(run.frame, before);
  if (run.result != "drop") object["frame"] = DescribeFrame(run.frame, ReadFrame(run.frame));
  return object;
}

absl::StatusOr<json::object> Follow(const Trace& trace, Frame frame) {
  const auto runs = trace.tracer->Trace(trace.device.ifindex, trace.device.value, frame);
  if (!runs.ok()) return runs.status();
  const FrameParts parts = ReadFrame(frame);
  json::object object = {{"in", Describe(trace.device.ifindex, trace.device.value)},
                         {"frame", DescribeFrame(frame, parts)}};
  object["in"].as_object()["interface"] = trace.device.interface;
  if (parts.source) object["source"] = DescribeEnd(trace, *parts.source);
  if (parts.destination) object["destination"] = DescribeEnd(trace, *parts.destination);
  json::array list;
  for (const TracedRun& run : *runs) list.push_back(DescribeRun(trace, run, frame));
  object["runs"] = std::move(list);
  return object;
}

// --- as text ---------------------------------------------------------------------

std::string EndText(const json::object& trace, const char* which) {
  const auto* end = trace.if_contains(which);
  if (end == nullptr) return "";
  const json::object& object = end->as_object();
  std::string text = fmt::format("{} {}\n", which, MemberText(*end, "address"));
  const auto add = [&](const char* member, std::string (*words)(const json::value&)) {
    if (const auto* entry = object.if_contains(member)) {
      text += fmt::format("  {} {}\n", member, words(*entry));
    }
  };
  add("route", RouteText);
  add("mapping", MappingText);
  add("negative", NegativeText);
  if (object.size() == 1) text += "  no route, no mapping\n";
  return text;
}

std::vector<uint8_t> FromHex(std::string_view hex) {
  std::vector<uint8_t> bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    bytes.push_back(static_cast<uint8_t>(std::stoi(std::string(hex.substr(i, 2)), nullptr, 16)));
  }
  return bytes;
}

constexpr size_t kMostBytes = 192;  // in text

std::string FrameText(const json::value& frame) {
  const auto bytes = FromHex(MemberText(frame, "hex"));
  const size_t shown = std::min(bytes.size(), kMostBytes);
  std::string text =
      fmt::format("  {}\n", MemberText(frame, "text")) + HexDump(Frame(bytes).first(shown), "  ");
  if (shown < bytes.size()) text += fmt::format("  and {} bytes more (-j has them)\n", bytes.size() - shown);
  return text;
}

std::string RunText(const json::value& run) {
  std::string text = fmt::format("{}: {}", MemberText(run, "program"), MemberText(run, "result"));
  if (const auto out = MemberText(run, "out"); !out.empty()) text += " to " + out;
  const auto* verdict = run.as_object().if_contains("verdict");
  if (verdict == nullptr)
    return text + (MemberText(run, "handed_on") == "true" ? ", handed on to tc\n" : "\n");
  if (const auto level = MemberText(run, "level"); !level.empty()) text += ", by the " + level;
  text += fmt::format(", {} ({})\n  {}\n", MemberText(*verdict, "name"), MemberText(*verdict, "class"),
                      MemberText(*verdict, "sentence"));
  if (const auto remedy = MemberText(*verdict, "remedy"); !remedy.empty())
    text += "  to do: " + remedy + "\n";
  const auto* frame = run.as_object().if_contains("frame");
  if (frame == nullptr) return text;
  return text + (MemberText(run, "changed") == "true" ? FrameText(*frame) : "  unchanged\n");
}

std::string TraceText(const json::object& trace) {
  const json::value& in = trace.at("in");
  std::string text =
      fmt::format("in {} ({}, {}) {} bytes\n", MemberText(in, "interface"), MemberText(in, "role"),
                  MemberText(in, "xdp_door") == "true" ? "doors xdp and tc" : "door tc",
                  MemberText(trace.at("frame"), "bytes"));
  text += fmt::format("  {}\n", MemberText(trace.at("frame"), "text"));
  text += EndText(trace, "source") + EndText(trace, "destination");
  for (const auto& run : trace.at("runs").as_array()) text += RunText(run);
  return text;
}

// --- the two kinds of packets ----------------------------------------------------

// What goes wrong without being an error: on stderr, once.
void Warn(Context& context, const json::object& trace) {
  for (const auto& run : trace.at("runs").as_array()) {
    if (MemberText(run, "same_build") == "true") continue;
    context.err << fmt::format("# this ov6ctl's {} is of another build than ov6d's: results may differ\n",
                               MemberText(run, "program"));
  }
}

absl::Status TraceOne(Context& context, const TraceWords& words) {
  const auto trace = Open(context, words);
  if (!trace.ok()) return trace.status();
  const auto packet = CompletePacket(words, trace->device, trace->tables);
  if (!packet.ok()) return packet.status();
  const auto frame = MakeFrame(*packet);
  if (!frame.ok()) return frame.status();
  const auto followed = Follow(*trace, *frame);
  if (!followed.ok()) return followed.status();
  Warn(context, *followed);
  if (context.options.json) {
    context.PrintJson(*followed);
  } else {
    context.out << TraceText(*followed);
  }
  return absl::OkStatus();
}

absl::StatusOr<json::object> FollowCaptured(const Trace& trace, const PcapFile& file,
                                            const PcapFile::Packet& packet, uint64_t number) {
  if (packet.original_size > packet.bytes.size()) {
    trace.context.err << fmt::format("# packet {}: the capture has {} of its {} bytes\n", number,
                                     packet.bytes.size(), packet.original_size);
  }
  Mac to;
  std::ranges::copy(trace.device.value.mac, to.begin());
  const auto frame = file.has_ethernet() ? packet.bytes : WithEthernet(to, packet.bytes);
  auto followed = Follow(trace, frame);
  if (!followed.ok()) {
    return absl::Status(followed.status().code(),
                        fmt::format("packet {}: {}", number, std::string(followed.status().message())));
  }
  (*followed)["number"] = number;
  return followed;
}

// With -j an array.
absl::Status TraceFile(Context& context, const TraceWords& words) {
  auto file = PcapFile::Open(*words.pcap);
  if (!file.ok()) return file.status();
  const auto trace = Open(context, words);
  if (!trace.ok()) return trace.status();
  json::array list;
  for (uint64_t number = 1;; ++number) {
    const auto packet = file->Next();
    if (!packet.ok()) return packet.status();
    if (!*packet) break;
    auto followed = FollowCaptured(*trace, *file, **packet, number);
    if (!followed.ok()) return followed.status();
    if (number == 1) Warn(context, *followed);
    if (!context.options.json) {
      context.out << fmt::format("packet {} ", number) << TraceText(*followed);
    } else {
      list.push_back(*std::move(followed));
    }
  }
  if (context.options.json) context.PrintJson(list);
  return absl::OkStatus();
}

}  // namespace

absl::Status TraceObject(Context& context, Words& words) {
  const auto read = ReadTraceWords(words);
  if (!read.ok()) return read.status();
  return read->pcap ? TraceFile(context, *read) : TraceOne(context, *read);
}

}  // namespace ov6::ctl
