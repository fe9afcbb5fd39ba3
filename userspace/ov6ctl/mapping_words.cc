// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/mapping_words.h"

#include <fmt/format.h>

#include "ov6/abi/config.h"
#include "userspace/ov6ctl/exit_code.h"

namespace ov6::ctl {
namespace {

constexpr uint32_t kLongestLifetime = 24 * 3600;  // seconds; as docs/slave-protocol.md

absl::StatusOr<Locator> ReadVia(Words& words, uint8_t priority) {
  const auto word = words.Need("a locator (an IPv4 address, for UDP with a port)");
  if (!word.ok()) return word.status();
  Locator locator;
  locator.priority = priority;
  if (const auto endpoint = Endpoint::Parse(*word)) {
    locator.address = endpoint->address;
    locator.port = endpoint->port;
    locator.encapsulation = Encapsulation::kUdp;
    return locator;
  }
  const auto address = Ipv4::Parse(*word);
  if (!address)
    return Usage(fmt::format("'{}' is no locator; 198.51.100.2 and 198.51.100.2:6080 are", *word));
  locator.address = *address;
  return locator;
}

absl::Status ReadEncapsulation(Words& words, Locator* locator) {
  const auto word = words.Need("an encapsulation");
  if (!word.ok()) return word.status();
  const auto encapsulation = ParseEncapsulation(*word);
  if (!encapsulation) return Usage(fmt::format("'{}' is no encapsulation; 6in4 and udp are", *word));
  if (*encapsulation == Encapsulation::k6in4 && locator->port != 0) {
    return Usage(fmt::format("{} has a port, and 6in4 has none", locator->ToString()));
  }
  locator->encapsulation = *encapsulation;
  if (*encapsulation == Encapsulation::kUdp && locator->port == 0) locator->port = OV6_UDP_PORT;
  return absl::OkStatus();
}

// What may stand behind a locator.
absl::Status ReadLocatorWords(Words& words, Locator* locator) {
  while (true) {
    if (words.Skip("encap")) {
      if (auto status = ReadEncapsulation(words, locator); !status.ok()) return status;
    } else if (words.Skip("priority")) {
      const auto priority = words.NeedNumber("priority", 255);
      if (!priority.ok()) return priority.status();
      locator->priority = static_cast<uint8_t>(*priority);
    } else if (words.Skip("mtu")) {
      const auto mtu = words.NeedNumber("MTU", 65535);
      if (!mtu.ok()) return mtu.status();
      locator->mtu = static_cast<uint16_t>(*mtu);
    } else {
      return absl::OkStatus();
    }
  }
}

absl::Status ReadLocators(Words& words, MappingWords* mapping) {
  while (words.Skip("via")) {
    if (mapping->locators.size() == OV6_MAX_LOCATORS) {
      return Usage(fmt::format("more than {} locators for {}", OV6_MAX_LOCATORS, mapping->prefix.ToString()));
    }
    auto locator = ReadVia(words, static_cast<uint8_t>(mapping->locators.size() + 1));
    if (!locator.ok()) return locator.status();
    if (auto status = ReadLocatorWords(words, &*locator); !status.ok()) return status;
    mapping->locators.push_back(*locator);
  }
  if (!mapping->locators.empty()) return absl::OkStatus();
  return Usage(fmt::format("{} needs 'via' and a locator", mapping->prefix.ToString()));
}

absl::Status ReadLifetime(Words& words, MappingWords* mapping) {
  if (words.Skip("static")) return absl::OkStatus();
  if (!words.Skip("lifetime")) return absl::OkStatus();
  const auto seconds = words.NeedNumber("lifetime in seconds", kLongestLifetime);
  if (!seconds.ok()) return seconds.status();
  if (*seconds == 0) return Usage("a lifetime of 0 s; 'mapping del' takes a mapping away");
  mapping->lifetime_s = *seconds;
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<MappingWords> ReadMappingWords(Words& words) {
  const auto prefix = words.NeedPrefix();
  if (!prefix.ok()) return prefix.status();
  MappingWords mapping{.prefix = *prefix, .locators = {}, .lifetime_s = std::nullopt};
  if (auto status = ReadLocators(words, &mapping); !status.ok()) return status;
  if (auto status = ReadLifetime(words, &mapping); !status.ok()) return status;
  if (auto status = words.Finish(); !status.ok()) return status;
  return mapping;
}

std::string FormatMappingWords(const MappingWords& mapping) {
  std::string text = mapping.prefix.ToString();
  for (const Locator& locator : mapping.locators) {
    const bool udp = locator.encapsulation == Encapsulation::kUdp;
    text += fmt::format(" via {}{} encap {} priority {}", locator.address.ToString(),
                        udp ? fmt::format(":{}", locator.port) : "", ToString(locator.encapsulation),
                        locator.priority);
    if (locator.mtu != 0) text += fmt::format(" mtu {}", locator.mtu);
  }
  return text + (mapping.lifetime_s ? fmt::format(" lifetime {}", *mapping.lifetime_s) : " static");
}

}  // namespace ov6::ctl
