// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/spawner.h"

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ov6 {
namespace {

TEST(SpawnerTest, ExecutableThatIsNotThereIsNamed) {
  ThreadSpawner spawner;
  const auto process = spawner.Spawn({"/nonexistent/ov6-dht", {}, getuid(), getgid(), {}});
  EXPECT_THAT(std::string(process.status().message()),
              testing::HasSubstr("/nonexistent/ov6-dht: running it failed: No such file or directory"));
}

TEST(SpawnerTest, ChildHasItsDescriptorsAUserOfItsOwnAndNothingElse) {
  if (getuid() != 0) GTEST_SKIP() << "changing the user needs root";
  int ends[2], report[2];
  ASSERT_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  ASSERT_EQ(pipe2(report, O_CLOEXEC), 0);
  ThreadSpawner spawner;
  const auto process =
      spawner.Spawn({"/bin/sh",
                     {"-c",
                      "exec >&4; for f in /proc/$$/fd/*; do [ ! -e $f ] || echo fd ${f##*/}; done; "
                      "grep -E '^(Uid|Gid|Groups|CapEff|CapPrm|NoNewPrivs):' /proc/$$/status"},
                     60123,
                     60124,
                     {ends[1], report[1]}});
  ASSERT_TRUE(process.ok()) << process.status();
  close(report[1]);
  std::string said;
  char buffer[4096];
  for (ssize_t size; (size = read(report[0], buffer, sizeof(buffer))) > 0;) said.append(buffer, size);
  int status = -1;
  EXPECT_EQ(waitpid(process->pid, &status, 0), process->pid);
  EXPECT_EQ(status, 0);
  EXPECT_THAT(said, testing::HasSubstr("fd 0\nfd 1\nfd 2\nfd 3\nfd 4\nUid:"));
  EXPECT_THAT(said, testing::HasSubstr("Uid:\t60123\t60123\t60123\t60123"));
  EXPECT_THAT(said, testing::HasSubstr("Gid:\t60124\t60124\t60124\t60124"));
  EXPECT_THAT(said, testing::HasSubstr("Groups:\t \n"));
  EXPECT_THAT(said, testing::HasSubstr("CapEff:\t0000000000000000"));
  EXPECT_THAT(said, testing::HasSubstr("CapPrm:\t0000000000000000"));
  EXPECT_THAT(said, testing::HasSubstr("NoNewPrivs:\t1"));
  for (const int fd : {ends[0], ends[1], report[0], process->pidfd}) close(fd);
}

TEST(SpawnerTest, ChildDiesWithTheSpawner) {
  pid_t pid = -1;
  {
    ThreadSpawner spawner;
    const auto process = spawner.Spawn({"/bin/sleep", {"60"}, getuid(), getgid(), {}});
    ASSERT_TRUE(process.ok()) << process.status();
    close(process->pidfd);
    pid = process->pid;
  }
  int status = 0;
  EXPECT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
}

}  // namespace
}  // namespace ov6
