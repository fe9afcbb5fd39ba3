// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>

#include <pthread.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
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

struct Send {
  Traffic traffic;
  std::string sink;
  double seconds = 1, warm = 0.2, rate = 0;  // rate: packets a second of all CPUs; 0: as many as can be
  int cpus = 1;
};

// Sends until a signal ends the system call: each one begins with making pages and ends with waiting for a grace period.
void SendFromCpu(Generator& generator, int cpu) {
  StayOnCpu(cpu);
  ComeFirst(Rank::kWorks);
  xdp_md context{};
  context.data_end = static_cast<uint32_t>(generator.frame().size());
  context.ingress_ifindex = generator.ifindex();
  LIBBPF_OPTS(bpf_test_run_opts, options);
  options.data_in = generator.frame().data();
  options.data_size_in = static_cast<uint32_t>(generator.frame().size());
  options.ctx_in = &context;
  options.ctx_size_in = sizeof(context);
  options.repeat = std::numeric_limits<int>::max();
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  options.batch_size = FLOW_BATCH;
  const int result = bpf_prog_test_run_opts(generator.sender(), &options);
  if (result < 0 && result != -EINTR) Fail("sending live frames", -result);
}

// While it lives, frames are sent from as many CPUs.
class Senders {
 public:
  Senders(Generator& generator, int cpus) {
    struct sigaction ends {};
    ends.sa_handler = [](int) {};
    sigaction(SIGUSR1, &ends, nullptr);
    for (int cpu = 0; cpu < cpus; ++cpu) threads_.emplace_back([&generator, cpu] { SendFromCpu(generator, cpu); });
  }
  ~Senders() {
    for (std::thread& thread : threads_) pthread_kill(thread.native_handle(), SIGUSR1);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::vector<std::thread> threads_;
};

void Run(const Send& send) {
  ComeFirst(Rank::kMeasures);
  Generator generator(send.traffic);
  generator.Pace(send.rate / send.cpus);
  const Arrived arrived(send.sink);
  const uint64_t first = arrived.Packets();
  double rate = 0;
  {
    const Senders senders(generator, send.cpus);
    std::this_thread::sleep_for(Seconds(send.warm));
    const auto begin = Clock::now();
    const uint64_t before = arrived.Packets();
    std::this_thread::sleep_for(Seconds(send.seconds));
    rate = static_cast<double>(arrived.Packets() - before) / Seconds(Clock::now() - begin).count();
  }
  std::this_thread::sleep_for(Seconds(0.01));  // what is still in a ring
  std::printf("{\"packets_per_second\": %.0f, \"sent\": %llu, \"arrived\": %llu}\n", rate,
              static_cast<unsigned long long>(generator.Written()),
              static_cast<unsigned long long>(arrived.Packets() - first));
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
