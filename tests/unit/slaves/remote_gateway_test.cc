// SPDX-License-Identifier: Apache-2.0
// What a remote gateway decides: which packets pass, what the firewall says, what hosts are told.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "slaves/gateway/firewall.h"
#include "slaves/gateway/gateway_config.h"
#include "slaves/gateway/own_prefix.h"
#include "slaves/gateway/packet_check.h"
#include "slaves/gateway/ra.h"
#include "slaves/gateway/remote_options.h"
#include "slaves/gateway/site_network.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

using Packet = std::vector<uint8_t>;

const std::vector<Prefix> kSite = {*Prefix::Parse("fd00:1:1:1::/64"), *Prefix::Parse("fd00:1:1:2::7/128")};
constexpr const char* kInside = "fd00:1:1:1::5";
constexpr const char* kOutside = "fd00:2::1";

Packet Make(const char* source, const char* destination, size_t payload = 20) {
  Packet packet = {0x60, 0, 0, 0, static_cast<uint8_t>(payload >> 8), static_cast<uint8_t>(payload), 6, 64};
  for (const char* text : {source, destination}) {
    const Ipv6 address = *Ipv6::Parse(text);
    packet.insert(packet.end(), address.bytes.begin(), address.bytes.end());
  }
  packet.resize(packet.size() + payload);
  return packet;
}

TEST(PacketCheck, BothWays) {
  const struct {
    const char* name;
    const char* source;
    const char* destination;
    PacketCheck from_site, from_master;
  } rows[] = {
      {"out", kInside, kOutside, PacketCheck::kGood, PacketCheck::kForeignDestination},
      {"in", kOutside, kInside, PacketCheck::kForeignSource, PacketCheck::kGood},
      {"out of a single address", "fd00:1:1:2::7", kOutside, PacketCheck::kGood,
       PacketCheck::kForeignDestination},
      {"next to it", "fd00:1:1:2::8", kOutside, PacketCheck::kForeignSource,
       PacketCheck::kForeignDestination},
      {"inside", kInside, "fd00:1:1:1::6", PacketCheck::kOwnDestination, PacketCheck::kOwnSource},
      {"outside", kOutside, "fd00:2::2", PacketCheck::kForeignSource, PacketCheck::kForeignDestination},
      {"from a link-local", "fe80::1", kInside, PacketCheck::kLinkLocal, PacketCheck::kLinkLocal},
      {"to a link-local", kInside, "fe80::1", PacketCheck::kLinkLocal, PacketCheck::kLinkLocal},
      {"the last of the link-local", "febf::1", kInside, PacketCheck::kLinkLocal, PacketCheck::kLinkLocal},
      {"to a group", kInside, "ff0e::1", PacketCheck::kMulticast, PacketCheck::kMulticast},
      {"from a group", "ff0e::1", kInside, PacketCheck::kBadAddress, PacketCheck::kBadAddress},
      {"from nobody", "::", kInside, PacketCheck::kBadAddress, PacketCheck::kBadAddress},
      {"to the loopback", kInside, "::1", PacketCheck::kBadAddress, PacketCheck::kBadAddress},
  };
  for (const auto& row : rows) {
    const Packet packet = Make(row.source, row.destination);
    EXPECT_EQ(CheckFromSite(packet, kSite), row.from_site) << row.name;
    EXPECT_EQ(CheckFromMaster(packet, kSite), row.from_master) << row.name;
    EXPECT_NE(CheckFromSite(packet, {}), PacketCheck::kGood) << row.name;
  }
}

TEST(PacketCheck, Shape) {
  const Packet good = Make(kOutside, kInside);
  const auto changed = [&](auto change) {
    Packet packet = good;
    change(packet);
    return CheckFromMaster(packet, kSite);
  };
  EXPECT_EQ(changed([](Packet&) {}), PacketCheck::kGood);
  EXPECT_EQ(changed([](Packet& p) { p.clear(); }), PacketCheck::kTooShort);
  EXPECT_EQ(changed([](Packet& p) { p.resize(39); }), PacketCheck::kTooShort);
  EXPECT_EQ(changed([](Packet& p) { p[0] = 0x45; }), PacketCheck::kNotIpv6);
  EXPECT_EQ(changed([](Packet& p) { p.push_back(0); }), PacketCheck::kBadLength);
  EXPECT_EQ(changed([](Packet& p) { p.pop_back(); }), PacketCheck::kBadLength);
  EXPECT_EQ(CheckFromMaster(Make(kOutside, kInside, 0), kSite), PacketCheck::kGood);
}

