// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/config.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

using testing::HasSubstr;

#define K64 "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

constexpr char kGood[] = R"([node]
state = "/var/lib/ov6"
run   = "/run/ov6"
group = "ov6"
uid_base = 64000

[[underlay]]
interface = "eth0"
encapsulation = "udp"
udp_port = 6081
attach = "native"

[[domain]]
name = "chord"
prefix = "fd00::/8"
aggregate = 48
trust = "self"

[[site]]
interface = "eth1"
attach = "auto"
prefixes = ["chord:auto"]

[[slave]]
name = "chord"
kind = "dht"
domain = "chord"
engine = "chord"
listen = "0.0.0.0:4646"
bootstrap = ["198.51.100.2:4646"]
)";

TEST(ConfigTest, EveryKeyArrives) {
  const auto config = ParseConfig(kGood, "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node.uid_base, 64000u);
  ASSERT_EQ(config->underlays.size(), 1u);
  EXPECT_EQ(config->underlays[0].encapsulation, Encapsulation::kUdp);
  EXPECT_EQ(config->underlays[0].udp_port, 6081);
  EXPECT_EQ(config->underlays[0].attach, Attach::kNative);
  ASSERT_EQ(config->domains.size(), 1u);
  EXPECT_EQ(config->domains[0].prefix.ToString(), "fd00::/8");
  EXPECT_EQ(config->domains[0].security, 1u);
  ASSERT_EQ(config->sites.size(), 1u);
  EXPECT_EQ(config->sites[0].prefixes[0].domain, "chord");
  EXPECT_FALSE(config->sites[0].prefixes[0].prefix);
  ASSERT_EQ(config->slaves.size(), 1u);
  EXPECT_EQ(config->slaves[0].bootstrap[0].ToString(), "198.51.100.2:4646");
}

TEST(ConfigTest, DefaultsAreThoseOfTheDocuments) {
  const auto config = ParseConfig(
      "[[underlay]]\ninterface = \"e\"\n[[domain]]\nname = \"d\"\nprefix = \"fd00::/8\"\n"
      "[[slave]]\nkind = \"dht\"\ndomain = \"d\"\n",
      "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->node.run, "/run/ov6");
  EXPECT_EQ(config->node.state, "/var/lib/ov6");
  EXPECT_EQ(config->node.group, "ov6");
  EXPECT_EQ(config->underlays[0].udp_port, 6080);
  EXPECT_EQ(config->domains[0].aggregate, 48);
  EXPECT_EQ(config->slaves[0].name, "dht");
  EXPECT_EQ(config->slaves[0].listen.ToString(), "0.0.0.0:4646");
}

struct WrongRow {
  const char* name;
  const char* from;  // in kGood
  const char* to;
  const char* sentence;
};

const WrongRow kWrong[] = {
    {"unknown encapsulation", "\"udp\"", "\"gre\"",
     "ov6.toml:9: key \"encapsulation\" is \"gre\"; it should be \"6in4\" or \"udp\""},
    {"port out of range", "6081", "70000",
     "ov6.toml:10: key \"udp_port\" is 70000; it should be a number from 1 to 65535"},
    {"privileged port", "6081", "1023",
     "ov6.toml:10: key \"udp_port\" is 1023, a port that needs a privilege which ov6d gives up "
     "(CAP_NET_BIND_SERVICE); it should be a number from 1024 to 65535"},
    {"port as text", "6081", "\"6081\"",
     "ov6.toml:10: key \"udp_port\" is \"6081\"; it should be a number from 1 to 65535"},
    {"generic XDP", "\"native\"", "\"generic\"",
     "ov6.toml:11: key \"attach\" is \"generic\"; it should be \"auto\", \"native\" or \"tc\""},
    {"unknown key", "udp_port = 6081", "upd_port = 6081",
     "ov6.toml:10: unknown key \"upd_port\" in [[underlay]]; known are: address, attach, encapsulation, "
     "interface, udp_port"},
    {"unknown table", "[[site]]", "[[sites]]",
     "ov6.toml:19: unknown key \"sites\"; known are: [node], [datapath], [[underlay]], [[domain]], [[site]], "
     "[[slave]], [[mapping]], [[listen]]"},
    {"relative path", "\"/run/ov6\"", "\"run/ov6\"",
     "ov6.toml:3: key \"run\" is \"run/ov6\"; it should be an absolute path"},
    {"uid of root", "64000", "0",
     "ov6.toml:5: key \"uid_base\" is 0; it should be a number from 1 to 2147483632"},
    {"long interface", "\"eth0\"", "\"an-interface-that-is-long\"",
     "ov6.toml:8: key \"interface\" is \"an-interface-that-is-long\"; it should be the name of an interface, "
     "1 to 15 characters"},
    {"missing interface", "interface = \"eth1\"\n", "",
     "ov6.toml:19: [[site]] has no key \"interface\"; it should be the name of an interface, 1 to 15 "
     "characters"},
    {"one device twice", "\"eth1\"", "\"eth0\"",
     "ov6.toml: the interface \"eth0\" stands in two tables; a device is one underlay or one site"},
    {"prefix too long", "\"fd00::/8\"", "\"fd00::/129\"",
     "ov6.toml:15: key \"prefix\" is \"fd00::/129\"; it should be an IPv6 prefix such as fd00::/8, no bits "
     "set "
     "behind its length"},
    {"bits behind the length", "\"fd00::/8\"", "\"fd00::1/8\"",
     "ov6.toml:15: key \"prefix\" is \"fd00::1/8\"; it should be an IPv6 prefix such as fd00::/8, no bits "
     "set "
     "behind its length"},
    {"aggregate too long", "= 48", "= 200",
     "ov6.toml:16: key \"aggregate\" is 200; it should be a number from 8 to 64"},
    {"aggregate shorter than the domain", "= 48", "= 4",
     "ov6.toml:16: key \"aggregate\" is 4; it should be a number from 8 to 64"},
    {"no anchors", "\"self\"", "\"anchors\"",
     "ov6.toml:17: key \"trust\" is \"anchors\", and there are none; \"anchors\" should be a list of 64 "
     "hexadecimal "
     "digits, as `ov6ctl key show` prints a public key"},
    {"anchors without trust", "trust = \"self\"", "anchors = [\"" K64 "\"]",
     "ov6.toml:17: key \"anchors\" has keys; it should be left out, or \"trust\" be \"anchors\""},
    {"an anchor that is none", "trust = \"self\"", "trust = \"anchors\"\nanchors = [\"ab\"]",
     "ov6.toml:18: key \"anchors\" is \"ab\"; it should be 64 hexadecimal digits, as `ov6ctl key show` "
     "prints a public "
     "key"},
    {"too much security", "trust = \"self\"", "security = 4",
     "ov6.toml:17: key \"security\" is 4; it should be a number from 0 to 3"},
    {"a proof by number", "trust = \"self\"", "prove = 1",
     "ov6.toml:17: key \"prove\" is 1; it should be true or false"},
    {"security of nothing", "\"self\"", "\"open\"\nsecurity = 1",
     "ov6.toml:18: key \"security\" is 1; it should be left out, or \"trust\" be \"self\": elsewhere no "
     "prefix is cut "
     "from a key"},
    {"unknown trust", "\"self\"", "\"none\"",
     "ov6.toml:17: key \"trust\" is \"none\"; it should be \"self\", \"anchors\" or \"open\""},
    {"site of an unknown domain", "chord:auto", "cord:auto",
     "ov6.toml:22: key \"prefixes\" names the domain \"cord\"; it should be the name of a [[domain]] of this "
     "file"},
    {"site prefix outside the domain", "chord:auto", "chord:2001:db8:1::/64",
     "ov6.toml:22: key \"prefixes\" has 2001:db8:1::/64, which is not inside fd00::/8 of the domain "
     "\"chord\"; "
     "it should be a /64 inside it"},
    {"site prefix that is no /64", "chord:auto", "chord:fd00::/56",
     "ov6.toml:22: key \"prefixes\" is \"chord:fd00::/56\"; it should be \"DOMAIN:auto\" or "
     "\"DOMAIN:PREFIX\" with a domain of this file and a /64 inside it"},
    {"no site prefix", "[\"chord:auto\"]", "[]",
     "ov6.toml:22: key \"prefixes\" is empty; it should be a list of \"DOMAIN:auto\" or \"DOMAIN:PREFIX\" "
     "with "
     "a domain of this file and a /64 inside it"},
    {"slave of an unknown domain", "domain = \"chord\"", "domain = \"cord\"",
     "ov6.toml:27: key \"domain\" is \"cord\"; it should be the name of a [[domain]] of this file"},
    {"slave name too long", "[[slave]]\nname = \"chord\"", "[[slave]]\nname = \"twelve-chars\"",
     "ov6.toml:25: key \"name\" is \"twelve-chars\"; it should be 1 to 11 of the characters a-z, 0-9 and "
     "\"-\""},
    {"slave named as a gateway", "[[slave]]\nname = \"chord\"", "[[slave]]\nname = \"gw0\"",
     "ov6.toml:25: key \"name\" is \"gw0\", which is taken; it should be a name of its own"},
    {"unknown kind", "\"dht\"", "\"bridge\"",
     "ov6.toml:26: key \"kind\" is \"bridge\"; it should be \"dht\" or \"uplink\" (gateways and the "
     "management slave are started for every site)"},
    {"unknown engine", "engine = \"chord\"", "engine = \"pastry\"",
     "ov6.toml:28: key \"engine\" is \"pastry\"; it should be \"chord\""},
    {"listen without a port", "\"0.0.0.0:4646\"", "\"0.0.0.0\"",
     "ov6.toml:29: key \"listen\" is \"0.0.0.0\"; it should be an IPv4 address and a port, such as "
     "0.0.0.0:4646"},
    {"bootstrap by name", "\"198.51.100.2:4646\"", "\"r1.example:4646\"",
     "ov6.toml:30: key \"bootstrap\" is \"r1.example:4646\"; it should be an IPv4 address and a port, such "
     "as "
     "198.51.100.2:4646"},
    {"no underlay",
     "[[underlay]]\ninterface = \"eth0\"\nencapsulation = \"udp\"\nudp_port = 6081\nattach = "
     "\"native\"\n",
     "",
     "ov6.toml: there is no [[underlay]]; it should name the interface through which other routers are "
     "reached"},
};

class WrongConfigTest : public testing::TestWithParam<WrongRow> {};

TEST_P(WrongConfigTest, IsRefusedWithASentence) {
  const WrongRow& row = GetParam();
  std::string text = kGood;
  const size_t at = text.find(row.from);
  ASSERT_NE(at, text.npos);
  text.replace(at, std::string(row.from).size(), row.to);
  const auto config = ParseConfig(text, "ov6.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(std::string(config.status().message()), row.sentence);
}

std::string RowName(const testing::TestParamInfo<WrongRow>& row) {
  std::string name = row.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Rows, WrongConfigTest, testing::ValuesIn(kWrong), RowName);

TEST(ConfigTest, TheDatapathsLimits) {
  const auto config =
      ParseConfig(std::string(kGood) +
                      "[datapath]\ndscp = 46\npunt_rate = 1\npunt_burst = 2\n"
                      "punt_source_rate = 3\npunt_source_burst = 4\nicmp_rate = 5\n"
                      "icmp_burst = 6\npath_mtu_lifetime = 7\nfront_sets = 0\nreassembly_rate = 8\n",
                  "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  const DatapathConfig& limits = config->datapath;
  EXPECT_EQ(limits.dscp, 46);
  EXPECT_EQ(limits.punt_rate, 1u);
  EXPECT_EQ(limits.punt_burst, 2u);
  EXPECT_EQ(limits.punt_source_rate, 3u);
  EXPECT_EQ(limits.punt_source_burst, 4u);
  EXPECT_EQ(limits.icmp_rate, 5u);
  EXPECT_EQ(limits.icmp_burst, 6u);
  EXPECT_EQ(limits.path_mtu_lifetime, 7u);
  EXPECT_EQ(limits.front_sets, 0u);
  EXPECT_EQ(limits.reassembly_rate, 8u);
  EXPECT_EQ(ParseConfig(kGood, "ov6.toml")->datapath.icmp_rate, uint32_t{OV6_DEFAULT_ICMP_RATE});
}

TEST(ConfigTest, WhereSlavesFromElsewhereConnect) {
  const auto config = ParseConfig(std::string(kGood) +
                                      "[[listen]]\naddress = \"127.0.0.1:8080\"\n"
                                      "[[listen]]\naddress = \"0.0.0.0:443\"\ncertificate = \"/c.pem\"\n"
                                      "key = \"/k.pem\"\nclient_authorities = \"/a.pem\"\n",
                                  "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->listeners.size(), 2u);
  EXPECT_EQ(config->listeners[0].address.ToString(), "127.0.0.1:8080");
  EXPECT_TRUE(config->listeners[0].certificate.empty());
  EXPECT_EQ(config->listeners[1].certificate, "/c.pem");
  EXPECT_EQ(config->listeners[1].key, "/k.pem");
  EXPECT_EQ(config->listeners[1].client_authorities, "/a.pem");
}

constexpr char kUplink[] =
    "[[underlay]]\ninterface = \"e\"\n[[domain]]\nname = \"d\"\nprefix = \"fd00::/8\"\n"
    "[[site]]\ninterface = \"s\"\nprefixes = [\"d:fd01:0:0:5::/64\"]\n"
    "[[slave]]\nkind = \"uplink\"\nname = \"home\"\ndomain = \"d\"\n"
    "masters = [\"https://router.example\"]\ntoken_file = \"/etc/ov6/token\"\n";

TEST(ConfigTest, AnUplink) {
  const auto config = ParseConfig(kUplink, "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  const SlaveConfig* uplink = config->UplinkOf("d");
  ASSERT_NE(uplink, nullptr);
  EXPECT_EQ(uplink->name, "home");
  EXPECT_EQ(uplink->masters, std::vector<std::string>{"https://router.example"});
  EXPECT_EQ(uplink->token_file, "/etc/ov6/token");
  EXPECT_EQ(config->UplinkOf("e"), nullptr);
}

TEST(ConfigTest, AnUplinkThatIsRefused) {
  const auto refused = [](const std::string& from, const std::string& to) {
    std::string text = kUplink;
    text.replace(text.find(from), from.size(), to);
    return std::string(ParseConfig(text, "ov6.toml").status().message());
  };
  EXPECT_EQ(
      refused("d:fd01:0:0:5::/64", "d:auto"),
      "ov6.toml:8: key \"prefixes\" asks for an automatic subnet of \"d\", which an uplink serves; it should "
      "be the prefix that `ov6ctl token new` gave on the master");
  EXPECT_EQ(
      refused("https://router.example", "router.example"),
      "ov6.toml:13: key \"masters\" is \"router.example\"; it should be https://HOST[:PORT], or http:// on "
      "a network that is trusted");
  EXPECT_EQ(
      refused("masters = [\"https://router.example\"]", "masters = []"),
      "ov6.toml:13: key \"masters\" is empty; it should be a list of https://HOST[:PORT], or http:// on a "
      "network that is trusted");
  EXPECT_EQ(refused("masters", "bootstrap"),
            "ov6.toml:9: [[slave]] has no key \"masters\"; it should be a list of https://HOST[:PORT], or "
            "http:// on a "
            "network that is trusted");
  EXPECT_EQ(refused("/etc/ov6/token", "token"),
            "ov6.toml:14: key \"token_file\" is \"token\"; it should be an absolute path");
}

TEST(ConfigTest, TheTokenOfAnUplinkIsReadWithTheConfiguration) {
  char name[] = "/tmp/ov6-config-test-XXXXXX";
  const std::filesystem::path dir = mkdtemp(name);
  std::string text = kUplink;
  text.replace(text.find("/etc/ov6"), 8, dir.string());
  ASSERT_TRUE(WriteFileAtomically(dir / "ov6.toml", text, 0600).ok());
  EXPECT_THAT(std::string(LoadConfig(dir / "ov6.toml").status().message()),
              HasSubstr("ov6.toml:9: the token can't be read: "));
  ASSERT_TRUE(WriteFileAtomically(dir / "token", "ov6-token-0123\n", 0600).ok());
  const auto config = LoadConfig(dir / "ov6.toml");
  EXPECT_EQ(config->UplinkOf("d")->token, "ov6-token-0123");
  std::filesystem::remove_all(dir);
}

TEST(ConfigTest, TheRing) {
  const auto config = ParseConfig(std::string(kGood) +
                                      "lookups = \"recursive\"\nsuccessors = 12\nreplicas = 6\nreads = 2\n"
                                      "table_members = 0\ntable_budget = 1000\n",
                                  "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  EXPECT_EQ(config->slaves[0].ring, (RingConfig{Lookups::kRecursive, 12, 6, 2, 0, 1000}));
  EXPECT_EQ(ParseConfig(kGood, "ov6.toml")->slaves[0].ring, RingConfig{});
}

TEST(ConfigTest, MappingsInBothForms) {
  const auto config = ParseConfig(std::string(kGood) +
                                      "[[mapping]]\nprefix = \"2001:db8:7::/48\"\nvia = \"192.0.2.1\"\n"
                                      "[[mapping]]\nprefix = \"2001:db8:8::/48\"\nlocators = [\n"
                                      "  { address = \"192.0.2.2\", priority = 9 },\n"
                                      "  { address = \"192.0.2.3\", encapsulation = \"udp\", mtu = 1400 },\n"
                                      "]\n",
                                  "ov6.toml");
  ASSERT_TRUE(config.ok()) << config.status();
  ASSERT_EQ(config->mappings.size(), 2u);
  const Ipv4 first = *Ipv4::Parse("192.0.2.1"), second = *Ipv4::Parse("192.0.2.2"),
             third = *Ipv4::Parse("192.0.2.3");
  EXPECT_EQ(config->mappings[0].locators, (std::vector<Locator>{{first, Encapsulation::k6in4, 0, 1, 0}}));
  EXPECT_EQ(config->mappings[0].line, 33);
  EXPECT_EQ(config->mappings[1].locators, (std::vector<Locator>{{third, Encapsulation::kUdp, 6080, 2, 1400},
                                                                {second, Encapsulation::k6in4, 0, 9, 0}}));
}

struct AddedRow {
  const char* name;
  const char* text;  // behind kGood; its first line is 31
  const char* sentence;
};

const AddedRow kAdded[] = {
    {"lookups by guess", "lookups = \"random\"\n",
     "ov6.toml:31: key \"lookups\" is \"random\"; it should be \"iterative\" or \"recursive\""},
    {"too many successors", "successors = 17\n",
     "ov6.toml:31: key \"successors\" is 17; it should be a number from 1 to 16"},
    {"no reads", "reads = 0\n", "ov6.toml:31: key \"reads\" is 0; it should be a number from 1 to 16"},
    {"more replicas than successors", "successors = 4\nreplicas = 5\n",
     "ov6.toml:32: key \"replicas\" is 5, and \"successors\" 4; it should be at most that, since they hold "
     "the "
     "copies"},
    {"fewer successors than replicas by default", "successors = 4\n",
     "ov6.toml:31: key \"replicas\" is 8, and \"successors\" 4; it should be at most that, since they hold "
     "the "
     "copies"},
    {"a table of nothing", "table_budget = 0\n",
     "ov6.toml:31: key \"table_budget\" is 0; it should be a number from 1 to 1000000000"},
    {"dscp of seven bits", "[datapath]\ndscp = 64\n",
     "ov6.toml:32: key \"dscp\" is 64; it should be a number from 0 to 63"},
    {"no punts at all", "[datapath]\npunt_rate = 0\n",
     "ov6.toml:32: key \"punt_rate\" is 0; it should be a number from 1 to 10000000"},
    {"path MTUs for ever", "[datapath]\npath_mtu_lifetime = 86401\n",
     "ov6.toml:32: key \"path_mtu_lifetime\" is 86401; it should be a number from 1 to 86400"},
    {"listen without an address", "[[listen]]\n",
     "ov6.toml:31: [[listen]] has no key \"address\"; it should be an IPv4 address and a TCP port, such as "
     "0.0.0.0:443"},
    {"listen at port 0", "[[listen]]\naddress = \"0.0.0.0:0\"\n",
     "ov6.toml:32: key \"address\" is \"0.0.0.0:0\"; it should be an IPv4 address and a TCP port, such as "
     "0.0.0.0:443"},
    {"listen at an IPv6 address", "[[listen]]\naddress = \"[::]:443\"\n",
     "ov6.toml:32: key \"address\" is \"[::]:443\"; it should be an IPv4 address and a TCP port, such as "
     "0.0.0.0:443"},
    {"a certificate without its key", "[[listen]]\naddress = \"0.0.0.0:443\"\ncertificate = \"/c.pem\"\n",
     "ov6.toml:32: key \"key\" is missing; TLS takes both \"certificate\" and \"key\", PEM files"},
    {"a key without its certificate", "[[listen]]\naddress = \"0.0.0.0:443\"\nkey = \"/k.pem\"\n",
     "ov6.toml:32: key \"certificate\" is missing; TLS takes both \"certificate\" and \"key\", PEM files"},
    {"a certificate by a relative path",
     "[[listen]]\naddress = \"0.0.0.0:443\"\ncertificate = \"c.pem\"\nkey = \"/k.pem\"\n",
     "ov6.toml:33: key \"certificate\" is \"c.pem\"; it should be an absolute path"},
    {"authorities over plain TCP", "[[listen]]\naddress = \"0.0.0.0:80\"\nclient_authorities = \"/a.pem\"\n",
     "ov6.toml:33: key \"client_authorities\" stands without \"certificate\"; only over TLS is a client "
     "asked "
     "for one"},
    {"one address to listen at twice",
     "[[listen]]\naddress = \"0.0.0.0:80\"\n[[listen]]\naddress = \"0.0.0.0:80\"\n",
     "ov6.toml:34: key \"address\" is \"0.0.0.0:80\", as an earlier [[listen]]'s; it should be an address of "
     "its own"},
    {"datapath as a list", "[[datapath]]\n",
     "ov6.toml:31: \"datapath\" is not a table; it should be written as [datapath]"},
    {"mapping without a prefix", "[[mapping]]\nvia = \"192.0.2.1\"\n",
     "ov6.toml:31: [[mapping]] has no key \"prefix\"; it should be an IPv6 prefix such as fd00::/8, no bits "
     "set "
     "behind its length"},
    {"mapping without an end", "[[mapping]]\nprefix = \"2001:db8::/32\"\n",
     "ov6.toml:31: [[mapping]] has no key \"via\"; it should be the IPv4 address of the tunnel's other end, "
     "such "
     "as 198.51.100.2"},
    {"martian locator", "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"127.0.0.1\"\n",
     "ov6.toml:33: key \"via\" is \"127.0.0.1\"; it should be the IPv4 address of the tunnel's other end, "
     "such "
     "as 198.51.100.2"},
    {"locator in a list that is none",
     "[[mapping]]\nprefix = \"2001:db8::/32\"\nlocators = [\n{ address = \"224.0.0.1\" }]\n",
     "ov6.toml:34: key \"address\" is \"224.0.0.1\"; it should be the IPv4 address of the tunnel's other "
     "end, "
     "such as 198.51.100.2"},
    {"port without UDP", "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"192.0.2.1\"\nport = 6080\n",
     "ov6.toml:34: key \"port\" is 6080, and 6in4 has none; it should be left out, or \"encapsulation\" be "
     "\"udp\""},
    {"both forms",
     "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"192.0.2.1\"\nlocators = [{ address = "
     "\"192.0.2.2\" }]\n",
     "ov6.toml:33: unknown key \"via\" in [[mapping]]; known are: locators, prefix"},
    {"no locators", "[[mapping]]\nprefix = \"2001:db8::/32\"\nlocators = []\n",
     "ov6.toml:33: key \"locators\" has 0 tables; it should be 1 to 4"},
    {"all of IPv6", "[[mapping]]\nprefix = \"::/0\"\nvia = \"192.0.2.1\"\n",
     "ov6.toml:32: key \"prefix\" is \"::/0\", which is the management slave's; it should be longer, such as "
     "2000::/3"},
    {"around a domain", "[[mapping]]\nprefix = \"fc00::/7\"\nvia = \"192.0.2.1\"\n",
     "ov6.toml:32: key \"prefix\" is \"fc00::/7\", which covers the domain \"chord\", so that nothing in it "
     "would "
     "be asked for; it should be outside fd00::/8, or a part of it"},
    {"one prefix twice",
     "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"192.0.2.1\"\n"
     "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"192.0.2.2\"\n",
     "ov6.toml:35: key \"prefix\" is \"2001:db8::/32\", as an earlier mapping's; it should be a prefix of "
     "its own"},
    {"own locator",
     "[[underlay]]\ninterface = \"eth9\"\naddress = \"192.0.2.9\"\n"
     "[[mapping]]\nprefix = \"2001:db8::/32\"\nvia = \"192.0.2.9\"\n",
     "ov6.toml:36: the mapping 2001:db8::/32 leads to 192.0.2.9, which is this router's own; it should be "
     "the "
     "address of the tunnel's other end"},
};

class AddedConfigTest : public testing::TestWithParam<AddedRow> {};

TEST_P(AddedConfigTest, IsRefusedWithASentence) {
  const auto config = ParseConfig(std::string(kGood) + GetParam().text, "ov6.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_EQ(std::string(config.status().message()), GetParam().sentence);
}

std::string AddedName(const testing::TestParamInfo<AddedRow>& row) {
  std::string name = row.param.name;
  for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) ? c : '_';
  return name;
}
INSTANTIATE_TEST_SUITE_P(Rows, AddedConfigTest, testing::ValuesIn(kAdded), AddedName);

TEST(ConfigTest, WhatIsNoTomlNamesTheLine) {
  const auto config = ParseConfig("[node]\nstate \"x\"\n", "ov6.toml");
  ASSERT_FALSE(config.ok());
  EXPECT_TRUE(config.status().message().find("ov6.toml:2: this is not TOML: ") == 0) << config.status();
}

TEST(ConfigTest, MissingFileIsNamed) {
  const auto config = LoadConfig("/nonexistent/ov6.toml");
  EXPECT_EQ(std::string(config.status().message()),
            "/nonexistent/ov6.toml: the configuration can't be read: No such file or directory");
}

}  // namespace
}  // namespace ov6
