// SPDX-License-Identifier: Apache-2.0
// A stream of numbered UDP packets at a steady rate, and what became of it.
//
//   stream send ADDRESS PORT RATE SECONDS     RATE packets a second; prints how many were sent
//   stream receive PORT SECONDS               until that long after the last; prints a JSON object: received,
//   lost
//                                             (numbers below the highest that never came), twice, and gap:
//                                             the longest time without any, from, to (Unix ns) and lost in it
#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "stream: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int Socket() {
  const int fd = ::socket(AF_INET6, SOCK_DGRAM, 0);
  if (fd < 0) Fail("socket");
  return fd;
}

int Send(const char* address, uint16_t port, int rate, int seconds) {
  sockaddr_in6 to{};
  to.sin6_family = AF_INET6;
  to.sin6_port = htons(port);
  if (::inet_pton(AF_INET6, address, &to.sin6_addr) != 1) Fail(std::string(address) + " is no IPv6 address");
  const int fd = Socket();
  const auto start = Clock::now();
  uint64_t number = 0, failed = 0;
  const uint64_t all = static_cast<uint64_t>(rate) * static_cast<uint64_t>(seconds);
  for (; number < all; ++number) {
    std::this_thread::sleep_until(
        start + std::chrono::nanoseconds(number * 1'000'000'000 / static_cast<uint64_t>(rate)));
    if (::sendto(fd, &number, sizeof(number), 0, reinterpret_cast<sockaddr*>(&to), sizeof(to)) < 0) ++failed;
  }
  std::printf("{\"sent\": %lu, \"failed\": %lu}\n", number, failed);
  return 0;
}

int64_t UnixNow() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

int Receive(uint16_t port, int seconds) {
  const int fd = Socket();
  int room = 8 << 20;
  if (::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room)) != 0) Fail("SO_RCVBUFFORCE");
  sockaddr_in6 at{};
  at.sin6_family = AF_INET6;
  at.sin6_port = htons(port);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)) != 0) Fail("bind");
  std::vector<bool> seen;
  uint64_t received = 0, twice = 0, last_number = 0, gap_lost = 0;
  int64_t last = 0, gap = 0, from = 0, to = 0;
  pollfd wait{fd, POLLIN, 0};
  while (::poll(&wait, 1, last == 0 ? 60'000 : seconds * 1000) > 0) {
    uint64_t number = 0;
    if (::recv(fd, &number, sizeof(number), 0) != sizeof(number)) continue;
    const int64_t now = UnixNow();
    if (seen.size() <= number) seen.resize(number + 1);
    twice += seen[number] ? 1 : 0;
    received += seen[number] ? 0 : 1;
    seen[number] = true;
    if (last != 0 && now - last > gap) {
      gap = now - last, from = last, to = now;
      gap_lost = number > last_number ? number - last_number - 1 : 0;
    }
    last = now;
    last_number = number;
  }
  std::printf(
      "{\"received\": %lu, \"lost\": %lu, \"twice\": %lu, \"gap_ns\": %ld, \"from\": %ld, \"to\": %ld, "
      "\"gap_lost\": %lu}\n",
      received, seen.size() - received, twice, gap, from, to, gap_lost);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  const std::string verb = argc > 1 ? argv[1] : "";
  if (verb == "send" && argc == 6)
    return Send(argv[2], static_cast<uint16_t>(std::atoi(argv[3])), std::atoi(argv[4]), std::atoi(argv[5]));
  if (verb == "receive" && argc == 4)
    return Receive(static_cast<uint16_t>(std::atoi(argv[2])), std::atoi(argv[3]));
  std::fprintf(stderr, "usage: stream send ADDRESS PORT RATE SECONDS | stream receive PORT SECONDS\n");
  return 2;
}
