// SPDX-License-Identifier: Apache-2.0
#include "tests/datapath/private_world.h"

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <thread>

#include "gtest/gtest.h"

namespace ov6 {
namespace {

void Require(bool ok, const char* what) {
  if (ok) return;
  perror(what);
  abort();
}

}  // namespace

bool PrivateWorld::Possible() { return geteuid() == 0; }

PrivateWorld::PrivateWorld() {
  Require(unshare(CLONE_NEWNS | CLONE_NEWNET) == 0, "unshare");
  Require(mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0, "making mounts private");
  char name[] = "/tmp/ov6-datapath-XXXXXX";
  Require(mkdtemp(name) != nullptr, "mkdtemp");
  bpffs_ = name;
  Require(mount("bpf", name, "bpf", 0, nullptr) == 0, "mounting a bpffs");
}

PrivateWorld::~PrivateWorld() {
  umount2(bpffs_.c_str(), MNT_DETACH);
  std::filesystem::remove(bpffs_);
}

void Shell(const std::string& command) { EXPECT_EQ(system(command.c_str()), 0) << command; }

void MakeVeth(const std::string& name) {
  Shell("ip link add " + name + " type veth peer name " + name + "h");
  Shell("ethtool -K " + name + "h gro on tx off >/dev/null");
  Shell("ip link set " + name + " up && ip link set " + name + "h up");
}

std::string ShellOutput(const std::string& command) {
  std::string output;
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) return output;
  char buffer[4096];
  while (const size_t size = fread(buffer, 1, sizeof(buffer), pipe)) output.append(buffer, size);
  pclose(pipe);
  return output;
}

int InChild(const std::function<int()>& work) {
  const pid_t pid = fork();
  if (pid == 0) {
    const int result = work();
    fflush(nullptr);
    _exit(result);
  }
  int status = 0;
  waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

RawSocket::RawSocket(const std::string& interface)
    : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(0x0003))) {
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_protocol = htons(0x0003);
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  Require(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0, "bind");
}

void RawSocket::Send(std::span<const uint8_t> frame) {
  EXPECT_EQ(send(fd_.get(), frame.data(), frame.size(), 0), static_cast<ssize_t>(frame.size()));
}

std::vector<uint8_t> RawSocket::Receive(uint16_t ethertype) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < deadline) {
    pollfd waiting{fd_.get(), POLLIN, 0};
    if (poll(&waiting, 1, 100) != 1) continue;
    std::vector<uint8_t> frame(4096);
    sockaddr_ll from{};
    socklen_t size = sizeof(from);
    const ssize_t length =
        recvfrom(fd_.get(), frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 14 || from.sll_pkttype == PACKET_OUTGOING) continue;
    if ((frame[12] << 8 | frame[13]) != ethertype) continue;
    frame.resize(static_cast<size_t>(length));
    return frame;
  }
  return {};
}

bool Eventually(const std::function<bool()>& condition) {
  for (int i = 0; i < 200; ++i) {
    if (condition()) return true;
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
  }
  return false;
}

}  // namespace ov6
