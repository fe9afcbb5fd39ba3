// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/frame_text.h"

#include <fmt/format.h>
#include <linux/if_ether.h>
#include <netinet/in.h>

#include <algorithm>

#include "ov6/abi/config.h"
#include "ov6/abi/port.h"
#include "userspace/base/bytes.h"

namespace ov6::ctl {
namespace {

constexpr int kDeepest = 12;  // headers

struct Name {
  int number;
  const char* text;
};

template <size_t N>
std::string NameOf(const Name (&names)[N], int number, const std::string& otherwise) {
  for (const Name& name : names) {
    if (name.number == number) return name.text;
  }
  return otherwise;
}

constexpr Name kProtocols[] = {{IPPROTO_ICMP, "icmp"},
                               {IPPROTO_TCP, "tcp"},
                               {IPPROTO_UDP, "udp"},
                               {IPPROTO_IPV6, "6in4"},
                               {IPPROTO_HOPOPTS, "hop-by-hop"},
                               {IPPROTO_ROUTING, "routing"},
                               {IPPROTO_FRAGMENT, "fragment"},
                               {IPPROTO_ESP, "esp"},
                               {IPPROTO_AH, "ah"},
                               {IPPROTO_ICMPV6, "icmp6"},
                               {IPPROTO_NONE, "nothing"},
                               {IPPROTO_DSTOPTS, "destination-options"},
                               {132, "sctp"}};

constexpr Name kIcmp6[] = {
    {1, "destination unreachable"},  {2, "packet too big"},         {3, "time exceeded"},
    {4, "parameter problem"},        {128, "echo request"},         {129, "echo reply"},
    {133, "router solicitation"},    {134, "router advertisement"}, {135, "neighbour solicitation"},
    {136, "neighbour advertisement"}};

constexpr Name kIcmp4[] = {
    {0, "echo reply"}, {3, "destination unreachable"}, {8, "echo request"}, {11, "time exceeded"}};

constexpr Name kPortTypes[] = {{OV6_PORT_PUNT, "punt"},
                               {OV6_PORT_RESUBMIT_OUT, "resubmit out"},
                               {OV6_PORT_RESUBMIT_IN, "resubmit in"},
                               {OV6_PORT_DELIVER, "deliver"}};
constexpr Name kReasons[] = {{OV6_PUNT_MISS, "miss"}, {OV6_PUNT_ROUTE, "route"}, {OV6_PUNT_VERIFY, "verify"}};

// What the next bytes are: an EtherType, or an IP protocol with kIpProtocol set.
constexpr uint32_t kIpProtocol = 1 << 16;
constexpr uint32_t kEnd = 1 << 17;

// Goes through a frame from header to header.
class Reader {
 public:
  explicit Reader(std::span<const uint8_t> frame) : bytes_(frame) {}

  FrameParts Read() {
    uint32_t next = Ethernet();
    for (int i = 0; i < kDeepest && next != kEnd; ++i) next = Header(next);
    return std::move(parts_);
  }

 private:
  void Say(const std::string& words) { parts_.text += (parts_.text.empty() ? "" : " | ") + words; }
  uint32_t CutShort(const std::string& what) {
    Say(what + " (cut short)");
    return kEnd;
  }

  uint32_t Ethernet() {
    const auto to = bytes_.Take(6), from = bytes_.Take(6);
    const uint16_t type = bytes_.U16();
    if (!bytes_.ok()) return CutShort("ethernet");
    Say(fmt::format("{} > {}", MacText(from.first<6>()), MacText(to.first<6>())));
    return type;
  }

  uint32_t Header(uint32_t next) {
    switch (next) {
      case ETH_P_IPV6:
      case kIpProtocol | IPPROTO_IPV6:
        return V6();
      case ETH_P_IP:
        return V4();
      case OV6_ETH_P_PORT:
        return Port();
      case kIpProtocol | IPPROTO_UDP:
        return Udp();
      case kIpProtocol | IPPROTO_TCP:
        return Tcp();
      case kIpProtocol | IPPROTO_ICMPV6:
        return Icmp6();
      case kIpProtocol | IPPROTO_ICMP:
        return Icmp4();
      case kIpProtocol | IPPROTO_HOPOPTS:
      case kIpProtocol | IPPROTO_ROUTING:
      case kIpProtocol | IPPROTO_DSTOPTS:
        return Extension(static_cast<uint8_t>(next));
      default:
        Say(next & kIpProtocol ? ProtocolText(static_cast<uint8_t>(next))
                               : fmt::format("ethertype {:#06x}", next));
        return kEnd;
    }
  }

  static Ipv6 Address(std::span<const uint8_t> bytes) {
    Ipv6 address;
    std::ranges::copy(bytes, address.bytes.begin());
    return address;
  }
  static std::string EcnText(int ecn) {
    static constexpr const char* kTexts[] = {"", " ect1", " ect0", " ce"};
    return kTexts[ecn & 3];
  }

  uint32_t V6() {
    const uint32_t first = bytes_.U32();
    const uint16_t payload = bytes_.U16();
    const uint8_t protocol = bytes_.U8(), hop_limit = bytes_.U8();
    const auto from = bytes_.Take(16), to = bytes_.Take(16);
    if (!bytes_.ok()) return CutShort("ipv6");
    if (!parts_.source) {
      parts_.source = Address(from);
      parts_.destination = Address(to);
    }
    Say(fmt::format("ipv6 {} > {} hlim {}{} {} bytes", Address(from).ToString(), Address(to).ToString(),
                    hop_limit, EcnText(first >> 20 & 3), 40 + payload));
    return kIpProtocol | protocol;
  }

