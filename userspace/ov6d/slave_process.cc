// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_process.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ov6 {

SlaveProcess::SlaveProcess(boost::asio::io_context& io, const SpawnedProcess& process,
                           std::function<void(int)> exited)
    : pid_(process.pid), descriptor_(io, process.pidfd) {
  descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read,
                         [this, exited = std::move(exited)](boost::system::error_code error) {
                           if (!error) exited(Reap());
                         });
}

void SlaveProcess::Signal(int number) {
  ::syscall(SYS_pidfd_send_signal, descriptor_.native_handle(), number, nullptr, 0);
}

int SlaveProcess::Reap() {
  int status = 0;
  if (::waitpid(pid_, &status, 0) != pid_) return -1;
  return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

}  // namespace ov6
