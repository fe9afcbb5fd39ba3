// SPDX-License-Identifier: Apache-2.0
// A network and a mount namespace for one test case, and what it does there.
#ifndef OV6_TESTS_DATAPATH_PRIVATE_WORLD_H
#define OV6_TESTS_DATAPATH_PRIVATE_WORLD_H

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>
#include <vector>

#include "userspace/base/unique_fd.h"

namespace ov6 {

class PrivateWorld {
 public:
  PrivateWorld();  // aborts the case if it cannot
  ~PrivateWorld();

  static bool Possible();
  const std::filesystem::path& bpffs() const { return bpffs_; }

 private:
  std::filesystem::path bpffs_;
};

// Runs it by the shell; a failure fails the case.
void Shell(const std::string& command);
std::string ShellOutput(const std::string& command);

// NAME and its far end NAMEh, both up; what XDP redirects to NAME arrives.
void MakeVeth(const std::string& name);

// In a child process; its exit status, or minus the signal that ended it.
int InChild(const std::function<int()>& work);

// Sends and receives whole frames on an interface.
class RawSocket {
 public:
  explicit RawSocket(const std::string& interface);
  void Send(std::span<const uint8_t> frame);
  // The next received frame of this EtherType, or nothing within two seconds.
  std::vector<uint8_t> Receive(uint16_t ethertype);

 private:
  UniqueFd fd_;
};

// Waits for a condition, two seconds at most.
bool Eventually(const std::function<bool()>& condition);

}  // namespace ov6

#endif