  uint32_t V4() {
    const uint8_t first = bytes_.U8(), tos = bytes_.U8();
    const uint16_t length = bytes_.U16();
    bytes_.U16();
    const uint16_t fragment = bytes_.U16();
    const uint8_t ttl = bytes_.U8(), protocol = bytes_.U8();
    bytes_.U16();
    const Ipv4 from{bytes_.U32()}, to{bytes_.U32()};
    bytes_.Take(static_cast<size_t>(std::max(0, (first & 15) * 4 - 20)));
    if (!bytes_.ok()) return CutShort("ipv4");
    if (!parts_.outer_source) parts_.outer_source = from;
    const int offset = (fragment & 0x1fff) * 8;
    Say(fmt::format("ipv4 {} > {} ttl {}{}{}{} {} bytes", from.ToString(), to.ToString(), ttl,
                    fragment & 0x4000 ? " df" : "",
                    fragment & 0x3fff ? fmt::format(" fragment at {}", offset) : "", EcnText(tos & 3),
                    length));
    if (offset > 0) return kEnd;
    return kIpProtocol | protocol;
  }

  uint32_t Udp() {
    const uint16_t from = bytes_.U16(), to = bytes_.U16();
    bytes_.U32();
    if (!bytes_.ok()) return CutShort("udp");
    Say(fmt::format("udp {} > {}", from, to));
    // IPv6 right behind UDP: only a tunnel's, and only outside of IPv6.
    if (parts_.source || to != OV6_UDP_PORT) return kEnd;
    return ETH_P_IPV6;
  }

  uint32_t Tcp() {
    const uint16_t from = bytes_.U16(), to = bytes_.U16();
    bytes_.Take(9);
    const uint8_t flags = bytes_.U8();
    if (!bytes_.ok()) return CutShort("tcp");
    std::string text;
    static constexpr const char* kFlags[] = {"fin", "syn", "rst", "psh", "ack", "urg"};
    for (size_t i = 0; i < std::size(kFlags); ++i) {
      if (flags >> i & 1) text += std::string(" ") + kFlags[i];
    }
    Say(fmt::format("tcp {} > {}{}", from, to, text));
    return kEnd;
  }

  uint32_t Icmp6() {
    const uint8_t type = bytes_.U8(), code = bytes_.U8();
    bytes_.U16();
    const uint32_t word = bytes_.U32();
    if (!bytes_.ok()) return CutShort("icmp6");
    std::string text = "icmp6 " + NameOf(kIcmp6, type, fmt::format("type {}", type));
    if (type < 128) text += fmt::format(" code {}", code);
    if (type == 2) text += fmt::format(" mtu {}", word);
    Say(text + (type < 128 ? " about" : ""));
    return type < 128 ? ETH_P_IPV6 : kEnd;
  }

  uint32_t Icmp4() {
    const uint8_t type = bytes_.U8(), code = bytes_.U8();
    bytes_.U32();
    const uint16_t mtu = bytes_.U16();
    if (!bytes_.ok()) return CutShort("icmp");
    std::string text = "icmp " + NameOf(kIcmp4, type, fmt::format("type {}", type));
    const bool error = type == 3 || type == 11;
    if (error) text += fmt::format(" code {}", code);
    if (type == 3 && code == 4) text += fmt::format(" mtu {}", mtu);
    Say(text + (error ? " about" : ""));
    return error ? uint32_t{ETH_P_IP} : kEnd;
  }

  uint32_t Extension(uint8_t protocol) {
    const uint8_t next = bytes_.U8(), length = bytes_.U8();
    bytes_.Take(size_t{length} * 8 + 6);
    if (!bytes_.ok()) return CutShort(ProtocolText(protocol));
    Say(ProtocolText(protocol));
    return kIpProtocol | next;
  }

  // The packet behind it begins with its version.
  uint32_t Port() {
    bytes_.U8();
    const uint8_t type = bytes_.U8(), reason = bytes_.U8();
    bytes_.U8();
    const uint16_t slot = bytes_.U16();
    bytes_.U16();
    const uint32_t slave = bytes_.U32(), ingress = bytes_.U32();
    if (!bytes_.ok()) return CutShort("slave port");
    Say(fmt::format("slave port {}: {} {} for slave {} from device {}", slot,
                    NameOf(kPortTypes, type, std::to_string(type)),
                    NameOf(kReasons, reason, std::to_string(reason)), slave, ingress));
    return reason == OV6_PUNT_VERIFY ? ETH_P_IP : ETH_P_IPV6;
  }

  ByteReader bytes_;
  FrameParts parts_;
};

}  // namespace

FrameParts ReadFrame(std::span<const uint8_t> frame) { return Reader(frame).Read(); }

std::string MacText(std::span<const uint8_t, 6> mac) { return fmt::format("{:02x}", fmt::join(mac, ":")); }

std::string ProtocolText(uint8_t protocol) { return NameOf(kProtocols, protocol, std::to_string(protocol)); }

std::string HexDump(std::span<const uint8_t> bytes, const std::string& indent) {
  constexpr size_t kLine = 16;
  std::string text;
  for (size_t at = 0; at < bytes.size(); at += kLine) {
    const auto line = bytes.subspan(at, std::min(kLine, bytes.size() - at));
    std::string hex, letters;
    for (const uint8_t byte : line) {
      hex += fmt::format("{:02x} ", byte);
      letters += byte >= 0x20 && byte < 0x7f ? static_cast<char>(byte) : '.';
    }
    text += fmt::format("{}{:04x}  {:<{}} {}\n", indent, at, hex, 3 * kLine, letters);
  }
  return text;
}

}  // namespace ov6::ctl
