// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/loop.h"

#include <boost/asio/basic_waitable_timer.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <optional>
#include <utility>

namespace ov6 {
namespace asio = boost::asio;
using boost::system::error_code;

struct Loop::Impl {
  asio::io_context context{1};
  std::optional<asio::signal_set> signals;
  std::function<void(int)> on_signal;
  std::optional<int> code;

  void WaitForSignal() {
    signals->async_wait([this](error_code error, int number) {
      if (error) return;
      on_signal(number);
      WaitForSignal();
    });
  }
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {}
Loop::~Loop() = default;

void Loop::Post(Callback callback) { asio::post(impl_->context, std::move(callback)); }

void Loop::OnSignal(std::initializer_list<int> signals, std::function<void(int)> callback) {
  impl_->signals.emplace(impl_->context);
  for (const int number : signals) impl_->signals->add(number);
  impl_->on_signal = std::move(callback);
  impl_->WaitForSignal();
}

int Loop::Run() {
  impl_->context.run();
  impl_->context.restart();
  return std::exchange(impl_->code, std::nullopt).value_or(0);
}

void Loop::Stop(int code) {
  if (!impl_->code) impl_->code = code;
  impl_->context.stop();
}

struct Descriptor::Impl {
  Impl(asio::io_context& context, int fd) : stream(context, fd) {}
  asio::posix::stream_descriptor stream;
  bool alive = true;
};

Descriptor::Descriptor(Loop& loop, int fd) : impl_(std::make_shared<Impl>(loop.impl().context, fd)) {}

Descriptor::~Descriptor() {
  impl_->alive = false;
  impl_->stream.release();  // cancels, and leaves the descriptor open
}

namespace {
template <typename Impl>
void Wait(const std::shared_ptr<Impl>& impl, asio::posix::stream_descriptor::wait_type what,
          Callback callback) {
  impl->stream.async_wait(what, [impl, callback = std::move(callback)](error_code error) {
    if (!error && impl->alive) callback();
  });
}
}  // namespace

void Descriptor::WhenReadable(Callback callback) {
  Wait(impl_, asio::posix::stream_descriptor::wait_read, std::move(callback));
}

void Descriptor::WhenWritable(Callback callback) {
  Wait(impl_, asio::posix::stream_descriptor::wait_write, std::move(callback));
}

struct Timer::Impl {
  explicit Impl(asio::io_context& context) : timer(context) {}
  asio::basic_waitable_timer<BootClock> timer;
  uint64_t generation = 0;  // a handler already queued when it was superseded finds another number
};

Timer::Timer(Loop& loop) : impl_(std::make_shared<Impl>(loop.impl().context)) {}

Timer::~Timer() { Cancel(); }

void Timer::At(BootTime deadline, Callback callback) {
  Cancel();
  impl_->timer.expires_at(deadline);
  const uint64_t generation = impl_->generation;
  impl_->timer.async_wait([impl = impl_, generation, callback = std::move(callback)](error_code error) {
    if (!error && impl->generation == generation) callback();
  });
}

void Timer::Cancel() {
  ++impl_->generation;
  impl_->timer.cancel();
}

}  // namespace ov6
