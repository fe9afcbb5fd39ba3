// SPDX-License-Identifier: Apache-2.0
// Starts slaves. The death signal of a child goes off when the *thread* that forked
// it ends, so one thread, as long-lived as the daemon, does all of it.
#ifndef OV6_USERSPACE_OV6D_SPAWNER_H
#define OV6_USERSPACE_OV6D_SPAWNER_H

#include <sys/types.h>

#include <condition_variable>
#include <functional>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"

namespace ov6 {

struct SpawnRequest {
  std::string executable;
  std::vector<std::string> arguments;  // without argv[0]
  uid_t uid = 0;
  gid_t gid = 0;
  std::vector<int> inherited;  // become descriptors 3, 4, 5 ... of the child
};

struct SpawnedProcess {
  pid_t pid = -1;
  int pidfd = -1;  // readable when it ended; the caller's to close
};

class Spawner {
 public:
  virtual ~Spawner() = default;
  // The caller keeps `inherited`. An error: the executable could not be run; the sentence says why.
  virtual absl::StatusOr<SpawnedProcess> Spawn(const SpawnRequest& request) = 0;
};

class ThreadSpawner : public Spawner {
 public:
  ThreadSpawner();
  ~ThreadSpawner() override;
  absl::StatusOr<SpawnedProcess> Spawn(const SpawnRequest& request) override;

 private:
  void Run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::function<void()> task_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace ov6

#endif
