// SPDX-License-Identifier: Apache-2.0
#include <bpf/bpf.h>
#include <pthread.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <limits>
#include <memory>
#include <numeric>
#include <thread>
#include <utility>
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

constexpr int kEver = std::numeric_limits<int>::max();
constexpr double kTurn = 0.04, kSettle = 0.01;  // seconds

struct Send {
  Traffic traffic;
  std::string sink;
  double seconds = 1, warm = 0.2, tail = 0.01;
  double rate = 0;                // packets a second of all CPUs; 0: as many as can be
  double then = 0;                // the rate after `seconds`, for a second
  int cpus = 1, packets = kEver;  // of each CPU
};

// Sends until a signal ends the system call, which it does not before it has begun: each one begins with
// making pages and ends with waiting for a grace period.
void SendFromCpu(Generator& generator, int cpu, int packets) {
  StayOnCpu(cpu);
  ComeFirst(Rank::kWorks);
  xdp_md context{};
  bpf_test_run_opts options = generator.TestRun(&context, packets);
  options.flags = BPF_F_TEST_XDP_LIVE_FRAMES;
  options.batch_size = FLOW_BATCH;
  const int result = bpf_prog_test_run_opts(generator.sender(), &options);
  if (result < 0 && result != -EINTR) Fail("sending live frames", -result);
}

// While it lives, frames are sent from as many CPUs.
class Senders {
 public:
  Senders(Generator& generator, int cpus, int packets) : sending_(cpus) {
    struct sigaction ends {};
    ends.sa_handler = [](int) {};
    sigaction(SIGUSR1, &ends, nullptr);
    for (int cpu = 0; cpu < cpus; ++cpu) {
      threads_.emplace_back([this, &generator, cpu, packets] {
        SendFromCpu(generator, cpu, packets);
        --sending_;
      });
    }
  }
  ~Senders() {
    while (sending_ > 0) {
      for (std::thread& thread : threads_) pthread_kill(thread.native_handle(), SIGUSR1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<int> sending_;
  std::vector<std::thread> threads_;
};

double Quantile(const std::vector<uint64_t>& buckets, double part) {
  uint64_t left = static_cast<uint64_t>(
      part * static_cast<double>(std::accumulate(buckets.begin(), buckets.end(), uint64_t{0})));
  size_t bucket = 0;
  while (bucket + 1 < buckets.size() && buckets[bucket] <= left) left -= buckets[bucket++];
  return static_cast<double>((bucket + 1) << DELAY_SHIFT) / 1000;
}

// Members of the JSON object, in microseconds.
void PrintDelays(const Arrived& arrived) {
  const auto delays = arrived.Delays();
  std::printf(", \"least\": %.1f, \"p50\": %.1f, \"p99.9\": %.1f", Quantile(delays, 0), Quantile(delays, 0.5),
              Quantile(delays, 0.999));
}

// RFC 2544 section 26.5: seconds from the rate's fall to the last loss. What is neither lost nor there yet is
// on its way, so at each time at most so many were lost as were missing at any later one.
double Recovery(const Generator& generator, const Arrived& arrived, uint64_t first) {
  std::vector<std::pair<double, uint64_t>> missing;
  const auto begin = Clock::now();
  for (double at = 0; at < 1; at = Seconds(Clock::now() - begin).count()) {
    const uint64_t there = arrived.Packets() - first;
    missing.emplace_back(at, generator.Written() - there);
    std::this_thread::sleep_for(std::chrono::microseconds(100));
  }
  const auto lost = std::ranges::min_element(missing, {}, [](const auto& one) { return one.second; })->second;
  return std::ranges::find_if(missing, [&](const auto& one) { return one.second <= lost + FLOW_BATCH; })
      ->first;
}

// Packets a second, for so long.
double Rate(const Arrived& arrived, double seconds) {
  const auto begin = Clock::now();
  const uint64_t before = arrived.Packets();
  std::this_thread::sleep_for(Seconds(seconds));
  return static_cast<double>(arrived.Packets() - before) / Seconds(Clock::now() - begin).count();
}

double Median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<ptrdiff_t>(values.size() / 2);
  std::ranges::nth_element(values, middle);
  return *middle;
}

// The medians of both, taken in turns so short that a machine which drifts is the same for both.
struct Rates {
  double flows = 0, beside = 0;
};
Rates InTurns(Generator& generator, const Arrived& arrived, double seconds) {
  const int turns = std::max(1, static_cast<int>(seconds / kTurn));
  std::vector<double> flows, beside;
  for (int turn = 0; turn < turns; ++turn) {
    for (auto* rates : {&beside, &flows}) {
      generator.Beside(rates == &beside);
      std::this_thread::sleep_for(Seconds(kSettle));
      rates->push_back(Rate(arrived, kTurn));
    }
  }
  return {.flows = Median(flows), .beside = Median(beside)};
}

void Run(const Send& send) {
  ComeFirst(Rank::kMeasures);
  Generator generator(send.traffic);
  generator.Pace(send.rate / send.cpus);
  Arrived arrived(send.sink);
  arrived.CountDelays(send.traffic.stamp);
  const uint64_t first = arrived.Packets();
  Rates rates;
  double recovery = 0;
  {
    const Senders senders(generator, send.cpus, send.packets);
    std::this_thread::sleep_for(Seconds(send.warm));
    if (send.traffic.beside > 0) {
      rates = InTurns(generator, arrived, send.seconds);
    } else {
      rates.flows = Rate(arrived, send.seconds);
    }
    if (send.then > 0) {
      generator.Pace(send.then / send.cpus);
      recovery = Recovery(generator, arrived, first);
    }
  }
  std::this_thread::sleep_for(Seconds(send.tail));
  arrived.CountDelays(false);
  std::printf("{\"packets_per_second\": %.0f, \"sent\": %llu, \"arrived\": %llu", rates.flows,
              static_cast<unsigned long long>(generator.Written()),
              static_cast<unsigned long long>(arrived.Packets() - first));
  if (send.traffic.beside > 0) std::printf(", \"beside\": %.0f", rates.beside);
  if (send.traffic.stamp) PrintDelays(arrived);
  if (send.then > 0) std::printf(", \"recovery\": %.4f", recovery);
  std::printf("}\n");
}

}  // namespace

void AddSend(CLI::App& app) {
  auto send = std::make_shared<Send>();
  CLI::App* verb = app.add_subcommand("send", "live frames for some seconds");
  AddOptions(*verb, &send->traffic);
  verb->add_option("--beside", send->traffic.beside,
                   "as many flows in turns with --flows, in which each is measured for --seconds");
  verb->add_option("--sink", send->sink, "folder of the sinks' pins")->required();
  verb->add_option("--seconds", send->seconds);
  verb->add_option("--warm", send->warm, "seconds before them");
  verb->add_option("--tail", send->tail, "seconds for what is still on its way");
  verb->add_option("--rate", send->rate, "packets a second; else as many as can be");
  verb->add_option("--then", send->then, "the rate for a second more, in which the last loss is looked for");
  verb->add_option("--packets", send->packets, "no more of each CPU");
  verb->add_option("--cpus", send->cpus)->check(CLI::Range(1, 64));
  verb->callback([send] { Run(*send); });
}

void AddStream(CLI::App& app) {
  auto traffic = std::make_shared<Traffic>();
  CLI::App* verb = app.add_subcommand("stream", "live frames, as many as can be, until it is killed");
  AddOptions(*verb, traffic.get());
  verb->callback([traffic] {
    Generator generator(*traffic);
    SendFromCpu(generator, 0, kEver);
  });
}

}  // namespace ov6::bench