// A header and a packet of `payload` bytes behind the IPv6 header.
Packet Framed(uint8_t flags, uint8_t type, std::array<uint16_t, 4> fields, size_t payload) {
  Packet framed = {flags, type};
  for (const uint16_t field : fields) {
    framed.push_back(static_cast<uint8_t>(field));
    framed.push_back(static_cast<uint8_t>(field >> 8));
  }
  const Packet packet = Make(kOutside, kInside, payload);
  framed.insert(framed.end(), packet.begin(), packet.end());
  return framed;
}

TEST(PacketCheck, SegmentHeaders) {        // at an MTU of 1480: segments of up to 1420 bytes
  using Fields = std::array<uint16_t, 4>;  // header, segment, checksum start and offset
  const struct {
    const char* name;
    uint8_t flags, type;
    Fields fields;
    size_t payload;
    bool good;
  } rows[] = {
      {"whole", 0, 0, {0, 0, 0, 0}, 20, true},
      {"checksum known to be good", 2, 0, {0, 0, 0, 0}, 20, true},
      {"TCP to be finished", 1, 0, {0, 0, 40, 16}, 20, true},
      {"TCP of many segments", 1, 4, {72, 1408, 40, 16}, 20000, true},
      {"with congestion bits", 1, 0x84, {72, 1408, 40, 16}, 20000, true},
      {"the largest segment", 1, 4, {60, 1420, 40, 16}, 20000, true},
      {"larger", 1, 4, {60, 1421, 40, 16}, 20000, false},
      {"no size", 1, 4, {60, 0, 40, 16}, 20000, false},
      {"thousands of tiny ones", 1, 4, {60, 1, 40, 16}, 20000, false},
      {"TCP over IPv4", 1, 1, {60, 1408, 40, 16}, 20000, false},
      {"UDP", 1, 3, {60, 1408, 40, 6}, 20000, false},
      {"UDP segments", 1, 5, {60, 1408, 40, 6}, 20000, false},
      {"congestion bits alone", 1, 0x80, {60, 1408, 40, 16}, 20000, false},
      {"segments of a finished checksum", 0, 4, {60, 1408, 40, 16}, 20000, false},
      {"an unknown flag", 5, 4, {60, 1408, 40, 16}, 20000, false},
      {"a header longer than the packet", 1, 4, {61, 1408, 40, 16}, 20, false},
      {"a checksum inside the IPv6 header", 1, 0, {0, 0, 39, 16}, 20, false},
      {"a checksum past the end", 1, 0, {0, 0, 40, 19}, 20, false},
      {"at the very end", 1, 0, {0, 0, 40, 18}, 20, true},
      {"far past the end", 1, 0, {0, 0, 65535, 65535}, 20, false},
  };
  for (const auto& row : rows) {
    const Packet framed = Framed(row.flags, row.type, row.fields, row.payload);
    EXPECT_EQ(CheckSegments(framed, 1480), row.good ? PacketCheck::kGood : PacketCheck::kBadSegments)
        << row.name;
  }
  EXPECT_EQ(CheckSegments(Packet(49), 1480), PacketCheck::kTooShort);
}

TEST(PacketCheck, EveryOutcomeHasItsWords) {
  for (size_t i = 0; i < static_cast<size_t>(PacketCheck::kCount); ++i) {
    EXPECT_NE(CounterName(static_cast<PacketCheck>(i)), "unknown");
    EXPECT_NE(Sentence(static_cast<PacketCheck>(i)), "unknown");
  }
}

// --- the firewall ----------------------------------------------------------------

