// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <boost/json/array.hpp>
#include <set>

#include "userspace/ov6ctl/describe.h"
#include "userspace/ov6ctl/exit_code.h"
#include "userspace/ov6ctl/mirror.h"
#include "userspace/ov6ctl/objects.h"

namespace ov6::ctl {
namespace {

namespace json = boost::json;

// Tables change while they are read: a difference counts if it still stands after this time.
constexpr Duration kSecondLook = std::chrono::milliseconds(300);

struct Difference {
  std::string where;  // "programs", "routes", "mappings", "negatives"
  std::string about;  // an interface or a prefix
  std::string sentence;
  auto operator<=>(const Difference&) const = default;
};

struct Findings {
  std::set<Difference> differences;
  size_t programs = 0, routes = 0, mappings = 0, negatives = 0;
  bool daemon = false;
};

// --- programs and pins ---------------------------------------------------------------

class ProgramCheck {
 public:
  ProgramCheck(Context& context, const MapIds& pinned, Findings* findings)
      : context_(context), pinned_(pinned), findings_(findings) {}

  absl::Status Device(uint32_t ifindex, const ov6_device& device) {
    const std::string interface = context_.kernel.InterfaceName(ifindex);
    const auto programs = context_.kernel.Programs(ifindex);
    if (!programs.ok()) return programs.status();
    const bool xdp = device.role == OV6_DEVICE_PORT || (device.flags & OV6_DEVICE_XDP_DOOR) != 0;
    const auto has = [&](const char* hook) {
      return std::ranges::any_of(*programs, [&](const auto& program) { return program.hook == hook; });
    };
    if (interface == "if" + std::to_string(ifindex)) {
      // Slave ports go with the daemon; what the map says of them stays for its successor.
      if (device.role == OV6_DEVICE_PORT && !findings_->daemon) return absl::OkStatus();
      Add(interface,
          fmt::format("the map devices has device {}, which is not in this network namespace", ifindex));
      return absl::OkStatus();
    }
    if (xdp && !has("xdp")) Add(interface, fmt::format("{} has lost its XDP program", interface));
    if (!has("tc")) Add(interface, fmt::format("{} has lost its TC program", interface));
    for (const AttachedProgram& program : *programs) Program(interface, program);
    return absl::OkStatus();
  }

 private:
  void Program(const std::string& interface, const AttachedProgram& program) {
    ++findings_->programs;
    for (const auto& [name, id] : program.maps) {
      const auto pin = pinned_.find(name);
      if (pin != pinned_.end() && pin->second == id) continue;
      Add(interface,
          fmt::format("program {} (id {}) at {} uses another map {} (id {}) than the pinned one ({})",
                      program.name, program.id, interface, name, id,
                      pin == pinned_.end() ? "there is none" : fmt::format("id {}", pin->second)));
    }
  }
  void Add(const std::string& interface, std::string sentence) {
    findings_->differences.insert({"programs", interface, std::move(sentence)});
  }

