// SPDX-License-Identifier: Apache-2.0
// A thread in a network namespace of its own, where the far ends of slave ports live. The
// namespace has no name and goes with the last of: this object, and sockets made in it.
// The thread keeps only the capabilities that making ports needs.
#ifndef OV6_USERSPACE_DATAPATH_PORT_THREAD_H
#define OV6_USERSPACE_DATAPATH_PORT_THREAD_H

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "userspace/base/unique_fd.h"

namespace ov6 {

class PortThread {
 public:
  // Needs CAP_SYS_ADMIN; nothing later does.
  static absl::StatusOr<std::unique_ptr<PortThread>> Start();
  ~PortThread();
  PortThread(const PortThread&) = delete;
  PortThread& operator=(const PortThread&) = delete;

  int netns_fd() const { return netns_.get(); }
  // Runs `work` there and waits for it.
  absl::Status Run(const std::function<absl::Status()>& work);

 private:
  PortThread() = default;
  absl::Status Enter();
  void Loop();

  std::mutex mutex_;
  std::condition_variable changed_;
  const std::function<absl::Status()>* work_ = nullptr;  // null: nothing to do
  absl::Status result_;
  bool stop_ = false;
  UniqueFd netns_;
  std::thread thread_;
};

}  // namespace ov6

#endif