TEST(Firewall, Rules) {
  const std::vector<Opening> openings = {*Opening::Parse("fd00:1:1:1::5:443/tcp"),
                                         *Opening::Parse("any:6000-6010/udp"),
                                         *Opening::Parse("fd00:1:1:1::6")};
  EXPECT_EQ(FirewallRules("ov6-site", openings), R"(table inet ov6-gateway
delete table inet ov6-gateway
table inet ov6-gateway {
  chain forward {
    type filter hook forward priority filter + 10; policy accept;
    iifname "ov6-site" jump inbound
  }
  chain input {
    type filter hook input priority filter + 10; policy accept;
    iifname "ov6-site" jump inbound
  }
  chain inbound {
    ct state established,related accept
    icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem, echo-request, echo-reply } accept
    ip6 daddr fd00:1:1:1::5/128 tcp dport 443 counter accept
    meta nfproto ipv6 udp dport 6000-6010 counter accept
    ip6 daddr fd00:1:1:1::6/128 counter accept
    counter drop
  }
}
)");
}

TEST(Firewall, Openings) {
  const Prefix host = *Prefix::Parse("fd00:1:1:1::5/128"), subnet = *Prefix::Parse("fd00:1:1:1::/64");
  const struct {
    const char* text;
    std::optional<Opening> opening;
  } rows[] = {
      {"fd00:1:1:1::5/128:443/tcp", Opening{host, "tcp", 443, 443}},
      {"fd00:1:1:1::5:443/tcp", Opening{host, "tcp", 443, 443}},
      {"[fd00:1:1:1::5]:443/tcp", Opening{host, "tcp", 443, 443}},
      {"fd00:1:1:1::/64:5000-5010/udp", Opening{subnet, "udp", 5000, 5010}},
      {"any:22/tcp", Opening{{}, "tcp", 22, 22}},
      {"fd00:1:1:1::/64", Opening{subnet, "", 0, 0}},
      {"any", Opening{{}, "", 0, 0}},
      {"", std::nullopt},
      {"fd00:1:1:1::5/64:443/tcp", std::nullopt},
      {"any:0/tcp", std::nullopt},
      {"any:70000/tcp", std::nullopt},
      {"any:20-10/tcp", std::nullopt},
      {"any:1-/tcp", std::nullopt},
      {"any/tcp", std::nullopt},
      {"any:443/sctp", std::nullopt},
      {"any:443/tcp accept; drop", std::nullopt},
      {"any:443", std::nullopt},
  };
  for (const auto& row : rows) {
    const auto opening = Opening::Parse(row.text);
    EXPECT_EQ(opening.ok() ? std::optional(*opening) : std::nullopt, row.opening) << row.text;
  }
}

// --- the command line --------------------------------------------------------------

RemoteGatewayOptions Parse(std::vector<std::string> words) {
  words.insert(words.begin(), "ov6-gateway");
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  return ParseRemoteOptions(static_cast<int>(arguments.size()), arguments.data());
}

TEST(RemoteOptions, All) {
  const auto options = Parse({"--master",
                              "https://a",
                              "--master=https://b:8443",
                              "--name",
                              "site",
                              "--interface",
                              "lan0",
                              "--open",
                              "any:22/tcp",
                              "--open",
                              "fd00:1:1:1::5",
                              "--dns",
                              "fd00::53",
                              "--dns",
                              "fd00::54",
                              "--prefix",
                              "fd00:1:1:1::/64",
                              "--routes",
                              "domain",
                              "--no-firewall",
                              "--tun",
                              "ov6-x"});
  EXPECT_EQ(options.masters, (std::vector<MasterUrl>{{true, "a", 443}, {true, "b", 8443}}));
  EXPECT_EQ(options.openings.size(), 2u);
  EXPECT_EQ(options.resolvers.size(), 2u);
  EXPECT_EQ(options.prefixes, std::vector{kSite[0]});
  EXPECT_EQ(options.routes, RouteChoice::kDomain);
  EXPECT_FALSE(options.firewall);
  EXPECT_EQ(options.tun, "ov6-x");
}

