// SPDX-License-Identifier: Apache-2.0
// The traffic of a measurement as told on the command line, and the generator that makes it
// (generator.bpf.c).
#ifndef OV6_TESTS_BENCH_DATAPATH_TRAFFIC_H
#define OV6_TESTS_BENCH_DATAPATH_TRAFFIC_H

#include <arpa/inet.h>
#include <bpf/bpf.h>

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "CLI/CLI.hpp"
#include "tests/bench/datapath/bpf/flows.h"
// Names the structures of flows.h.
#include "bench_generator.skel.h"

namespace ov6::bench {

// Ends the program with the sentence, and errno's if it is not 0.
[[noreturn]] void Fail(const std::string& what, int error = 0);

// What is pinned there, as a descriptor held until the program ends.
int Pinned(const std::string& pin);

// Or the end, with a sentence.
in6_addr Ip6Address(const std::string& text);

struct Traffic {
  std::string way = "site";  // from a site; or from the underlay: "underlay", "underlay_udp"
  std::string device;
  std::string to, from;     // MAC addresses
  std::string site;         // address of the hosts' /64
  std::string router;       // IPv4 address, the outer destination
  std::string destination;  // from a site: the only one, instead of flows
  uint32_t flows = 16;
  uint32_t beside = 0;  // as many flows instead, while Generator::Beside says so
  bool zipf = false;    // s = 1.0; else all alike
  bool plain = false;   // to addresses that no tunnel leads to
  bool forged = false;  // from the underlay: a locator of another site
  bool stamp = false;   // the frame's last bytes are the time
  uint32_t size = 64;   // bytes of the frame of the IPv6 side, without its checksum
};
void AddOptions(CLI::App& app, Traffic* traffic);

class Generator {
 public:
  // Loads the programs and draws the flows. `moved`: see flows.h.
  explicit Generator(const Traffic& traffic, int moved = 0);
  // Packets a second of each CPU; 0: as many as can be.
  void Pace(double rate);
  void Beside(bool on);

  int sender() const { return sender_; }  // sends into the veth it is run at
  int caller() const { return caller_; }  // calls the program under test
  int nothing() const { return bpf_program__fd(skeleton_->progs.nothing); }
  std::vector<uint8_t>& frame() { return frame_; }
  uint32_t ifindex() const { return ifindex_; }
  void Measure(int program);  // what caller() calls
  uint64_t Written() const;   // packets, since BeginAgain
  void BeginAgain();          // at the first random number
  // Of a packet that came by the device it is run at; `context` and the generator must outlive the call.
  bpf_test_run_opts TestRun(xdp_md* context, int repeat) const;

 private:
  struct Destroy {
    void operator()(bench_generator* skeleton) const { bench_generator::destroy(skeleton); }
  };
  // Into the entries of `quantiles` from there on.
  void Draw(uint32_t flows, bool zipf, uint32_t table);
  void Set(const Traffic& traffic, int moved);

  std::unique_ptr<bench_generator, Destroy> skeleton_;
  int sender_ = -1, caller_ = -1;
  uint32_t ifindex_ = 0;
  std::vector<uint8_t> frame_;
};

// The calling thread stays there.
void StayOnCpu(int cpu);
// And nobody else of the machine's takes the CPU away from it; who begins measurements and ends them comes
// first.
enum class Rank { kWorks = 10, kMeasures = 20 };
void ComeFirst(Rank rank);

}  // namespace ov6::bench

#endif
