// SPDX-License-Identifier: Apache-2.0
// A long wire: every frame that comes in at one of two devices leaves at the other that many milliseconds
// later. Offloads of whoever sends into it must be off.
//
//   delay DEVICE DEVICE MILLISECONDS
#include <arpa/inet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netpacket/packet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string>
#include <vector>

namespace {

using Clock = std::chrono::steady_clock;
constexpr size_t kMostWaiting = 100'000;

struct Waiting {
  Clock::time_point due;
  std::vector<char> frame;
};

[[noreturn]] void Fail(const std::string& what) {
  std::fprintf(stderr, "delay: %s: %s\n", what.c_str(), std::strerror(errno));
  std::exit(1);
}

int Open(const char* device) {
  const int fd = ::socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK, htons(ETH_P_ALL));
  sockaddr_ll at{};
  at.sll_family = AF_PACKET;
  at.sll_protocol = htons(ETH_P_ALL);
  at.sll_ifindex = static_cast<int>(::if_nametoindex(device));
  if (fd < 0 || at.sll_ifindex == 0) Fail(device);
  if (::bind(fd, reinterpret_cast<sockaddr*>(&at), sizeof(at)) != 0) Fail(device);
  packet_mreq promiscuous{at.sll_ifindex, PACKET_MR_PROMISC, 0, {}};
  if (::setsockopt(fd, SOL_PACKET, PACKET_ADD_MEMBERSHIP, &promiscuous, sizeof(promiscuous)) != 0)
    Fail(device);
  int room = 32 << 20, off = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof(room));
  if (::setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &off, sizeof(off)) != 0) Fail(device);
  return fd;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: delay DEVICE DEVICE MILLISECONDS\n");
    return 2;
  }
  const std::array<int, 2> sockets = {Open(argv[1]), Open(argv[2])};
  const auto delay = std::chrono::milliseconds(std::atoi(argv[3]));
  std::array<std::deque<Waiting>, 2> waiting;  // for the other device
  std::array<char, 65536> buffer;
  for (;;) {
    auto next = Clock::now() + std::chrono::seconds(1);
    for (const auto& queue : waiting) {
      if (!queue.empty()) next = std::min(next, queue.front().due);
    }
    const auto left = std::max<Clock::duration>(next - Clock::now(), {});
    const timespec timeout{std::chrono::duration_cast<std::chrono::seconds>(left).count(),
                           (left % std::chrono::seconds(1)).count()};
    std::array<pollfd, 2> polled = {pollfd{sockets[0], POLLIN, 0}, pollfd{sockets[1], POLLIN, 0}};
    ::ppoll(polled.data(), polled.size(), &timeout, nullptr);
    for (size_t i = 0; i < 2; ++i) {
      ssize_t size;
      while ((size = ::recv(sockets[i], buffer.data(), buffer.size(), 0)) > 0) {
        if (waiting[i].size() < kMostWaiting)
          waiting[i].push_back({Clock::now() + delay, {buffer.data(), buffer.data() + size}});
      }
      for (; !waiting[i].empty() && waiting[i].front().due <= Clock::now(); waiting[i].pop_front()) {
        const auto& frame = waiting[i].front().frame;
        // What can't be sent is lost, as on a wire that was cut.
        (void)!::send(sockets[1 - i], frame.data(), frame.size(), 0);
      }
    }
  }
}
