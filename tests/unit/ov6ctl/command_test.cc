// SPDX-License-Identifier: Apache-2.0
// Commands from their words to output and exit code, over tables in memory.
#include "tests/unit/ov6ctl/fakes.h"

namespace ov6::ctl {
namespace {

using std::chrono::seconds;

TEST_F(CommandTest, RouteShowIsTheDefault) {
  for (const auto& words : {std::vector<std::string>{"route"}, {"route", "show"}, {"ro", "sh"}}) {
    EXPECT_EQ(Do(words), 0);
    EXPECT_EQ(out.str(),
              "# kernel maps at /run/ov6/bpf/maps\n"
              "fd00::/8 tunnel slave chord\n"
              "fd12::/48 reject slave operator\n");
  }
}

TEST_F(CommandTest, RouteShowJson) {
  EXPECT_EQ(Json({"route"}), boost::json::parse(R"([
      {"dst":"fd00::/8","action":"tunnel","slave":"chord","slave_id":7,"relay":false,"direct":false,"carried":false},
      {"dst":"fd12::/48","action":"reject","slave":"operator","slave_id":0,"relay":false,"direct":false,"carried":false}])"));
}

TEST_F(CommandTest, RouteGetIsTheLongest) {
  EXPECT_EQ(Do({"route", "get", "fd12::1"}), 0);
  EXPECT_EQ(out.str(), "fd12::/48 reject slave operator\n");
  EXPECT_EQ(Do({"route", "get", "2001:db8::1"}), 1);
  EXPECT_EQ(err.str(), "ov6ctl: no route covers 2001:db8::1\n");
}

TEST_F(CommandTest, RouteAddTakesWhatShowPrints) {
  daemon.answer = boost::json::object();
  EXPECT_EQ(Do({"route", "add", "fd12::/48", "reject", "slave", "operator"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/routes {"dst":"fd12::/48","action":"reject"})");
  EXPECT_EQ(Do({"route", "del", "fd12::/48"}), 0);
  EXPECT_EQ(daemon.asked, R"(DELETE /v1/routes {"dst":"fd12::/48"})");
  daemon.asked.clear();
  EXPECT_EQ(Do({"route", "add", "fd00::/8", "tunnel", "slave", "chord"}), 2);
  EXPECT_EQ(Do({"route", "add", "fd00::/8", "none"}), 255);
  EXPECT_EQ(daemon.asked, "");
}

TEST_F(CommandTest, MapShow) {
  EXPECT_EQ(Do({"map"}), 0);
  EXPECT_EQ(out.str(),
            "# kernel maps at /run/ov6/bpf/maps\n"
            "MAP       TYPE          ENTRIES    MAX\n"
            "routes    lpm_trie            2  16384\n"
            "verdicts  percpu_array        -    128\n"
            "map-cache: 2 mappings, 1 static, 0 stale, 0 expired\n");
  EXPECT_EQ(Json({"map"}).at(0).at("max_entries").as_int64(), 16384);
}

TEST_F(CommandTest, MapDumpMappings) {
  EXPECT_EQ(Do({"map", "dump", "mappings"}), 0);
  EXPECT_EQ(out.str(),
            "# kernel maps at /run/ov6/bpf/maps\n"
            "PREFIX           LOCATORS               TTL  REFRESH  AGE  SLAVE     FLAGS\n"
            "fd13::/48        198.51.100.2            60       30    -  chord\n"
            "fd13:0:0:1::/64  198.51.100.3:6080/udp    -        -    -  operator  static\n");
  EXPECT_EQ(Json({"map", "dump", "mappings"}).at(0), boost::json::parse(R"(
      {"prefix":"fd13::/48","locators":[{"address":"198.51.100.2","encapsulation":"6in4","port":0,"priority":1,"mtu":0,"fixed_port":false}],
       "soft_ttl_s":30,"ttl_s":60,"static":false,"former":false,"direct":false,"stale":false,"expired":false,"slave":"chord","slave_id":7})"));
}

TEST_F(CommandTest, MapDumpFrontIsASummary) {
  EXPECT_EQ(Json({"map", "dump", "front"}), boost::json::parse("[]"));
  kernel.front = {.sets = 8192, .capacity = 114688, .entries = 7, .hits = 100, .counts = {20, 9, 2}};
  EXPECT_EQ(Do({"map", "dump", "front"}), 0);
  EXPECT_EQ(out.str(),
            "# kernel maps at /run/ov6/bpf/maps\n"
            "SETS  ENTRIES  CAPACITY  HITS  MISSES  FILLED  EVICTED\n"
            "8192        7    114688   100      20       9        2\n");
}

TEST_F(CommandTest, MapDumpOfEveryMap) {
  for (const char* map : {"routes", "mappings", "negatives", "slaves", "devices", "verdicts", "config"}) {
    EXPECT_EQ(Do({"map", "dump", map}), 0) << map;
    EXPECT_GT(Json({"map", "dump", map}).as_array().size(), 0u) << map;
  }
  EXPECT_EQ(Do({"map", "dump", "colours"}), 255);
  EXPECT_EQ(Do({"map", "dump"}), 255);
}

TEST_F(CommandTest, MapGetIsTypedAndTheLongest) {
  const struct {
    const char *map, *address, *prefix;  // null: not found
  } rows[] = {{"mappings", "fd13:0:0:1::5", "fd13:0:0:1::/64"},
              {"mappings", "fd13:0:0:2::5", "fd13::/48"},
              {"mappings", "fd14::1", nullptr},
              {"negatives", "fd99::1", "fd99::/48"},
              {"routes", "fd99::1", "fd00::/8"}};
  for (const auto& row : rows) {
    EXPECT_EQ(Do({"map", "get", row.map, row.address}, true), row.prefix == nullptr ? 1 : 0) << row.address;
    EXPECT_NE(out.str().find(row.prefix == nullptr ? R"("code":"not_found")"
                                                   : std::string("\"") + row.prefix + "\""),
              std::string::npos)
        << out.str();
  }
  EXPECT_EQ(Do({"map", "get", "slaves", "fd00::"}), 255);
}

TEST_F(CommandTest, ExpiredIsSaid) {
  kernel.tables->SetMapping(P("fd15::/48"), {.locators = {}, .soft_expiry = {}, .hard_expiry = kNow})
      .IgnoreError();
  const auto entry = Json({"map", "get", "mappings", "fd15::1"});
  EXPECT_TRUE(entry.at("expired").as_bool());
  EXPECT_EQ(entry.at("ttl_s").as_int64(), 0);
}

TEST_F(CommandTest, StaleIsSaidAndWhy) {
  Mapping mapping{{{.address = *Ipv4::Parse("198.51.100.9")}},
                  kNow + std::chrono::seconds(25),
                  kNow + std::chrono::seconds(40),
                  OV6_SLAVE_OPERATOR,
                  OV6_MAPPING_SILENT,
                  345};
  kernel.tables->SetMapping(P("fd15::/48"), mapping).IgnoreError();
  const auto silent = Json({"map", "get", "mappings", "fd15::1"});
  EXPECT_TRUE(silent.at("stale").as_bool());
  EXPECT_EQ(silent.at("why").as_string(), "not-answered");
  EXPECT_EQ(silent.at("age_s").as_int64(), 305);
  EXPECT_EQ(silent.at("soft_ttl_s").as_int64(), 25);
  Do({"map", "dump", "mappings"});
  EXPECT_NE(out.str().find("stale:not-answered"), std::string::npos);
  mapping.flags = OV6_MAPPING_STALE;
  kernel.tables->SetMapping(P("fd15::/48"), mapping).IgnoreError();
  EXPECT_EQ(Json({"map", "get", "mappings", "fd15::1"}).at("why").as_string(), "slave-gone");
}

TEST_F(CommandTest, APlaceThatAPrefixMovedFromIsCalledSoAndIsNoMappingByHand) {
  Mapping mapping{.locators = {{.address = *Ipv4::Parse("198.51.100.9"), .priority = 255}},
                  .soft_expiry = {},
                  .hard_expiry = {}};
  mapping.flags = OV6_MAPPING_FORMER;
  kernel.tables->SetMapping(P("fd15::/48"), mapping).IgnoreError();
  EXPECT_TRUE(Json({"map", "get", "mappings", "fd15::1"}).at("former").as_bool());
  EXPECT_FALSE(Json({"map", "get", "mappings", "fd13::1"}).at("former").as_bool());
  Do({"map", "dump", "mappings"});
  EXPECT_NE(out.str().find("former"), std::string::npos);
  out.str("");
  Do({"mapping"});
  EXPECT_EQ(out.str().find("fd15"), std::string::npos);
}

TEST_F(CommandTest, MappingShowPrintsWhatAddTakes) {
  EXPECT_EQ(Do({"mapping"}), 0);
  EXPECT_EQ(out.str(),
            "# kernel maps at /run/ov6/bpf/maps\n"
            "fd13::/48 via 198.51.100.2 encap 6in4 priority 1 lifetime 60\n"
            "fd13:0:0:1::/64 via 198.51.100.3:6080 encap udp priority 1 static\n");
}

TEST_F(CommandTest, MappingAddThroughTheDaemon) {
  daemon.answer = boost::json::object();
  EXPECT_EQ(Do({"mapping", "add", "fd20::/48", "via", "198.51.100.9", "lifetime", "10"}), 0);
  EXPECT_EQ(
      daemon.asked,
      R"(POST /v1/mappings {"prefix":"fd20::/48","locators":[{"address":"198.51.100.9","encapsulation":"6in4",)"
      R"("port":0,"priority":1,"mtu":0}],"lifetime_s":10})");
  EXPECT_EQ(kernel.tables->mappings().count(P("fd20::/48")), 0u);
}

TEST_F(CommandTest, MappingAddIntoTheMapsWithoutADaemon) {
  EXPECT_EQ(Do({"mapping", "add", "fd20::/48", "via", "198.51.100.9"}), 0);
  EXPECT_TRUE(kernel.writable);
  EXPECT_EQ(err.str(), "# no daemon at /run/ov6/ov6d.sock: changed the kernel maps at /run/ov6/bpf/maps\n");
  const Mapping expected{.locators = {{.address = *Ipv4::Parse("198.51.100.9")}},
                         .soft_expiry = {},
                         .hard_expiry = {},
                         .flags = OV6_MAPPING_STATIC};
  EXPECT_EQ(kernel.tables->mappings().at(P("fd20::/48")), expected);

  EXPECT_EQ(Do({"mapping", "add", "fd20::/48", "via", "198.51.100.9", "lifetime", "10"}), 0);
  EXPECT_EQ(kernel.tables->mappings().at(P("fd20::/48")).hard_expiry, kNow + seconds(10));
  EXPECT_EQ(Do({"mapping", "add", "fd21::/48", "via", "127.0.0.1"}), 2);
  EXPECT_EQ(kernel.tables->mappings().count(P("fd21::/48")), 0u);

  EXPECT_EQ(Do({"mapping", "del", "fd20::/48"}), 0);
  EXPECT_EQ(kernel.tables->mappings().count(P("fd20::/48")), 0u);
  EXPECT_EQ(Do({"mapping", "del", "fd20::/48"}), 1);
}

TEST_F(CommandTest, ARefusalOfTheDaemonDoesNotGoAroundIt) {
  daemon.answer = FromDaemon(400, "invalid", "The locator is this router.");
  EXPECT_EQ(Do({"mapping", "add", "fd20::/48", "via", "198.51.100.9"}), 2);
  EXPECT_EQ(kernel.tables->mappings().count(P("fd20::/48")), 0u);
}

TEST_F(CommandTest, NeitherDaemonNorMaps) {
  kernel.there = false;
  EXPECT_EQ(Do({"mapping", "add", "fd20::/48", "via", "198.51.100.9"}), 4);
  EXPECT_EQ(Do({"route"}), 2);
  EXPECT_EQ(Do({"status"}), 4);
  EXPECT_EQ(Do({"slave"}), 4);
}

TEST_F(CommandTest, CounterShow) {
  EXPECT_EQ(Do({"counter", "show"}), 0);
  EXPECT_EQ(out.str(),
            "PACKETS  BYTES  CLASS    VERDICT    MEANING\n"
            "      5    500  forward  TUNNEL     encapsulated and sent to a locator\n"
            "      1    100  punt     PUNT_MISS  sent to the slave: no mapping cached for the destination\n");
  EXPECT_EQ(Json({"counter"}).as_array().size(), 2u);
  EXPECT_GT(Json({"counter", "-a"}).as_array().size(), 40u);
  EXPECT_EQ(Json({"counter", "show", "-a"}), Json({"counter", "-a"}));
}

TEST_F(CommandTest, CounterShowSaysWhatToDo) {
  kernel.tables->Count(OV6_VERDICT_DROP_PORT_SLAVE, 2, 7);
  EXPECT_EQ(Do({"counter"}), 0);
  EXPECT_NE(out.str().find("\n" + std::string(42, ' ') + "to do: a fault of the slave\n"), std::string::npos)
      << out.str();
}

TEST_F(CommandTest, CounterExplainNeedsNoDatapath) {
  kernel.there = false;
  for (const char* word : {"DROP_NO_ROUTE", "drop_no_rou", "42"}) {
    EXPECT_EQ(Do({"counter", "explain", word}), 0);
    EXPECT_EQ(out.str(),
              "DROP_NO_ROUTE (drop, number 42)\n  no route covers the destination\n"
              "  to do: \"ov6ctl route show\": normally the management slave holds ::/0\n");
  }
  EXPECT_EQ(Json({"counter", "explain", "TUNNEL"}).at("class").as_string(), "forward");
  EXPECT_EQ(Do({"counter", "explain", "drop_no"}), 255);
  EXPECT_EQ(Do({"counter", "explain"}), 255);
}

TEST_F(CommandTest, LocatorsHaveWhatWasLearnedOfThePath) {
  ov6_config config{};
  config.path_mtu_lifetime = 100;
  kernel.tables->SetConfig(config).IgnoreError();
  kernel.paths[*Ipv4::Parse("198.51.100.2")] = {
      .mtu_expiry = ToNanoseconds(kNow + seconds(70)), .mtu = 1400, .reserved = {}};
  kernel.paths[*Ipv4::Parse("198.51.100.3")] = {};
  EXPECT_EQ(Do({"map", "dump", "locators"}), 0);
  EXPECT_EQ(out.str(),
            "# kernel maps at /run/ov6/bpf/maps\n"
            "ADDRESS        MTU  TTL  AGE\n"
            "198.51.100.2  1400   70   30\n"
            "198.51.100.3     -    -    -\n");
  EXPECT_EQ(
      Json({"map", "get", "locators", "198.51.100.2"}),
      boost::json::parse(R"({"address":"198.51.100.2","mtu":1400,"ttl_s":70,"age_s":30,"expired":false})"));
  EXPECT_EQ(Do({"map", "get", "locators", "198.51.100.9"}), 1);
  EXPECT_EQ(Do({"map", "get", "locators", "fd13::1"}), 255);
}

TEST_F(CommandTest, OnlyPathsAreDeletedFromMaps) {
  kernel.paths[*Ipv4::Parse("198.51.100.2")] = {};
  kernel.paths[*Ipv4::Parse("198.51.100.3")] = {};
  EXPECT_EQ(Do({"map", "del", "locators", "198.51.100.2"}), 0);
  EXPECT_EQ(kernel.paths.size(), 1u);
  EXPECT_EQ(Do({"map", "del", "locators", "198.51.100.2"}), 1);
  EXPECT_EQ(Do({"map", "del", "locators", "all"}), 0);
  EXPECT_TRUE(kernel.paths.empty());
  EXPECT_EQ(Do({"map", "del", "mappings", "fd13::/48"}), 255);
  EXPECT_EQ(Do({"map", "del", "front"}), 255);
  EXPECT_EQ(kernel.fronts_forgotten, 0);
  EXPECT_EQ(Do({"map", "del", "front", "all"}), 0);
  EXPECT_EQ(kernel.fronts_forgotten, 1);
}

TEST_F(CommandTest, SlaveShowAndCall) {
  daemon.answer = boost::json::parse(
      R"([{"id":7,"name":"chord","kind":"dht","state":"up","pid":12,"interface":"ov6-chord","prefixes":["fd00::/8"],)"
      R"("uptime_s":3,"restarts":0,"status":{}},{"id":9,"name":"home","kind":"gateway","state":"up","pid":null,)"
      R"("interface":"ov6-home","prefixes":["fd12::/64"],"uptime_s":5,"restarts":1,"remote":{"transport":"poll"}}])");
  EXPECT_EQ(Do({"slave"}), 0);
  EXPECT_EQ(out.str(),
            "ID  NAME   KIND     STATE  PID  UPTIME  RESTARTS  PORT       TRANSPORT  PREFIXES\n"
            " 7  chord  dht      up      12       3         0  ov6-chord             fd00::/8\n"
            " 9  home   gateway  up               5         1  ov6-home   poll       fd12::/64\n");
  EXPECT_EQ(Do({"slave", "call", "chord", "state"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/slaves/chord/call {"method":"state"})");
  EXPECT_EQ(Do({"slave", "call", "chord", "resolve", R"({"address":"::1"})"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/slaves/chord/call {"method":"resolve","argument":{"address":"::1"}})");
  EXPECT_EQ(Do({"slave", "add", "corp", "domain", "corp", "listen", "0.0.0.0:4647", "bootstrap",
                "198.51.100.2:1,198.51.100.3:2", "lifetime", "60"}),
            0);
  EXPECT_EQ(
      daemon.asked,
      R"(POST /v1/slaves {"kind":"dht","name":"corp","domain":"corp","listen":"0.0.0.0:4647","bootstrap":["198.51.100.2:1","198.51.100.3:2"],"lifetime":60})");
  EXPECT_EQ(Do({"slave", "del", "corp"}), 0);
  EXPECT_EQ(daemon.asked, R"(DELETE /v1/slaves {"name":"corp"})");
  EXPECT_EQ(Do({"slave", "drain", "chord", "for", "60"}), 0);
  EXPECT_EQ(daemon.asked, R"(POST /v1/slaves/chord/drain {"away_s":60})");
  EXPECT_EQ(Do({"slave", "drain", "chord"}), 0);
  EXPECT_EQ(daemon.asked, "POST /v1/slaves/chord/drain {}");
  EXPECT_EQ(Do({"slave", "start", "chord"}), 0);
  EXPECT_EQ(daemon.asked, "POST /v1/slaves/chord/start");
  for (const std::vector<std::string>& wrong : {std::vector<std::string>{"slave", "add"},
                                                {"slave", "add", "corp", "domain"},
                                                {"slave", "drain", "Corp"},
                                                {"slave", "drain", "corp", "for", "ever"},
                                                {"slave", "del", "corp", "now"}})
    EXPECT_EQ(Do(wrong), 255) << wrong.back();
  EXPECT_EQ(Do({"slave", "call", "chord", "resolve", "{"}), 255);
  EXPECT_EQ(Do({"slave", "call", "../x", "state"}), 255);
  EXPECT_EQ(Do({"slave", "call", "chord"}), 255);
}

TEST_F(CommandTest, Resolve) {
  const std::string found =
      R"({"address":"fd13::7","outcome":"found","prefix":"fd13::/48","locators":[{"address":"198.51.100.2",)"
      R"("encapsulation":"6in4","port":0,"mtu":0}],"steps":[{"key":"fd13::7","answer":"absent","records":0,"hops":2,)"
      R"("rtt_us":840},{"key":"fd13::","answer":"found","records":1,"hops":2,"rtt_us":700}],"time_us":1600,"slave":"chord"})";
  daemon.answer = boost::json::parse(found);
  EXPECT_EQ(Do({"resolve", "fd13::7"}), 0);
  EXPECT_EQ(out.str(),
            "STEP  KEY      ANSWER  RECORDS  HOPS    TIME\n"
            "   1  fd13::7  absent        0     2  840 us\n"
            "   2  fd13::   found         1     2  700 us\n"
            "fd13::7: found fd13::/48 via 198.51.100.2 encap 6in4 in 1600 us by chord\n");
  EXPECT_EQ(Json({"resolve", "fd13::7"}), boost::json::parse(found));
  EXPECT_EQ(Do({"resolve", "fd13::/48"}), 255);
}

TEST_F(CommandTest, ResolveExitCodes) {
  const struct {
    const char* outcome;
    int exit;
  } rows[] = {{"found", 0}, {"absent", 1}, {"unreachable", 2}};
  for (const auto& row : rows) {
    daemon.answer = boost::json::value{{"address", "fd13::7"}, {"outcome", row.outcome}};
    EXPECT_EQ(Do({"resolve", "fd13::7"}), row.exit) << row.outcome;
    // One JSON value on stdout, whatever the outcome.
    EXPECT_EQ(Do({"resolve", "fd13::7"}, true), row.exit);
    EXPECT_EQ(boost::json::parse(out.str()).at("outcome").as_string(), row.outcome);
  }
}

TEST_F(CommandTest, DatapathAndVersionAndHelp) {
  EXPECT_EQ(Do({"datapath"}), 0);
  EXPECT_NE(out.str().find("device 3 underlay mtu 1500 door native"), std::string::npos) << out.str();
  daemon.answer = boost::json::object();
  EXPECT_EQ(Do({"datapath", "detach"}), 0);
  EXPECT_EQ(daemon.asked, "POST /v1/datapath/detach {}");
  EXPECT_EQ(Do({"version"}), 0);
  EXPECT_EQ(Do({"help"}), 0);
  EXPECT_EQ(Do({"help", "mapp"}), 0);
  EXPECT_EQ(out.str().rfind("usage: ov6ctl [OPTIONS] mapping", 0), 0u);
}

TEST_F(CommandTest, StatusIsTheDaemonsJson) {
  daemon.answer = boost::json::parse(
      R"({"version":"0.1.0","pid":9,"uptime_s":4,"run":"/run/ov6","public_key":"ab","underlays":[{"interface":"eth0",)"
      R"("ifindex":2,"address":"198.51.100.1","encapsulation":"6in4","door":"native","reason":"veth","mtu":1500}],)"
      R"("sites":[],"domains":[],"tables":{"routes":2},"counters":{},"direct_paths":{"outside":["192.0.2.7:6080"],)"
      R"("peers":[{"prefixes":["fd14::/64"],"slave":"home","state":"up","path":"203.0.113.9:40000"},)"
      R"({"prefixes":["fd15::/64"],"slave":"home","state":"failed","path":null}]}})");
  EXPECT_EQ(Do({"status"}), 0);
  EXPECT_EQ(out.str(),
            "ov6d 0.1.0 pid 9 up 4 s run /run/ov6\nkey ab\n"
            "underlay eth0 address 198.51.100.1 encap 6in4 mtu 1500 door native (veth)\n"
            "outside 192.0.2.7:6080\n"
            "path to fd14::/64 up by 203.0.113.9:40000 slave home\n"
            "path to fd15::/64 failed slave home\n"
            "tables routes 2\n");
  EXPECT_EQ(Json({"status"}), *daemon.answer);
}

TEST_F(CommandTest, ErrorsOnStderrAndAsJson) {
  EXPECT_EQ(Do({"status"}, true), 4);
  EXPECT_EQ(err.str(), "ov6ctl: no daemon answers at /run/ov6/ov6d.sock\n");
  EXPECT_EQ(out.str(),
            R"({"error":{"code":"unreachable","message":"no daemon answers at /run/ov6/ov6d.sock"}})"
            "\n");
  EXPECT_EQ(Do({}), 255);
  EXPECT_EQ(Do({"m"}), 255);
  EXPECT_EQ(Do({"map", "paint"}), 255);
  EXPECT_EQ(Do({"status", "show", "more"}), 255);
}

}  // namespace
}  // namespace ov6::ctl
