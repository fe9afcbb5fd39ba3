// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/spawner.h"

#include <fcntl.h>
#include <grp.h>
#include <linux/close_range.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>

namespace ov6 {
namespace {

constexpr int kFirstInherited = 3;
constexpr int kMostInherited = 4;
constexpr int kHighest = 100;  // above every number the child will use
constexpr rlim_t kOpenFiles = 256, kProcesses = 16;

// What a child could not do, and why; written to the parent before it gives up.
struct Failure {
  int error;
  char doing[60];
};

// From here to exec only async-signal-safe calls: other threads' locks were copied as they stood.
struct Child {
  const char* executable;
  char* const* argv;
  uid_t uid;
  gid_t gid;
  int inherited[kMostInherited];
  int inherited_count;
  int program;  // the executable, opened by the parent
  int report;
  pid_t parent;

  [[noreturn]] void Fail(const char* doing) const {
    Failure failure{errno, {}};
    std::strncpy(failure.doing, doing, sizeof(failure.doing) - 1);
    if (::write(report, &failure, sizeof(failure)) < 0) ::_exit(126);
    ::_exit(127);
  }

  void ResetSignals() const {
    sigset_t none;
    sigemptyset(&none);
    ::sigprocmask(SIG_SETMASK, &none, nullptr);
    for (int number = 1; number < NSIG; ++number) ::signal(number, SIG_DFL);
  }

  void PlaceDescriptors() {
    report = ::fcntl(report, F_DUPFD_CLOEXEC, kHighest);
    program = ::fcntl(program, F_DUPFD_CLOEXEC, kHighest);
    for (int i = 0; i < inherited_count; ++i) {
      inherited[i] = ::fcntl(inherited[i], F_DUPFD_CLOEXEC, kHighest);
      if (inherited[i] < 0) Fail("duplicating a descriptor");
    }
    const int null = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
    if (null < 0 || ::dup2(null, 0) < 0) Fail("opening /dev/null");
    for (int i = 0; i < inherited_count; ++i) {
      if (::dup2(inherited[i], kFirstInherited + i) < 0) Fail("placing a descriptor");
    }
    const unsigned first = static_cast<unsigned>(kFirstInherited + inherited_count);
    ::syscall(SYS_close_range, first, ~0u, CLOSE_RANGE_CLOEXEC);
  }

  void Limit(__rlimit_resource resource, rlim_t most) const {
    const rlimit limit{most, most};
    if (::setrlimit(resource, &limit) != 0) Fail("setting a resource limit");
  }

  void GiveUpPrivileges() const {
    if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0) Fail("changing the group");
    if (::setresuid(uid, uid, uid) != 0) Fail("changing the user");
    if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) Fail("giving up new privileges");
    // A change of uid clears the death signal, so it comes after; and the parent may be gone already.
    if (::prctl(PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0) != 0) Fail("asking for a death signal");
    if (::getppid() != parent) ::_exit(125);
  }

  [[noreturn]] void Run() {
    ResetSignals();
    PlaceDescriptors();
    Limit(RLIMIT_CORE, 0);
    Limit(RLIMIT_NOFILE, kOpenFiles);
    Limit(RLIMIT_NPROC, kProcesses);
    ::setsid();  // away from ov6d's terminal
    GiveUpPrivileges();
    char* const environment[] = {nullptr};
    ::execve(executable, argv, environment);
    // A folder on the way may be closed to the slave's user (a build below /root): the file itself is open.
    if (errno == EACCES) ::syscall(SYS_execveat, program, "", argv, environment, AT_EMPTY_PATH);
    Fail("running it");
  }
};

absl::StatusOr<SpawnedProcess> Fork(Child child, int failure_pipe) {
  const pid_t pid = ::fork();
  if (pid < 0) {
    const int error = errno;
    ::close(child.report);
    return absl::ErrnoToStatus(error, "fork failed");
  }
  if (pid == 0) child.Run();
  ::close(child.report);
  Failure failure{};
  ssize_t size;
  do {
    size = ::read(failure_pipe, &failure, sizeof(failure));
  } while (size < 0 && errno == EINTR);
  if (size == 0) return SpawnedProcess{pid, static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))};
  ::waitpid(pid, nullptr, 0);
  failure.doing[sizeof(failure.doing) - 1] = 0;
  return absl::ErrnoToStatus(failure.error, std::string(child.executable) + ": " + failure.doing + " failed");
}

absl::StatusOr<SpawnedProcess> ForkAndExec(const SpawnRequest& request) {
  std::vector<char*> argv = {const_cast<char*>(request.executable.c_str())};
  for (const std::string& argument : request.arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  const int program = ::open(request.executable.c_str(), O_PATH | O_CLOEXEC);
  if (program < 0) return absl::ErrnoToStatus(errno, request.executable + ": running it failed");
  int failure_pipe[2];
  if (::pipe2(failure_pipe, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(program);
    return absl::ErrnoToStatus(error, "making a pipe failed");
  }
  Child child{request.executable.c_str(),
              argv.data(),
              request.uid,
              request.gid,
              {},
              static_cast<int>(request.inherited.size()),
              program,
              failure_pipe[1],
              ::getpid()};
  for (size_t i = 0; i < request.inherited.size(); ++i) child.inherited[i] = request.inherited[i];
  auto process = Fork(child, failure_pipe[0]);
  ::close(failure_pipe[0]);
  ::close(program);
  return process;
}

}  // namespace

ThreadSpawner::ThreadSpawner() : thread_([this] { Run(); }) {}

ThreadSpawner::~ThreadSpawner() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::StatusOr<SpawnedProcess> ThreadSpawner::Spawn(const SpawnRequest& request) {
  if (request.inherited.size() > kMostInherited) {
    return absl::InvalidArgumentError("a slave inherits at most 4 descriptors");
  }
  std::optional<absl::StatusOr<SpawnedProcess>> result;
  std::unique_lock lock(mutex_);
  task_ = [&] { result = ForkAndExec(request); };
  changed_.notify_all();
  changed_.wait(lock, [&] { return result.has_value(); });
  return *result;
}

void ThreadSpawner::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return stopping_ || task_; });
    if (stopping_) return;
    std::exchange(task_, nullptr)();
    changed_.notify_all();
  }
}

}  // namespace ov6
