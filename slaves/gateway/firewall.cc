// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/firewall.h"

#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace ov6 {
namespace {

// RFC 4890 section 4.3.1: must not be dropped; and echo, without which nobody finds a fault.
constexpr std::string_view kIcmpTypes =
    "destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, echo-reply";

std::optional<uint16_t> Port(std::string_view text) {
  uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0) return std::nullopt;
  return port;
}

std::optional<Prefix> WholeOrPrefix(std::string_view text) {
  if (text == "any") return Prefix{};
  if (text.starts_with('[') && text.ends_with(']')) text = text.substr(1, text.size() - 2);
  return Prefix::Parse(text);
}

// "443", "6000-6010"
bool ReadPorts(std::string_view text, Opening* opening) {
  const size_t dash = text.find('-');
  const auto first = Port(text.substr(0, dash));
  const auto last = dash == text.npos ? first : Port(text.substr(dash + 1));
  if (!first || !last || *first > *last) return false;
  opening->first = *first;
  opening->last = *last;
  return true;
}

std::string Rule(const Opening& opening) {
  std::string rule = "meta nfproto ipv6 ";
  if (opening.prefix.length > 0) rule = fmt::format("ip6 daddr {} ", opening.prefix.ToString());
  if (!opening.protocol.empty()) rule += fmt::format("{} dport {}", opening.protocol, opening.first);
  if (opening.last != opening.first) rule += fmt::format("-{}", opening.last);
  if (rule.ends_with(' ')) rule.pop_back();
  return rule + " counter accept";
}

}  // namespace

absl::StatusOr<Opening> Opening::Parse(std::string_view text) {
  Opening opening;
  std::string_view address = text;
  bool good = true;
  // A prefix has a slash too, but behind it only digits.
  const size_t slash = text.rfind('/');
  const std::string_view protocol = slash == text.npos ? "" : text.substr(slash + 1);
  if (protocol == "tcp" || protocol == "udp") {
    const std::string_view rest = text.substr(0, slash);
    const size_t colon = rest.rfind(':');
    opening.protocol = protocol;
    good = colon != rest.npos && ReadPorts(rest.substr(colon + 1), &opening);
    address = rest.substr(0, colon);
  }
  const auto prefix = WholeOrPrefix(address);
  if (!good || !prefix) {
    return absl::InvalidArgumentError(fmt::format(
        "\"{}\" opens nothing; fd00:0:0:1::5/128:443/tcp, any:6000-6010/udp or fd00:0:0:1::5 would", text));
  }
  opening.prefix = *prefix;
  return opening;
}

std::string FirewallRules(const std::string& tun, const std::vector<Opening>& openings) {
  std::string opened;
  for (const Opening& opening : openings) opened += "    " + Rule(opening) + "\n";
  return fmt::format(R"(table inet ov6-gateway
delete table inet ov6-gateway
table inet ov6-gateway {{
  chain forward {{
    type filter hook forward priority filter + 10; policy accept;
    iifname "{0}" jump inbound
  }}
  chain input {{
    type filter hook input priority filter + 10; policy accept;
    iifname "{0}" jump inbound
  }}
  chain inbound {{
    ct state established,related accept
    icmpv6 type {{ {1} }} accept
{2}    counter drop
  }}
}}
)",
                     tun, kIcmpTypes, opened);
}

std::string FirewallRemoval() { return "table inet ov6-gateway\ndelete table inet ov6-gateway\n"; }

}  // namespace ov6
