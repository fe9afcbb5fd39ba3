// SPDX-License-Identifier: Apache-2.0
// A master with two sites elsewhere, home and lake, and one of its own; what it is told, sends and writes.
#ifndef OV6_TESTS_UNIT_OV6D_DIRECT_FIXTURE_H
#define OV6_TESTS_UNIT_OV6D_DIRECT_FIXTURE_H

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <string>
#include <utility>
#include <vector>

#include "tests/unit/master/fixture.h"
#include "userspace/ov6d/direct_paths.h"

namespace ov6 {

inline Endpoint Place(const char* text) { return Endpoint::Parse(text).value(); }

class DirectPathsTest : public MasterTest {
 protected:
  struct Sent {
    std::string interface;
    Endpoint to;
    std::vector<uint8_t> bytes;
  };
  struct Asked {
    std::string slave, method, argument;
    DirectPaths::Reply reply;
  };

  void SetUp() override {
    here_ = Up(SlaveKind::kGateway, "gw0", {P("fd01:0:0:1::/64")});
    home_ = Up(SlaveKind::kGateway, "home", {P("fd01:0:0:2::/64")});
    Up(SlaveKind::kGateway, "lake", {P("fd01:0:0:3::/64")});
    paths_.SetEnds({{"eth0", 2, our_.address, our_.port}});
  }
  DirectPaths::Environment Environment() {
    return {io_,
            master_,
            [this] { return now_; },
            [this](std::span<uint8_t> bytes) {
              for (uint8_t& byte : bytes) byte = ++drawn_;
            },
            [this](const std::string& interface, const Endpoint& to, std::span<const uint8_t> bytes) {
              sent_.push_back({interface, to, {bytes.begin(), bytes.end()}});
              return true;
            },
            [this](const std::string& slave, const std::string& method, const std::string& argument,
                   DirectPaths::Reply reply) {
              asked_.push_back({slave, method, argument, std::move(reply)});
            },
            [](const std::string& slave) { return slave == "home" || slave == "lake"; },
            true};
  }
  absl::StatusOr<boost::json::object> Call(const std::string& slave, const std::string& method,
                                           const boost::json::object& argument) {
    absl::StatusOr<std::string> answer = absl::UnknownError("no answer yet");
    paths_.OnCall(slave, {1, method, boost::json::serialize(argument)},
                  [&](absl::StatusOr<std::string> result) { answer = std::move(result); });
    if (!answer.ok()) return answer.status();
    return boost::json::parse(*answer).as_object();
  }
  boost::json::object Offer(const char* to) const {
    return {{"to", to},
            {"user", "homehomehome"},
            {"password", std::string(36, 'p')},
            {"candidates", {"192.168.1.2:6080", "198.51.100.7:40000"}}};
  }
  // A request of home's, from there.
  void Request(const Endpoint& from, const boost::json::object& answer, const std::string& password) {
    StunMessage request;
    request.transaction = {42};
    request.username = std::string(answer.at("user").as_string()) + ":homehomehome";
    paths_.OnDatagram("eth0", from, WriteStun(request, password));
  }
  static std::string PasswordIn(const boost::json::object& answer) {
    return std::string(answer.at("password").as_string());
  }
  const Mapping* Home() const {
    const auto found = kernel_.mappings().find(P("fd01:0:0:2::/64"));
    return found == kernel_.mappings().end() ? nullptr : &found->second;
  }

  BootTime now_ = At(1000);
  uint8_t drawn_ = 0;
  SlaveId here_ = 0, home_ = 0;
  boost::asio::io_context io_;
  std::vector<Sent> sent_;
  std::vector<Asked> asked_;
  const Endpoint our_ = Place("203.0.113.1:6080"), outside_ = Place("198.51.100.7:40000");
  DirectPaths paths_{Environment()};
};

}  // namespace ov6

#endif
