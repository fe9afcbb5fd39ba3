// SPDX-License-Identifier: Apache-2.0
// UDP asked and answered, one datagram at a time. Both on one CPU: the way there and back is what is to be
// seen, not how long one CPU takes to wake another.
#include <arpa/inet.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <memory>
#include <string>
#include <vector>

#include "tests/bench/datapath/traffic.h"
#include "tests/bench/datapath/verbs.h"
#include "userspace/base/unique_fd.h"

namespace ov6::bench {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kCpu = 0;
constexpr size_t kPayload = 16;

struct Options {
  std::string address, own = "::";
  uint16_t port = 7;
  uint32_t count = 10000;
};

sockaddr_in6 Address(const std::string& text, uint16_t port) {
  sockaddr_in6 address{};
  address.sin6_family = AF_INET6;
  address.sin6_port = htons(port);
  address.sin6_addr = Ip6Address(text);
  return address;
}

UniqueFd Socket(const sockaddr_in6& own) {
  UniqueFd fd(socket(AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (!fd.ok()) Fail("a UDP socket", errno);
  if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&own), sizeof(own)) != 0) Fail("binding", errno);
  return fd;
}

void Echo(const Options& options) {
  StayOnCpu(kCpu);
  ComeFirst(Rank::kWorks);
  const UniqueFd fd = Socket(Address(options.address, options.port));
  std::array<char, kPayload> data;
  for (;;) {
    sockaddr_in6 peer{};
    socklen_t length = sizeof(peer);
    const ssize_t got =
        recvfrom(fd.get(), data.data(), data.size(), 0, reinterpret_cast<sockaddr*>(&peer), &length);
    if (got < 0) Fail("receiving", errno);
    (void)sendto(fd.get(), data.data(), static_cast<size_t>(got), 0, reinterpret_cast<sockaddr*>(&peer),
                 length);
  }
}

double Quantile(const std::vector<double>& sorted, double part) {
  return sorted[std::min(sorted.size() - 1, static_cast<size_t>(part * static_cast<double>(sorted.size())))];
}

// Microseconds each, sorted.
std::vector<double> RoundTrips(int fd, uint32_t count) {
  std::array<char, kPayload> data{};
  std::vector<double> trips;
  for (uint32_t i = 0; i < count; ++i) {
    const auto begin = Clock::now();
    if (send(fd, data.data(), data.size(), 0) < 0) Fail("sending", errno);
    if (recv(fd, data.data(), data.size(), 0) < 0) Fail("an answer", errno);
    trips.push_back(std::chrono::duration<double, std::micro>(Clock::now() - begin).count());
  }
  std::ranges::sort(trips);
  return trips;
}

void Ask(const Options& options) {
  StayOnCpu(kCpu);
  ComeFirst(Rank::kWorks);
  const UniqueFd fd = Socket(Address(options.own, 0));
  const sockaddr_in6 peer = Address(options.address, options.port);
  const timeval patience{.tv_sec = 2, .tv_usec = 0};
  setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
  if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&peer), sizeof(peer)) != 0)
    Fail("connecting", errno);
  RoundTrips(fd.get(), options.count / 10 + 1);  // warm
  const auto trips = RoundTrips(fd.get(), options.count);
  std::printf("{\"p50\": %.3f, \"p99\": %.3f, \"p99.9\": %.3f, \"quantiles\": [", Quantile(trips, 0.5),
              Quantile(trips, 0.99), Quantile(trips, 0.999));
  for (int percent = 0; percent <= 100; ++percent) {
    std::printf("%s%.3f", percent == 0 ? "" : ", ", Quantile(trips, percent / 100.0));
  }
  std::printf("]}\n");
}

CLI::App* AddVerb(CLI::App& app, const char* name, const char* what,
                  const std::shared_ptr<Options>& options) {
  CLI::App* verb = app.add_subcommand(name, what);
  verb->add_option("address", options->address, "IPv6")->required();
  verb->add_option("--port", options->port);
  return verb;
}

}  // namespace

void AddEcho(CLI::App& app) {
  auto options = std::make_shared<Options>();
  AddVerb(app, "echo", "answers UDP", options)->callback([options] { Echo(*options); });
}

void AddRoundTrips(CLI::App& app) {
  auto options = std::make_shared<Options>();
  CLI::App* verb = AddVerb(app, "round-trips", "asks it, in microseconds", options);
  verb->add_option("--own", options->own, "IPv6, to be asked from");
  verb->add_option("--count", options->count);
  verb->callback([options] { Ask(*options); });
}

}  // namespace ov6::bench
