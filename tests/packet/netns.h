// SPDX-License-Identifier: Apache-2.0
// Network namespaces without names, and going into them.
#ifndef OV6_TESTS_PACKET_NETNS_H
#define OV6_TESTS_PACKET_NETNS_H

#include <string>

namespace ov6::packet {

class Netns {
 public:
  Netns();
  Netns(const Netns&) = delete;
  ~Netns();

  int fd() const { return fd_; }
  std::string path() const;  // for ip(8)
  void Run(const std::string& command) const;
  bool Succeeds(const std::string& command) const;

 private:
  std::string Inside(const std::string& command) const;
  int fd_;
};

// The calling thread is inside until the object goes.
class Visit {
 public:
  explicit Visit(const Netns& netns);
  ~Visit();

 private:
  int home_;
};

}  // namespace ov6::packet

#endif
