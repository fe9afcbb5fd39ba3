// SPDX-License-Identifier: Apache-2.0
#include "userspace/datapath/port_thread.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <initializer_list>

namespace ov6 {
namespace {

void DropCapabilities() {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct has[2]{};
  if (syscall(SYS_capget, &header, has) != 0) return;
  __user_cap_data_struct keep[2]{};
  for (const int capability : {CAP_NET_ADMIN, CAP_NET_RAW, CAP_BPF, CAP_PERFMON, CAP_IPC_LOCK}) {
    const uint32_t bit = has[CAP_TO_INDEX(capability)].permitted & CAP_TO_MASK(capability);
    keep[CAP_TO_INDEX(capability)].permitted |= bit;
    keep[CAP_TO_INDEX(capability)].effective |= bit;
  }
  syscall(SYS_capset, &header, keep);
}

}  // namespace

absl::StatusOr<std::unique_ptr<PortThread>> PortThread::Start() {
  std::unique_ptr<PortThread> thread(new PortThread);
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);  // signals are the other threads'
  thread->thread_ = std::thread([raw = thread.get()] { raw->Loop(); });
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (auto status = thread->Run([raw = thread.get()] { return raw->Enter(); }); !status.ok()) return status;
  return thread;
}

PortThread::~PortThread() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

absl::Status PortThread::Enter() {
  prctl(PR_SET_NAME, "ov6-ports");
  if (unshare(CLONE_NEWNET) != 0) {
    if (errno == EPERM) {
      return absl::PermissionDeniedError(
          "making a network namespace for slave ports needs CAP_SYS_ADMIN at start");
    }
    return absl::ErrnoToStatus(errno, "making a network namespace for slave ports");
  }
  netns_ = UniqueFd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
  if (!netns_.ok()) return absl::ErrnoToStatus(errno, "opening /proc/thread-self/ns/net");
  DropCapabilities();
  return absl::OkStatus();
}

absl::Status PortThread::Run(const std::function<absl::Status()>& work) {
  std::unique_lock lock(mutex_);
  work_ = &work;
  changed_.notify_all();
  changed_.wait(lock, [this] { return work_ == nullptr; });
  return result_;
}

void PortThread::Loop() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [this] { return work_ != nullptr || stop_; });
    if (work_ == nullptr) return;
    result_ = (*work_)();
    work_ = nullptr;
    changed_.notify_all();
  }
}

}  // namespace ov6
