// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <boost/json/array.hpp>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/json_text.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

std::string DeviceText(const json::value& device) {
  return fmt::format("device {} {} mtu {} door {}\n", MemberText(device, "ifindex"),
                     MemberText(device, "role"), MemberText(device, "mtu"),
                     MemberText(device, "xdp_door") == "true" ? "native" : "tc");
}

absl::Status Show(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto tables = context.kernel.OpenTables(Access::kReadOnly);
  if (!tables.ok()) return tables.status();
  const auto config = (*tables)->Config();
  if (!config.ok()) return config.status();
  const auto devices = context.kernel.Devices();
  if (!devices.ok()) return devices.status();
  json::object object = Describe(*config);
  json::array array;
  for (const auto& [ifindex, device] : *devices) array.push_back(Describe(ifindex, device));
  object["devices"] = array;
  if (context.options.json) {
    context.PrintJson(object);
    return absl::OkStatus();
  }
  context.PrintKernelHead();
  context.out << fmt::format("{} abi_version {} fib_ifindex {}\n",
                             MemberText(object, "enabled") == "true" ? "enabled" : "disabled",
                             MemberText(object, "abi_version"), MemberText(object, "fib_ifindex"));
  for (const auto& device : array) context.out << DeviceText(device);
  return absl::OkStatus();
}

absl::Status Detach(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  return context.daemon.Ask("POST", "/v1/datapath/detach", json::object()).status();
}

constexpr Verb kVerbs[] = {{"show", Show}, {"detach", Detach}};

}  // namespace

absl::Status DatapathObject(Context& context, Words& words) { return RunVerb(kVerbs, context, words); }

}  // namespace ov6::ctl
