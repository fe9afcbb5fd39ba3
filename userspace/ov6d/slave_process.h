// SPDX-License-Identifier: Apache-2.0
// A child process by its pidfd: a signal never reaches another that got its number.
#ifndef OV6_USERSPACE_OV6D_SLAVE_PROCESS_H
#define OV6_USERSPACE_OV6D_SLAVE_PROCESS_H

#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <functional>
#include <optional>

#include "userspace/ov6d/spawner.h"

namespace ov6 {

class SlaveProcess {
 public:
  // `exited` gets the exit status, or 128 and the signal, as a shell shows it.
  SlaveProcess(boost::asio::io_context& io, const SpawnedProcess& process, std::function<void(int)> exited);
  SlaveProcess(const SlaveProcess&) = delete;
  SlaveProcess& operator=(const SlaveProcess&) = delete;

  pid_t pid() const { return pid_; }
  void Signal(int number);

 private:
  void Await(std::function<void(int)> exited);
  std::optional<int> Reap();  // nothing: it lives

  pid_t pid_;
  boost::asio::posix::stream_descriptor descriptor_;
};

}  // namespace ov6

#endif