TEST(RemoteOptions, WhatIsWrong) {
  const std::vector<std::string> good = {"--master", "https://a", "--name", "site", "--interface", "lan0"};
  const struct {
    std::vector<std::string> words;
    const char* sentence;
  } rows[] = {
      {{"--master", "a"}, "no master's address"},
      {{"--open", "any:0/tcp"}, "opens nothing"},
      {{"--tun", "a\"b"}, "no name of a device"},
      {{"--dns", "192.0.2.1"}, "not an IPv6 address"},
      {{"--routes", "some"}, "--routes"},
      {{"--cert", "x.pem"}, "--key"},
      {{"stray"}, "stray"},
  };
  for (const auto& row : rows) {
    std::vector<std::string> words = good;
    words.insert(words.end(), row.words.begin(), row.words.end());
    EXPECT_EXIT(
        Parse(words), [](int status) { return status != 0; }, row.sentence)
        << row.words.front();
  }
  EXPECT_EXIT(
      Parse({"--master", "https://a", "--name", "site"}), [](int status) { return status != 0; },
      "--interface is required");
}

// --- what hosts are told -----------------------------------------------------------

TEST(RouterAdvertisement, RoutesAndResolvers) {  // RFC 4191 section 2.3, RFC 8106 section 5.1
  RouterAdvertisement ra;
  ra.router_lifetime = std::chrono::seconds(0);
  ra.routes = {*Prefix::Parse("fd00::/8"), *Prefix::Parse("2001:db8:1:2:3::/80"), Prefix{}};
  ra.resolvers = {*Ipv6::Parse("fd00::53")};
  const std::vector<uint8_t> expected = {134,  0,    0,    0,    64, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,  //
                                         24,   2,    8,    0,    0,  0, 7, 8,  // fd00::/8 for 1800 s
                                         0xfd, 0,    0,    0,    0,  0, 0, 0,  //
                                         24,   3,    80,   0,    0,  0, 7, 8,  //
                                         0x20, 0x01, 0x0d, 0xb8, 0,  1, 0, 2, 0, 3, 0, 0, 0, 0, 0, 0,  //
                                         24,   1,    0,    0,    0,  0, 7, 8,  // ::/0 needs no bytes
                                         25,   3,    0,    0,    0,  0, 7, 8,  //
                                         0xfd, 0,    0,    0,    0,  0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x53};
  EXPECT_EQ(EncodeRouterAdvertisement(ra), expected);
}

TEST(RouterAdvertisement, WithoutAWayThePrefixesStay) {
  RouterAdvertisement ra;
  ra.prefixes = {*Prefix::Parse("fd00:1:1:1::/64")};
  ra.routes = {*Prefix::Parse("fd00::/8")};
  const RouterAdvertisement without = WithoutWay(ra);
  EXPECT_EQ(without.router_lifetime.count(), 0);
  EXPECT_EQ(without.route_lifetime.count(), 0);
  EXPECT_EQ(without.preferred_lifetime, ra.preferred_lifetime);
  EXPECT_EQ(without.prefixes, ra.prefixes);
}

TEST(SiteNetwork, DefaultRoutesOfTheKernel) {
  const std::string nothing(32, '0');
  const auto line = [&](const char* length, const char* flags, const char* device) {
    return nothing + " " + length + " " + nothing + " 00 " + nothing + " 00000400 00000001 00000000 " +
           flags + "     " + device + "\n";
  };
  EXPECT_TRUE(DefaultRouteDevices("").empty());
  EXPECT_TRUE(DefaultRouteDevices(line("00", "00200200", "lo")).empty());
  EXPECT_TRUE(DefaultRouteDevices(line("08", "00000001", "eth0")).empty());
  EXPECT_EQ(DefaultRouteDevices(line("00", "00450003", "eth0") + line("00", "00000003", "eth0") +
                                line("00", "00000001", "wwan0")),
            (std::vector<std::string>{"eth0", "wwan0"}));
}