  Context& context_;
  const MapIds& pinned_;
  Findings* findings_;
};

absl::Status ComparePrograms(Context& context, Findings* findings) {
  const auto pinned = context.kernel.PinnedMaps();
  if (!pinned.ok()) return pinned.status();
  const auto devices = context.kernel.Devices();
  if (!devices.ok()) return devices.status();
  ProgramCheck check(context, *pinned, findings);
  for (const auto& [ifindex, device] : *devices) {
    // Where a role is set a program must stand.
    if (device.role == OV6_DEVICE_NONE) continue;
    if (auto status = check.Device(ifindex, device); !status.ok()) return status;
  }
  return absl::OkStatus();
}

// --- daemon and pins -----------------------------------------------------------------

// What differs, in words.
void Compare(const Route& daemon, const Route& kernel, std::vector<std::string>* differ) {
  if (daemon.action != kernel.action) {
    differ->push_back(fmt::format("its action is {} in the kernel and {} for the daemon",
                                  ToString(kernel.action), ToString(daemon.action)));
  }
  if (daemon.slave != kernel.slave) {
    differ->push_back(
        fmt::format("its slave is {} in the kernel and {} for the daemon", kernel.slave, daemon.slave));
  }
  if (daemon.flags != kernel.flags) differ->push_back("its flags differ");
}

std::string LocatorsText(const std::vector<Locator>& locators) {
  std::string text;
  for (const Locator& locator : locators) text += (text.empty() ? "" : ",") + locator.ToString();
  return text.empty() ? "nothing" : text;
}

void Compare(const Mapping& daemon, const Mapping& kernel, std::vector<std::string>* differ) {
  if (daemon.locators != kernel.locators) {
    differ->push_back(fmt::format("it leads to {} in the kernel and to {} for the daemon",
                                  LocatorsText(kernel.locators), LocatorsText(daemon.locators)));
  }
  if (daemon.slave != kernel.slave) {
    differ->push_back(
        fmt::format("its slave is {} in the kernel and {} for the daemon", kernel.slave, daemon.slave));
  }
  if (daemon.flags != kernel.flags) differ->push_back("its flags differ");
  if (daemon.soft_expiry != kernel.soft_expiry || daemon.hard_expiry != kernel.hard_expiry ||
      daemon.span != kernel.span) {
    differ->push_back("its lifetimes differ");
  }
}

void Compare(const Negative& daemon, const Negative& kernel, std::vector<std::string>* differ) {
  if (daemon.expiry != kernel.expiry) differ->push_back("its lifetimes differ");
  if (daemon.slave != kernel.slave || daemon.icmp_code != kernel.icmp_code ||
      daemon.failed != kernel.failed) {
    differ->push_back("its slave, code or reason differs");
  }
}

template <typename Value>
void CompareTable(const char* table, const std::map<Prefix, Value>& daemon,
                  const std::vector<std::pair<Prefix, Value>>& kernel, Findings* findings) {
  const auto add = [&](const Prefix& prefix, const std::string& what) {
    findings->differences.insert(
        {table, prefix.ToString(), fmt::format("{} in {}: {}", prefix.ToString(), table, what)});
  };
  std::set<Prefix> there;
  for (const auto& [prefix, value] : kernel) {
    there.insert(prefix);
    const auto known = daemon.find(prefix);
    if (known == daemon.end()) {
      add(prefix, "the kernel has it, the daemon does not know it");
    } else if (!(known->second == value)) {
      std::vector<std::string> differ;
      Compare(known->second, value, &differ);
      add(prefix, fmt::format("{}", fmt::join(differ, "; ")));
    }
  }
  for (const auto& [prefix, value] : daemon) {
    if (!there.contains(prefix)) add(prefix, "the daemon has it, the kernel does not");
  }
}

absl::Status CompareTables(Context& context, Findings* findings) {
  const auto view = context.kernel.OpenTables(Access::kReadOnly);
  if (!view.ok()) return view.status();
  const auto routes = (*view)->Routes();
  if (!routes.ok()) return routes.status();
  const auto mappings = (*view)->Mappings();
  if (!mappings.ok()) return mappings.status();
  const auto negatives = (*view)->Negatives();
  if (!negatives.ok()) return negatives.status();
  findings->routes = routes->size();
  findings->mappings = mappings->size();
  findings->negatives = negatives->size();
  const auto mirror = ReadMirror(context.daemon);
  if (absl::IsUnavailable(mirror.status())) return absl::OkStatus();
  if (!mirror.ok()) return mirror.status();
  findings->daemon = true;
  CompareTable("routes", mirror->routes, *routes, findings);
  CompareTable("mappings", mirror->mappings, *mappings, findings);
  CompareTable("negatives", mirror->negatives, *negatives, findings);
  return absl::OkStatus();
}

// --- both, and what is said ------------------------------------------------------------

absl::StatusOr<Findings> LookOnce(Context& context) {
  Findings findings;
  if (auto status = CompareTables(context, &findings); !status.ok()) return status;
  if (auto status = ComparePrograms(context, &findings); !status.ok()) return status;
  return findings;
}

absl::StatusOr<Findings> LookTwice(Context& context) {
  auto first = LookOnce(context);
  if (!first.ok() || first->differences.empty()) return first;
  context.waiter.Wait(-1, kSecondLook);
  auto second = LookOnce(context);
  if (!second.ok()) return second;
  std::erase_if(second->differences,
                [&](const auto& difference) { return !first->differences.contains(difference); });
  return second;
}

json::object Describe(const Findings& findings) {
  json::array list, compared = {"pins", "programs"};
  if (findings.daemon) compared.insert(compared.begin(), "daemon");
  for (const Difference& difference : findings.differences) {
    list.push_back(json::object{
        {"where", difference.where}, {"about", difference.about}, {"sentence", difference.sentence}});
  }
  return {{"compared", std::move(compared)}, {"programs", findings.programs},
          {"routes", findings.routes},       {"mappings", findings.mappings},
          {"negatives", findings.negatives}, {"differences", std::move(list)}};
}

void PrintText(Context& context, const Findings& findings) {
  for (const Difference& difference : findings.differences) context.out << difference.sentence << "\n";
  if (!findings.differences.empty()) return;
  context.out << fmt::format("{} agree: {} programs, {} routes, {} mappings, {} negatives\n",
                             findings.daemon ? "daemon, pins and programs" : "pins and programs",
                             findings.programs, findings.routes, findings.mappings, findings.negatives);
}

}  // namespace

absl::Status VerifyMaps(Context& context, Words& words) {
  if (auto status = words.Finish(); !status.ok()) return status;
  const auto findings = LookTwice(context);
  if (!findings.ok()) return findings.status();
  if (!findings->daemon) {
    context.err << fmt::format("# no daemon at {}: only pins and programs are compared\n",
                               context.options.socket.native());
  }
  if (context.options.json) {
    context.PrintJson(Describe(*findings));
  } else {
    PrintText(context, *findings);
  }
  const size_t count = findings->differences.size();
  if (count == 0) return absl::OkStatus();
  return WithJsonPrinted(Different(fmt::format("{} difference{}", count, count == 1 ? "" : "s")));
}

}  // namespace ov6::ctl
