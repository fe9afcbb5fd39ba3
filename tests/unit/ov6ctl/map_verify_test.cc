// SPDX-License-Identifier: Apache-2.0
// `ov6ctl map verify`: each difference between daemon, pins and programs is a sentence.
#include <boost/json/array.hpp>

#include "tests/unit/ov6ctl/fakes.h"

namespace ov6::ctl {
namespace {

class MapVerifyTest : public CommandTest {
 protected:
  MapVerifyTest() {
    kernel.programs[3] = {{"xdp", "xdp_underlay", 20, {{"routes", 7}, {"mappings", 8}}},
                          {"tc", "tc_underlay", 21, {{"routes", 7}, {"mappings", 8}}}};
    daemon.answers["/v1/mirror/routes"] = boost::json::parse(
        R"([{"prefix":"fd00::/8","slave_id":7,"action":1,"flags":0},{"prefix":"fd12::/48","slave_id":0,"action":5,"flags":0}])");
    daemon.answers["/v1/mirror/mappings"] = boost::json::parse(
        R"([{"prefix":"fd13::/48","slave_id":7,"flags":0,"span":0,"soft_expiry_ns":1030000000000,"hard_expiry_ns":1060000000000,
             "locators":[{"address":"198.51.100.2","encapsulation":0,"port":0,"priority":1,"mtu":0,"fixed_port":false}]},
            {"prefix":"fd13:0:0:1::/64","slave_id":0,"flags":1,"span":0,
             "locators":[{"address":"198.51.100.3","encapsulation":1,"port":6080,"priority":1,"mtu":0,"fixed_port":false}]}])");
    daemon.answers["/v1/mirror/negatives"] = boost::json::parse(
        R"([{"prefix":"fd99::/48","slave_id":7,"icmp_code":3,"failed":false,"expiry_ns":1005000000000}])");
  }
  boost::json::object& Mirror(const char* table, size_t entry) {
    return daemon.answers.at(std::string("/v1/mirror/") + table).as_array().at(entry).as_object();
  }
  void ExpectDifference(const std::string& sentence) {
    waiter.steps = {[] {}};
    EXPECT_EQ(Do({"map", "verify"}), 3);
    EXPECT_EQ(out.str(), sentence + "\n");
    EXPECT_EQ(err.str(), "ov6ctl: 1 difference\n");
  }
};

TEST_F(MapVerifyTest, AllAgree) {
  EXPECT_EQ(Do({"map", "verify"}), 0) << out.str();
  EXPECT_EQ(out.str(), "daemon, pins and programs agree: 2 programs, 2 routes, 2 mappings, 1 negatives\n");
}

TEST_F(MapVerifyTest, WithoutADaemonItSaysSo) {
  daemon.answers.clear();
  EXPECT_EQ(Do({"map", "verify"}), 0);
  EXPECT_EQ(out.str(), "pins and programs agree: 2 programs, 2 routes, 2 mappings, 1 negatives\n");
  EXPECT_EQ(err.str(), "# no daemon at /run/ov6/ov6d.sock: only pins and programs are compared\n");
}

TEST_F(MapVerifyTest, AnEntryIsMissing) {
  kernel.tables->DeleteMapping(P("fd13::/48")).IgnoreError();
  ExpectDifference("fd13::/48 in mappings: the daemon has it, the kernel does not");
}

TEST_F(MapVerifyTest, AnEntryNobodyKnows) {
  kernel.tables->SetRoute(P("fd77::/48"), {.action = Action::kPass}).IgnoreError();
  ExpectDifference("fd77::/48 in routes: the kernel has it, the daemon does not know it");
}

TEST_F(MapVerifyTest, OtherValues) {
  Mirror("routes", 1)["action"] = 2;
  ExpectDifference("fd12::/48 in routes: its action is reject in the kernel and site for the daemon");
  Mirror("routes", 1)["action"] = 5;
  Mirror("mappings", 0)["locators"].at(0).as_object()["address"] = "198.51.100.7";
  ExpectDifference(
      "fd13::/48 in mappings: it leads to 198.51.100.2 in the kernel and to 198.51.100.7 for the daemon");
  Mirror("mappings", 0)["locators"].at(0).as_object()["address"] = "198.51.100.2";
  Mirror("negatives", 0)["expiry_ns"] = 6;
  ExpectDifference("fd99::/48 in negatives: its lifetimes differ");
}

TEST_F(MapVerifyTest, AProgramWithAnotherMap) {
  kernel.programs[3][1].maps["routes"] = 12;
  ExpectDifference(
      "program tc_underlay (id 21) at eth0 uses another map routes (id 12) than the pinned one (id 7)");
}

TEST_F(MapVerifyTest, ADeviceWithoutItsProgram) {
  kernel.programs[3].erase(kernel.programs[3].begin());
  ExpectDifference("eth0 has lost its XDP program");
}

TEST_F(MapVerifyTest, ADeviceThatIsNotHere) {
  kernel.interfaces.clear();
  ExpectDifference("the map devices has device 3, which is not in this network namespace");
}

TEST_F(MapVerifyTest, PortsGoWithTheDaemon) {
  ov6_device port{};
  port.role = OV6_DEVICE_PORT;
  kernel.devices.push_back({9, port});
  ExpectDifference("the map devices has device 9, which is not in this network namespace");
  daemon.answers.clear();
  EXPECT_EQ(Do({"map", "verify"}), 0) << out.str();
}

TEST_F(MapVerifyTest, WhatChangesWhileItLooksIsNoDifference) {
  kernel.tables->SetRoute(P("fd77::/48"), {.action = Action::kPass}).IgnoreError();
  waiter.steps = {[&] { kernel.tables->DeleteRoute(P("fd77::/48")).IgnoreError(); }};
  EXPECT_EQ(Do({"map", "verify"}), 0);
}

TEST_F(MapVerifyTest, Json) {
  kernel.tables->DeleteMapping(P("fd13::/48")).IgnoreError();
  waiter.steps = {[] {}};
  EXPECT_EQ(Do({"map", "verify"}, true), 3);
  const auto found = boost::json::parse(out.str());
  EXPECT_EQ(found.at("compared"), boost::json::parse(R"(["daemon","pins","programs"])"));
  EXPECT_EQ(found.at("differences").at(0).at("about").as_string(), "fd13::/48");
}

TEST_F(MapVerifyTest, ADaemonThatAnswersOtherwise) {
  daemon.answers["/v1/mirror/mappings"] = boost::json::parse(R"([{"prefix":"fd13::/48"}])");
  EXPECT_EQ(Do({"map", "verify"}), 2);
  daemon.answers.clear();
  daemon.answer = NotFound("There is nothing to GET at /v1/mirror/routes.");
  EXPECT_EQ(Do({"map", "verify"}), 2);
}

}  // namespace
}  // namespace ov6::ctl