TEST(GatewayConfig, OfARemoteSite) {
  const auto config = ReadGatewayConfig(
      boost::json::parse(R"({"name": "site", "kind": "gateway", "id": 7, "prefixes": ["fd00:1:1:1::/64",
        "fd00:1:1:2::7/128"], "mtu": 1480, "advertise": [{"prefix": "fd00:1:1:1::/64", "domain": "chord",
        "domain_prefix": "fd00::/8"}], "routed": [], "segments": true, "remote": true})")
          .get_object());
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->prefixes, kSite);
  EXPECT_EQ(config->advertise, std::vector{kSite[0]});
  EXPECT_EQ(config->domains, std::vector{*Prefix::Parse("fd00::/8")});
  EXPECT_EQ(config->mtu, 1480);
  EXPECT_TRUE(config->segments);
}

TEST(OwnPrefix, TheClaimThatAnswersAnOffer) {
  const NodeKey key{PrivateKey::Generate(), {}};
  const PrivateKey router = PrivateKey::Generate();
  Challenge challenge{};
  challenge[0] = 7;
  const auto config = boost::json::parse(R"({"node": {"public_key": ")" + ToHex(router.public_key()) +
                                         R"("}, "own": {"challenge": ")" + ToHex(challenge) +
                                         R"(", "domain": {"name": "chord", "prefix": "fd00::/8",
                                            "aggregate": 48, "security": 0}}})");
  const auto offer = ReadOffer(config.as_object());
  ASSERT_TRUE(offer.ok()) << offer.status();
  ASSERT_TRUE(*offer);
  const Domain& domain = (*offer)->domain;
  const auto subnet = OwnSubnet(domain, key, std::nullopt);
  ASSERT_TRUE(subnet.ok());
  EXPECT_TRUE(key.Owned(domain).Contains(*subnet));
  EXPECT_EQ(subnet->length, 64);
  EXPECT_EQ(subnet->address.bytes[7], 1);
  const UnixTime now{std::chrono::seconds(1'800'000'000)};
  const auto claim = boost::json::parse(MakeClaim(**offer, key, *subnet, "home", now));
  const auto token = DecodeToken(std::string(claim.at("delegation").as_string()));
  ASSERT_TRUE(token.ok());
  EXPECT_TRUE(CheckToken(*token, router.public_key(), domain, now).ok());
  EXPECT_FALSE(CheckToken(*token, router.public_key(), domain, now + std::chrono::hours(2)).ok());
  Signature proof;
  const std::string bytes = *FromHex(std::string(claim.at("proof").as_string()));
  std::copy(bytes.begin(), bytes.end(), proof.begin());
  EXPECT_TRUE(VerifySignature(LastIssuer(*token), ClaimBytes(challenge, router.public_key(), "home"), proof));
}

TEST(OwnPrefix, WhatIsWrong) {
  for (const char* text :
       {R"({"own": 7})", R"({"own": {}})", R"({"own": {"domain": {}}, "node": {}})",
        R"({"own": {"domain": {"name": "a", "prefix": "fd00::/8", "aggregate": 65, "security": 0},
                               "challenge": "00"}, "node": {"public_key": "00"}})"})
    EXPECT_FALSE(ReadOffer(boost::json::parse(text).as_object()).ok()) << text;
  EXPECT_FALSE(ReadOffer(boost::json::object{}).value()) << "nothing is offered";
  const NodeKey key{PrivateKey::Generate(), {}};
  Domain domain;
  domain.name = "chord";
  domain.prefix = *Prefix::Parse("fd00::/8");
  const auto other = OwnSubnet(domain, key, Prefix::Parse("2001:db8::/64"));
  EXPECT_NE(std::string(other.status().message()).find("--prefix should be a /64 of it"), std::string::npos);
  domain.security = 3;
  EXPECT_NE(std::string(OwnSubnet(domain, key, {}).status().message()).find("asks for 3"), std::string::npos);
}

TEST(GatewayConfig, WhatIsWrong) {
  for (const char* text : {R"({})", R"({"prefixes": [], "mtu": 1279, "advertise": []})",
                           R"({"prefixes": ["x"], "mtu": 1480, "advertise": []})",
                           R"({"prefixes": [], "mtu": 1480, "advertise": [7]})",
                           R"({"prefixes": [], "mtu": 1480, "advertise": [{"prefix": "x"}]})"}) {
    EXPECT_FALSE(ReadGatewayConfig(boost::json::parse(text).get_object()).ok()) << text;
  }
}

}  // namespace
}  // namespace ov6
