// SPDX-License-Identifier: Apache-2.0
// The map-cache of a running ov6d, by the library that ov6d and ov6ctl write it with, through the pins.
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <memory>
#include <set>
#include <string>
#include <thread>

#include "ov6/datapath.h"
#include "tests/bench/datapath/sites.h"
#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"
#include "userspace/datapath/front.h"
#include "userspace/datapath/kernel_datapath.h"

namespace ov6::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

struct Options {
  std::string bpffs, slave = "chord";
  uint32_t sites = 0;
  bool udp = false, by_hand = false;
  double rate = 100000, seconds = 1;
};

Mapping Wanted(uint32_t index, const Options& options, SlaveId slave) {
  Mapping mapping = To(index, options.udp, slave);
  if (options.by_hand) {
    mapping.slave = OV6_SLAVE_OPERATOR;
    mapping.flags = OV6_MAPPING_STATIC;
    mapping.soft_expiry = mapping.hard_expiry = std::nullopt;
  }
  return mapping;
}

void Check(const absl::Status& status) {
  if (!status.ok()) Fail(std::string(status.message()));
}

std::unique_ptr<Tables> Open(const std::string& bpffs) {
  auto tables = OpenPinnedTables(bpffs, Access::kReadWrite);
  Check(tables.status());
  return *std::move(tables);
}

SlaveId SlaveOf(Tables& tables, const std::string& name) {
  const auto slaves = tables.Slaves();
  Check(slaves.status());
  for (const auto& [id, slave] : *slaves) {
    if (slave.name == name && !slave.stale) return id;
  }
  Fail("there is no slave '" + name + "'");
}

void Fill(const Options& options) {
  const auto tables = Open(options.bpffs);
  const SlaveId slave = SlaveOf(*tables, options.slave);
  std::set<Prefix> wanted;
  for (uint32_t i = 0; i < options.sites; ++i) wanted.insert(Site(i));
  const auto present = tables->Mappings();
  Check(present.status());
  for (const auto& [prefix, mapping] : *present) {
    if (!wanted.contains(prefix)) Check(tables->DeleteMapping(prefix));
  }
  for (uint32_t i = 0; i < options.sites; ++i) Check(tables->SetMapping(Site(i), Wanted(i, options, slave)));
  std::printf("{\"sites\": %zu}\n", wanted.size());
}

// As they are, one after the other, a millisecond's worth at a time.
void Write(const Options& options) {
  const auto tables = Open(options.bpffs);
  const SlaveId slave = SlaveOf(*tables, options.slave);
  const auto begin = Clock::now();
  const auto end = begin + Seconds(options.seconds);
  uint64_t written = 0;
  while (Clock::now() < end) {
    const auto due = static_cast<uint64_t>(Seconds(Clock::now() - begin).count() * options.rate);
    for (; written < due; ++written) {
      const auto site = static_cast<uint32_t>(written % options.sites);
      Check(tables->SetMapping(Site(site), Wanted(site, options, slave)));
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  std::printf("{\"writes_per_second\": %.0f}\n",
              static_cast<double>(written) / Seconds(Clock::now() - begin).count());
}

void AddCommon(CLI::App* verb, const std::shared_ptr<Options>& options) {
  verb->add_option("bpffs", options->bpffs, "of the instance")->required();
  verb->add_option("sites", options->sites)->required();
  verb->add_option("--slave", options->slave, "in whose name");
  verb->add_flag("--by-hand", options->by_hand, "as the operator sets them");
  verb->add_flag("--udp", options->udp, "tunnels in UDP");
}

}  // namespace

void AddMappings(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("mappings", "makes the map-cache hold as many sites");
  AddCommon(verb, options);
  verb->callback([options] { Fill(*options); });
}

void AddTell(CLI::App& app) {
  auto bpffs = std::make_shared<std::string>();
  CLI::App* verb = app.add_subcommand("tell", "says that changes are told of, until it is killed");
  verb->add_option("bpffs", *bpffs, "of the instance")->required();
  verb->callback([bpffs] {
    const auto front = PinnedFront(*bpffs);
    Check(front.status());
    ComeFirst(Rank::kMeasures);
    for (;; std::this_thread::sleep_for(std::chrono::milliseconds(250))) front->Told();
  });
}

void AddWrite(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = app.add_subcommand("write", "rewrites mappings at a rate");
  AddCommon(verb, options);
  verb->add_option("--rate", options->rate, "writes a second");
  verb->add_option("--seconds", options->seconds);
  verb->callback([options] {
    StayOnCpu(1);
    ComeFirst(Rank::kWorks);
    Write(*options);
  });
}

}  // namespace ov6::bench
