// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/trace_words.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <algorithm>

#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/longest_match.h"

namespace ov6::ctl {
namespace {

// "ov" in the interface identifier of an address that is made up.
constexpr std::array<uint8_t, 2> kMadeUp = {0x6f, 0x76};

template <typename T, typename To>
absl::Status Take(absl::StatusOr<T> value, To* to) {
  if (!value.ok()) return value.status();
  *to = static_cast<To>(*std::move(value));
  return absl::OkStatus();
}

absl::Status TakeAddress(Words& words, std::optional<Ipv6>* to) {
  const auto address = words.NeedAddress();
  if (!address.ok()) return address.status();
  *to = *address;
  return absl::OkStatus();
}

absl::Status TakeOuter(Words& words, TraceWords* to) {
  const auto word = words.Need("an IPv4 address");
  if (!word.ok()) return word.status();
  to->outer = Ipv4::Parse(*word);
  return to->outer ? absl::OkStatus() : Usage(fmt::format("'{}' is no IPv4 address", *word));
}

absl::Status TakeEncapsulation(Words& words, TraceWords* to) {
  const auto word = words.Need("an encapsulation");
  if (!word.ok()) return word.status();
  to->encapsulation = ParseEncapsulation(*word);
  if (to->encapsulation) return absl::OkStatus();
  return Usage(fmt::format("'{}' is no encapsulation; there is 6in4 and udp", *word));
}

struct Protocol {
  std::string_view name;
  uint8_t number;
};
constexpr Protocol kProtocols[] = {{"icmp6", 58}, {"udp", 17}, {"tcp", 6}};

absl::Status TakeProtocol(Words& words, TraceWords* to) {
  const auto word = words.Need("a protocol");
  if (!word.ok()) return word.status();
  const auto place = ChooseByName(kProtocols, *word, "protocol");
  if (!place.ok()) return place.status();
  to->packet.protocol = kProtocols[*place].number;
  return absl::OkStatus();
}

template <typename T>
absl::Status TakeText(Words& words, std::string_view what, std::optional<T>* to) {
  const auto word = words.Need(what);
  if (!word.ok()) return word.status();
  *to = *word;
  return absl::OkStatus();
}

struct Keyword {
  std::string_view name;
  absl::Status (*take)(Words& words, TraceWords* to);
};
constexpr Keyword kKeywords[] = {
    {"dst", [](Words& words, TraceWords* to) { return TakeAddress(words, &to->destination); }},
    {"src", [](Words& words, TraceWords* to) { return TakeAddress(words, &to->source); }},
    {"in", [](Words& words, TraceWords* to) { return TakeText(words, "an interface", &to->in); }},
    {"pcap", [](Words& words, TraceWords* to) { return TakeText(words, "a file", &to->pcap); }},
    {"proto", TakeProtocol},
    {"sport", [](Words& words,
                 TraceWords* to) { return Take(words.NeedNumber("port", 65535), &to->packet.source_port); }},
    {"dport",
     [](Words& words, TraceWords* to) {
       return Take(words.NeedNumber("port", 65535), &to->packet.destination_port);
     }},
    {"hlim", [](Words& words,
                TraceWords* to) { return Take(words.NeedNumber("hop limit", 255), &to->packet.hop_limit); }},
    {"size",
     [](Words& words, TraceWords* to) { return Take(words.NeedNumber("size", 65535), &to->packet.size); }},
    {"outer", TakeOuter},
    {"encap", TakeEncapsulation}};

std::string Listed(const std::vector<TraceDevice>& devices) {
  std::string text;
  for (const auto& device : devices) text += (text.empty() ? "" : ", ") + device.interface;
  return text.empty() ? "none" : text;
}

absl::StatusOr<std::vector<TraceDevice>> DoorDevices(KernelView& kernel) {
  const auto devices = kernel.Devices();
  if (!devices.ok()) return devices.status();
  std::vector<TraceDevice> found;
  for (const auto& [ifindex, value] : *devices) {
    if (value.role == OV6_DEVICE_SITE || value.role == OV6_DEVICE_UNDERLAY) {
      found.push_back({kernel.InterfaceName(ifindex), ifindex, value});
    }
  }
  const auto is_here = [](const TraceDevice& d) { return d.interface != "if" + std::to_string(d.ifindex); };
  if (!found.empty() && std::ranges::none_of(found, is_here)) {
    return Refused("the datapath's devices are not in this network namespace; run ov6ctl in ov6d's");
  }
  return found;
}

// An address of a host in the site behind the device, or in any site of ours.
std::optional<Ipv6> MadeUpHost(const ov6_device* device, const TraceTables& tables) {
  Ipv6 address;
  if (device != nullptr && device->role == OV6_DEVICE_SITE) {
    std::ranges::copy(device->icmp_source, address.bytes.begin());
    address = address.Masked(64);
  }
  for (const auto& [prefix, route] : tables.routes) {
    if (address.IsZero() && route.action == Action::kSite && prefix.length <= 112) address = prefix.address;
  }
  if (address.IsZero()) return std::nullopt;
  std::ranges::copy(kMadeUp, address.bytes.end() - kMadeUp.size());
  return address;
}

absl::StatusOr<Outer> CompleteOuter(const TraceWords& words, const ov6_device& device,
                                    const TraceTables& tables) {
  Outer outer{.source = {},
              .destination = Ipv4::FromBe(device.address),
              .encapsulation = words.encapsulation.value_or(static_cast<Encapsulation>(device.encapsulation)),
              .udp_port = ntohs(device.udp_port)};
  const auto* mapping = LongestMatch(tables.mappings, *words.source);
  if (words.outer) {
    outer.source = *words.outer;
  } else if (mapping != nullptr && !mapping->second.locators.empty()) {
    outer.source = mapping->second.locators[0].address;
  } else {
    return Usage(fmt::format("'outer IPV4' is missing: no mapping says where {} sends from",
                             words.source->ToString()));
  }
  return outer;
}

}  // namespace

absl::StatusOr<TraceWords> ReadTraceWords(Words& words) {
  TraceWords read;
  while (const auto word = words.Next()) {
    if (const auto address = Ipv6::Parse(*word)) {
      read.destination = address;
      continue;
    }
    const auto place = ChooseByName(kKeywords, *word, "word");
    if (!place.ok()) return place.status();
    if (auto status = kKeywords[*place].take(words, &read); !status.ok()) return status;
  }
  if (read.pcap && (read.destination || read.source || read.outer)) {
    return Usage("a pcap file has its own addresses: dst, src and outer don't go with it");
  }
  if (!read.pcap && !read.destination && !read.source)
    return Usage("a destination or a pcap file is missing");
  return read;
}

absl::StatusOr<TraceDevice> ChooseTraceDevice(const TraceWords& words, KernelView& kernel) {
  const auto devices = DoorDevices(kernel);
  if (!devices.ok()) return devices.status();
  const auto role = words.outer ? OV6_DEVICE_UNDERLAY : OV6_DEVICE_SITE;
  std::vector<TraceDevice> candidates;
  for (const TraceDevice& device : *devices) {
    const bool own = device.interface.starts_with("ov6-");  // made by ov6d: only by its name
    const bool fits = words.in ? device.interface == *words.in : device.value.role == role && !own;
    if (fits) candidates.push_back(device);
  }
  if (candidates.size() == 1) return candidates[0];
  if (words.in) {
    return NotFound(fmt::format("there is no door at {}; doors are at: {}", *words.in, Listed(*devices)));
  }
  return Usage(fmt::format("'in IFACE' is missing: doors are at {}",
                           Listed(candidates.empty() ? *devices : candidates)));
}

absl::StatusOr<TracePacket> CompletePacket(const TraceWords& words, const TraceDevice& device,
                                           const TraceTables& tables) {
  TracePacket packet = words.packet;
  std::ranges::copy(device.value.mac, packet.to.begin());
  const bool underlay = device.value.role == OV6_DEVICE_UNDERLAY;
  if (!underlay && words.outer)
    return Usage(fmt::format("{} is a site: no tunnel ends there", device.interface));
  if (underlay && !words.source)
    return Usage("'src ADDRESS' is missing: whom the tunnel packet says it is from");
  if (!underlay && !words.destination) return Usage("'dst ADDRESS' is missing");
  const auto own = MadeUpHost(underlay ? nullptr : &device.value, tables);
  if ((!words.source || !words.destination) && !own) {
    return Usage("there is no site route to make an address up in: say both 'src ADDRESS' and 'dst ADDRESS'");
  }
  packet.source = words.source ? *words.source : *own;
  packet.destination = words.destination ? *words.destination : *own;
  if (!underlay) return packet;
  const auto outer = CompleteOuter(words, device.value, tables);
  if (!outer.ok()) return outer.status();
  packet.outer = *outer;
  return packet;
}

}  // namespace ov6::ctl
