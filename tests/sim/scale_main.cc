// SPDX-License-Identifier: Apache-2.0
// ov6-sim-scale: figures of one ring of Chord nodes as a row of CSV (scripts/sim-report, docs/scale.md).
//   ov6-sim-scale header | ov6-sim-scale fingers|table NODES [SEED]
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "tests/sim/simulator.h"

namespace ov6::sim {
namespace {

constexpr size_t kKeys = 128, kLookups = 400;
constexpr Duration kSettle = 180s, kRest = 30s, kChurn = 60s;
constexpr Duration kChurnPause = 5s;  // between two events, each a node that comes and one that crashes
constexpr size_t kJoinAtOnce = 25;    // a second

struct Asked {
  size_t node;
  uint64_t id;
};
struct Looked {
  double failed = 0;  // part of the lookups
  double hops = 0, hops_p95 = 0, messages = 0;
};

class Measured {
 public:
  Measured(bool table, size_t nodes, uint64_t seed) : table_(table), s_(seed, {25ms, 35ms, 0.001, 0, 40ms}) {
    for (size_t i = 0; i < nodes; ++i) {
      Come();
      if (i % kJoinAtOnce == kJoinAtOnce - 1) s_.RunFor(1s);
    }
    formed_ = s_.RunUntil([this] { return s_.RingIsPerfect(); }, 600s, 500ms);
    s_.RunFor(kSettle);  // fingers, tables
    for (size_t i = 0; i < kKeys; ++i) {
      s_.Put(i % nodes, KeyOf(std::to_string(i)), MakeValue("owner", 1, 36000, 250));
      s_.RunFor(20ms);
    }
    s_.RunFor(10s);
  }
  bool formed() const { return formed_; }

  // Bytes a node a second, sent, UDP and IPv4 headers included.
  double Rest() {
    return Bytes([this] { s_.RunFor(kRest); });
  }
  Looked Lookups() {
    std::vector<Asked> asked;
    for (size_t i = 0; i < kLookups; ++i) {
      asked.push_back(Ask());
      s_.RunFor(5ms);
    }
    s_.RunFor(9s);
    return Judge(asked);
  }
  // What the lookups came to, and the bytes.
  Looked Churn(double* bytes) {
    std::vector<Asked> asked;
    *bytes = Bytes([&] {
      for (BootTime end = s_.now() + kChurn; s_.now() < end;) {
        Come();
        s_.Crash(Any());
        for (int i = 0; i < 20; ++i) {
          s_.RunFor(kChurnPause / 20);
          asked.push_back(Ask());
        }
      }
    });
    s_.RunFor(9s);
    return Judge(asked);
  }
  // This part crashes at one moment; lookups begin at the next.
  Looked Die(double part) {
    std::vector<size_t> alive = s_.Alive();
    for (auto left = static_cast<size_t>(part * static_cast<double>(alive.size())); left > 0; --left) {
      const size_t at = s_.network().Below(alive.size());
      s_.Crash(alive[at]);
      alive.erase(alive.begin() + static_cast<ptrdiff_t>(at));
    }
    return Lookups();
  }
  bool Heals() {
    return s_.RunUntil([this] { return s_.RingIsPerfect(); }, 300s, 500ms);
  }

 private:
  void Come() {
    std::vector<size_t> bootstrap;
    if (s_.alive() > 0) bootstrap = {Any(), Any()};
    s_.Add(bootstrap, [this](chord::ChordConfig* config) {
      config->successors = 16;
      config->replicas = 8;
      if (!table_) config->table_members = 0;
    });
  }
  size_t Any() {
    for (;;) {
      const size_t node = s_.network().Below(s_.size());
      if (s_.node(node).engine) return node;
    }
  }
  Asked Ask() {
    const size_t node = Any();
    return {node, s_.Get(node, KeyOf(std::to_string(s_.network().Below(kKeys))))};
  }
  template <typename Action>
  double Bytes(Action action) {
    constexpr double kHeaders = 28;
    const auto since = s_.now();
    const uint64_t bytes = s_.sent_bytes(), datagrams = s_.datagrams();
    action();
    const double all = static_cast<double>(s_.sent_bytes() - bytes) +
                       kHeaders * static_cast<double>(s_.datagrams() - datagrams);
    return all / std::chrono::duration<double>(s_.now() - since).count() / static_cast<double>(s_.alive());
  }
  // Of those whose asker still lives.
  Looked Judge(const std::vector<Asked>& asked) {
    Looked looked;
    std::vector<int> hops;
    size_t judged = 0, failed = 0;
    for (const Asked& one : asked) {
      if (!s_.node(one.node).engine) continue;
      ++judged;
      const GetOutput* answer = s_.Answer(one.node, one.id);
      if (answer == nullptr || answer->outcome != GetOutcome::kFound) {
        ++failed;
        continue;
      }
      hops.push_back(answer->hops);
      looked.hops += answer->hops;
      looked.messages += answer->messages;
    }
    std::sort(hops.begin(), hops.end());
    const auto found = static_cast<double>(std::max<size_t>(hops.size(), 1));
    looked.hops /= found;
    looked.messages /= found;
    looked.hops_p95 = hops.empty() ? 0 : hops[hops.size() * 95 / 100];
    looked.failed = static_cast<double>(failed) / static_cast<double>(std::max<size_t>(judged, 1));
    return looked;
  }

  bool table_;
  Simulator s_;
  bool formed_ = false;
};

int Main(const std::string& mode, size_t nodes, uint64_t seed) {
  Measured ring(mode == "table", nodes, seed);
  const double rest = ring.Rest();
  const Looked calm = ring.Lookups();
  double churn_bytes = 0;
  const Looked churn = ring.Churn(&churn_bytes);
  const bool healed = ring.Heals();
  const Looked died = ring.Die(0.3);
  const bool whole = ring.Heals();
  const Looked half = ring.Die(0.5);
  std::printf("%s,%zu,%d,%.2f,%.0f,%.1f,%.4f,%.1f,%.4f,%.1f,%d,%.4f,%.2f,%d,%.4f,%.2f,%d\n", mode.c_str(),
              nodes, ring.formed(), calm.hops, calm.hops_p95, calm.messages, calm.failed, rest, churn.failed,
              churn_bytes, healed, died.failed, died.hops, whole, half.failed, half.hops, ring.Heals());
  return 0;
}

}  // namespace
}  // namespace ov6::sim

int main(int argc, char** argv) {
  const std::string mode = argc > 1 ? argv[1] : "";
  if (mode == "header") {
    std::printf(
        "mode,nodes,formed,hops,hops_p95,messages,failed,rest_bytes,churn_failed,churn_bytes,churn_healed,"
        "died30_failed,died30_hops,died30_healed,died50_failed,died50_hops,died50_healed\n");
    return 0;
  }
  const size_t nodes = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 0;
  if ((mode != "fingers" && mode != "table") || nodes == 0) {
    std::fprintf(stderr, "usage: ov6-sim-scale header | ov6-sim-scale fingers|table NODES [SEED]\n");
    return 2;
  }
  return ov6::sim::Main(mode, nodes, argc > 3 ? std::strtoull(argv[3], nullptr, 10) : 1);
}
