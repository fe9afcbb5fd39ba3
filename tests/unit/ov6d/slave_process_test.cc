// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_process.h"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>

namespace ov6 {
namespace {

using boost::asio::posix::stream_descriptor;

class SlaveProcessTest : public testing::Test {
 protected:
  // A child that lives until it is killed.
  static SpawnedProcess Child() {
    const pid_t pid = ::fork();
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
    return {pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  }
  void Follow() {
    process_.emplace(io_, Child(), [this](int status) { exited_ = status; });
  }

  boost::asio::io_context io_;
  std::optional<SlaveProcess> process_;
  std::optional<int> exited_;
};

TEST_F(SlaveProcessTest, AnEndIsToldOnce) {
  Follow();
  process_->Signal(SIGKILL);
  io_.run();
  EXPECT_EQ(exited_, 128 + SIGKILL);
}

// Two descriptors are ready at once; the first one's handler closes the other, and a process is followed by
// what Asio kept for that. It must neither be taken for ended nor be waited for.
TEST_F(SlaveProcessTest, AnEventOfAClosedDescriptorIsNoEnd) {
  int pipes[2][2];
  std::optional<stream_descriptor> readers[2];
  for (int i = 0; i < 2; ++i) {
    ASSERT_EQ(::pipe(pipes[i]), 0);
    ASSERT_EQ(::write(pipes[i][1], "x", 1), 1);
    readers[i].emplace(io_, pipes[i][0]);
  }
  for (auto& reader : readers) {
    reader->async_wait(stream_descriptor::wait_read, [&](boost::system::error_code error) {
      if (error || process_) return;
      for (auto& each : readers) {
        if (&each != &reader) each->close();
      }
      Follow();
    });
  }
  while (io_.poll() != 0) {
  }
  EXPECT_FALSE(exited_);
  process_->Signal(SIGTERM);
  io_.run();
  EXPECT_EQ(exited_, 128 + SIGTERM);
  for (auto& pipe : pipes) ::close(pipe[1]);
}

}  // namespace
}  // namespace ov6
