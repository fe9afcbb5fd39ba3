// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <thread>
#include <vector>

#include "tests/bench/datapath/sink.h"
#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"

#ifndef BPF_F_TEST_XDP_LIVE_FRAMES
#define BPF_F_TEST_XDP_LIVE_FRAMES (1U << 1)
#endif

namespace ov6::bench {
namespace {

using Clock = std::chrono::steady_clock;
using Seconds = std::chrono::duration<double>;

constexpr uint32_t kAtOnce = 512 * FLOW_BATCH;  // of one system call, which has to make pages first

struct Send {
  Traffic traffic;
  std::string sink;
  double seconds = 1, warm = 0.2, rate = 0;  // rate: packets a second of all CPUs; 0: as many as can be
  int cpus = 1;
};

// One system call's worth of packets; they have left, and mostly arrived, when it returns.
void Burst(Generator& generator, uint32_t packets) {
  xdp_md context{};
  context.data_end = static_cast<uint32_t>(generator.frame().size());
  context.ingress_ifindex = generator.ifindex();
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = generator.frame().data();
  options.data_size_in = static_cast<uint32_t>(generator.frame().size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof(context);
  options.repeat = static_cast<int>(packets);
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  options.batch_size = FLOW_BATCH;
  if (const int result = bpf_prog_test_run_opts(generator.sender(), &options); result < 0) {
    Fail("sending live frames", -result);
  }
}

void SendFromCpu(Generator& generator, int cpu, uint32_t at_once, const std::atomic<bool>& over,
                 std::atomic<uint64_t>& sent) {
  StayOnCpu(cpu);
  while (!over) {
    Burst(generator, at_once);
    sent += at_once;
  }
}

// A twentieth of a second's, if that is less.
uint32_t AtOnce(double rate) {
  if (rate <= 0 || rate / 20 >= kAtOnce) return kAtOnce;
  return std::max(static_cast<uint32_t>(rate / 20) / FLOW_BATCH, 1U) * FLOW_BATCH;
}

void Run(const Send& send) {
  Generator generator(send.traffic);
  const double rate = send.rate / send.cpus;
  generator.Pace(rate);
  const Arrived arrived(send.sink);
  std::atomic<bool> over = false;
  std::atomic<uint64_t> sent = 0;
  const uint64_t arrived_first = arrived.Packets();
  std::vector<std::thread> threads;
  for (int cpu = 0; cpu < send.cpus; ++cpu) {
    threads.emplace_back([&, cpu] { SendFromCpu(generator, cpu, AtOnce(rate), over, sent); });
  }
  std::this_thread::sleep_for(Seconds(send.warm));
  const auto begin = Clock::now();
  const uint64_t before = arrived.Packets();
  std::this_thread::sleep_for(Seconds(send.seconds));
  const uint64_t after = arrived.Packets();
  const double seconds = Seconds(Clock::now() - begin).count();
  over = true;
  for (std::thread& thread : threads) thread.join();
  std::this_thread::sleep_for(Seconds(0.01));  // what is still in a ring
  std::printf("{\"packets_per_second\": %.0f, \"sent\": %llu, \"arrived\": %llu}\n",
              static_cast<double>(after - before) / seconds, static_cast<unsigned long long>(sent.load()),
              static_cast<unsigned long long>(arrived.Packets() - arrived_first));
}

}  // namespace

void AddSend(CLI::App& app) {
  auto send = std::make_shared<Send>();
  CLI::App* verb = app.add_subcommand("send", "live frames for some seconds");
  AddOptions(*verb, &send->traffic);
  verb->add_option("--sink", send->sink, "folder of the sinks' pins")->required();
  verb->add_option("--seconds", send->seconds);
  verb->add_option("--warm", send->warm, "seconds before them");
  verb->add_option("--rate", send->rate, "packets a second; else as many as can be");
  verb->add_option("--cpus", send->cpus)->check(CLI::Range(1, 64));
  verb->callback([send] { Run(*send); });
}

}  // namespace ov6::bench
