// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_process.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <utility>

namespace ov6 {

SlaveProcess::SlaveProcess(boost::asio::io_context& io, const SpawnedProcess& process,
                           std::function<void(int)> exited)
    : pid_(process.pid), descriptor_(io, process.pidfd) {
  Await(std::move(exited));
}

// Asio may say so of a descriptor that took the place of one closed a moment ago, for which there was an
// event.
void SlaveProcess::Await(std::function<void(int)> exited) {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this, exited = std::move(exited)](boost::system::error_code error) mutable {
                           if (error) return;
                           const auto status = Reap();
                           if (!status) return Await(std::move(exited));
                           exited(*status);
                         });
}

void SlaveProcess::Signal(int number) {
  ::syscall(SYS_pidfd_send_signal, descriptor_.native_handle(), number, nullptr, 0);
}

std::optional<int> SlaveProcess::Reap() {
  int status = 0;
  const pid_t reaped = ::waitpid(pid_, &status, WNOHANG);
  if (reaped == 0) return std::nullopt;
  if (reaped != pid_) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ov6
