// SPDX-License-Identifier: Apache-2.0
// The event loop of a slave: readiness of descriptors, timers in boot time, signals.
// A thin skin over Asio so that Asio is compiled once (loop.cc). Single-threaded;
// destroying a Descriptor or Timer cancels what it waits for, and its callback is
// never called after that.
#ifndef OV6_SLAVES_RUNTIME_LOOP_H
#define OV6_SLAVES_RUNTIME_LOOP_H

#include <functional>
#include <initializer_list>
#include <memory>

#include "ov6/time.h"

namespace ov6 {

using Callback = std::function<void()>;

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void Post(Callback callback);
  void OnSignal(std::initializer_list<int> signals, std::function<void(int)> callback);
  int Run();            // until Stop; the code given there, 0 if there was nothing left to wait for
  void Stop(int code);  // the first code counts

  struct Impl;
  Impl& impl() { return *impl_; }

 private:
  std::unique_ptr<Impl> impl_;
};

// Waits for an open file descriptor that somebody else owns and closes, after this is gone.
class Descriptor {
 public:
  Descriptor(Loop& loop, int fd);
  ~Descriptor();
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;

  void WhenReadable(Callback callback);  // once
  void WhenWritable(Callback callback);  // once

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

class Timer {
 public:
  explicit Timer(Loop& loop);
  ~Timer();
  Timer(const Timer&) = delete;
  Timer& operator=(const Timer&) = delete;

  void At(BootTime deadline, Callback callback);  // supersedes the one before
  void After(Duration delay, Callback callback) { At(BootClock::now() + delay, std::move(callback)); }
  void Cancel();

 private:
  struct Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace ov6

#endif
