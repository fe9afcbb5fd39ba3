// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/control_api.h"

#include <boost/json.hpp>

#include "tests/unit/ov6d/service_fixture.h"

namespace ov6 {
namespace {

using testing::HasSubstr;

class ControlApiTest : public ServiceTest {
 protected:
  ApiResponse Ask(const std::string& method, const std::string& target, const std::string& body = "",
                  bool read_only = false) {
    ApiResponse answer{0, ""};
    api_.Handle({method, target, body}, read_only,
                [&](ApiResponse response) { answer = std::move(response); });
    return answer;
  }

  Config config_;
  Config written_;
  NodeLayout layout_;
  SiteMoves moves_{state_};
  SiteControl sites_{
      {written_, config_, layout_, key_, master_, [this] { return now_; }, [] { return UnixTime{}; }, [] {}},
      moves_};
  ControlApi api_{{config_, layout_, key_, kernel_, master_, service_, sites_, [this] { return now_; }, now_,
                   [](SlaveService::Result reply) { reply(std::string("{}")); }}};
};

TEST_F(ControlApiTest, Errors) {
  const auto chord = UpChord();
  struct Row {
    const char* method;
    const char* target;
    const char* body;
    int status;
    const char* says;
  };
  const Row rows[] = {
      {"GET", "/v1/nothing", "", 404, "There is nothing to GET at /v1/nothing."},
      {"PUT", "/v1/routes", "{}", 400, "it should be GET, POST or DELETE"},
      {"POST", "/v1/routes", "[]", 400, "The body is not a JSON object."},
      {"POST", "/v1/routes", "{}", 400, "\\\"dst\\\" is missing"},
      {"POST", "/v1/routes", R"({"dst":"x","action":"pass"})", 400, "is no IPv6 prefix"},
      {"POST", "/v1/routes", R"({"dst":"2001:db8::/32","action":"port"})", 400,
       "tunnel, site, pass or reject"},
      {"POST", "/v1/routes", R"({"dst":"fd00::/8","action":"pass"})", 409, "is a route of slave 1 already"},
      {"DELETE", "/v1/routes", R"({"dst":"2001:db8::/32"})", 404, "There is no route 2001:db8::/32."},
      {"POST", "/v1/mappings", R"({"prefix":"fd01::/48"})", 400, "\\\"locators\\\" is missing"},
      {"POST", "/v1/mappings", R"({"prefix":"fd01::/48","locators":[]})", 400, "1 to 4 locators, not 0"},
      {"POST", "/v1/mappings", R"({"prefix":"fd01::/48","locators":[{"address":"127.0.0.1"}]})", 400,
       "127.0.0.1"},
      {"POST", "/v1/mappings",
       R"({"prefix":"fd01::/48","locators":[{"address":"198.51.100.2","mtu":70000}]})", 400,
       "number from 0 to 65535"},
      {"DELETE", "/v1/mappings", R"({"prefix":"fd01::/48"})", 404, "There is no mapping fd01::/48."},
      {"POST", "/v1/slaves/nobody/call", R"({"method":"state"})", 404, "No slave named"},
      {"POST", "/v1/slaves/gw0/call", R"({"method":"state"})", 503, "is not up"},
      {"POST", "/v1/resolve", R"({"address":"2001:db8::1"})", 404, "is in no domain of this router"},
  };
  for (const Row& row : rows) {
    const ApiResponse answer = Ask(row.method, row.target, row.body);
    EXPECT_EQ(answer.status, row.status) << row.target << row.body;
    EXPECT_THAT(answer.body, HasSubstr(row.says)) << row.target << row.body;
  }
}

TEST_F(ControlApiTest, ReadOnlySocketOnlyShows) {
  for (const char* target : {"/v1/routes", "/v1/mappings", "/v1/slaves/chord/call", "/v1/datapath/detach"}) {
    EXPECT_EQ(Ask("POST", target, "{}", true).status, 403) << target;
  }
  EXPECT_EQ(Ask("DELETE", "/v1/routes", "{}", true).status, 403);
  EXPECT_EQ(Ask("GET", "/v1/status", "", true).status, 200);
  EXPECT_EQ(Ask("POST", "/v1/resolve", R"({"address":"2001:db8::1"})", true).status, 404);
}

TEST_F(ControlApiTest, TheMirrorHasEverythingThatStandsInTheMaps) {
  EXPECT_EQ(Ask("POST", "/v1/routes", R"({"dst":"2001:db8::/32","action":"tunnel"})").status, 200);
  EXPECT_EQ(
      Ask("POST", "/v1/mappings",
          R"({"prefix":"2001:db8::/48","locators":[{"address":"198.51.100.2","mtu":1400}],"lifetime_s":60})")
          .status,
      200);
  EXPECT_EQ(Ask("GET", "/v1/mirror/routes", "", true).body,
            R"([{"slave_id":0,"action":1,"flags":0,"prefix":"2001:db8::/32"}])");
  const auto& [prefix, mapping] = *master_.mappings().mappings().begin();
  const auto list = boost::json::parse(Ask("GET", "/v1/mirror/mappings").body).as_array();
  ASSERT_EQ(list.size(), 1u);
  EXPECT_EQ(list[0].at("prefix").as_string(), "2001:db8::/48");
  EXPECT_EQ(list[0].at("hard_expiry_ns").to_number<uint64_t>(), ToNanoseconds(*mapping.hard_expiry));
  EXPECT_EQ(
      list[0].at("locators"),
      boost::json::parse(
          R"([{"address":"198.51.100.2","encapsulation":0,"port":0,"priority":1,"mtu":1400,"fixed_port":false}])"));
  EXPECT_EQ(Ask("GET", "/v1/mirror/negatives").body, "[]");
  EXPECT_EQ(Ask("GET", "/v1/mirror/colours").status, 404);
}

TEST_F(ControlApiTest, RoutesAndMappingsOfTheOperator) {
  EXPECT_EQ(Ask("POST", "/v1/routes", R"({"dst":"2001:db8::/32","action":"tunnel"})").status, 200);
  EXPECT_THAT(Ask("GET", "/v1/routes").body,
              HasSubstr(R"({"dst":"2001:db8::/32","action":"tunnel","slave":"operator","slave_id":0})"));
  EXPECT_EQ(
      Ask("POST", "/v1/mappings",
          R"({"prefix":"2001:db8:1::/48","locators":[{"address":"198.51.100.2","encapsulation":"udp"}]})")
          .status,
      200);
  const Mapping& mapping = kernel_.mappings().at(P("2001:db8:1::/48"));
  EXPECT_EQ(mapping.locators[0].port, 6080);
  EXPECT_EQ(mapping.flags, OV6_MAPPING_STATIC);
  EXPECT_EQ(Ask("DELETE", "/v1/mappings", R"({"prefix":"2001:db8:1::/48"})").status, 200);
  EXPECT_EQ(Ask("DELETE", "/v1/routes", R"({"dst":"2001:db8::/32"})").status, 200);
  EXPECT_TRUE(kernel_.routes().empty());
}

TEST_F(ControlApiTest, ResolveGoesToTheSlaveWhoseDomainItIs) {
  const auto chord = UpChord();
  ApiResponse answer{0, ""};
  api_.Handle({"POST", "/v1/resolve", R"({"address":"fd01::1"})"}, true,
              [&](ApiResponse response) { answer = std::move(response); });
  Run();
  const auto call = chord->Next<CallCapsule>();
  ASSERT_TRUE(call);
  EXPECT_EQ(call->argument, R"({"address":"fd01::1"})");
  chord->Send(ReturnCapsule{call->id, 0, R"({"outcome":"absent"})"});
  EXPECT_EQ(answer.status, 200);
  EXPECT_EQ(answer.body, R"({"outcome":"absent","slave":"chord"})");
}

TEST_F(ControlApiTest, StatusAndSlaves) {
  const auto chord = UpChord();
  chord->Send(StatusCapsule{R"({"members":3})"});
  const auto status = boost::json::parse(Ask("GET", "/v1/status").body);
  EXPECT_EQ(status.at("tables").at("routes"), 1);
  EXPECT_EQ(status.at("counters").at("registrations"), 1);
  const auto slaves = boost::json::parse(Ask("GET", "/v1/slaves").body);
  EXPECT_EQ(slaves.at(0).at("name"), "chord");
  EXPECT_EQ(slaves.at(0).at("state"), "up");
  EXPECT_EQ(slaves.at(0).at("interface"), "ov6-chord");
  EXPECT_EQ(slaves.at(0).at("status").at("members"), 3);
  EXPECT_EQ(slaves.at(1).at("state"), "stopped");
}

}  // namespace
}  // namespace ov6
