// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/remote_session.h"

#include <spdlog/spdlog.h>

#include <utility>

namespace ov6 {

RemoteSession::RemoteSession(Loop& loop, RemoteOptions options, Handlers handlers, Retry::Random random)
    : loop_(loop),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      retry_(options_.masters.size(), std::move(random)),
      connector_(loop, options_.tls),
      assign_timer_(loop),
      retry_timer_(loop) {}

RemoteSession::~RemoteSession() { *alive_ = false; }

void RemoteSession::Start() { Attempt(); }

void RemoteSession::Attempt() {
  const auto proxy = options_.proxy.For(master());
  if (!proxy.ok()) return OnEnded(proxy.status());
  spdlog::debug("connecting to {}{}", master().ToString(), *proxy ? " through " + (*proxy)->Authority() : "");
  connector_.Connect(master(), *proxy, [this](absl::StatusOr<std::unique_ptr<Stream>> stream) {
    stream.ok() ? Open(*std::move(stream)) : OnEnded(stream.status());
  });
}

void RemoteSession::Open(std::unique_ptr<Stream> stream) {
  SessionHandlers handlers;
  handlers.opened = [this] {
    assign_timer_.After(options_.assign_timeout, [this] {
      GiveUp(absl::UnavailableError(
          "a 101 came and nothing behind it: something on the way does not carry what follows an Upgrade"));
    });
  };
  handlers.assigned = [this](const AddressAssignCapsule& capsule) { OnAssigned(capsule); };
  handlers.datagram = handlers_.datagram;
  handlers.caught_up = handlers_.caught_up;
  handlers.drained = handlers_.drained;
  handlers.call = handlers_.call;
  handlers.closed = [this](absl::Status why) {
    GiveUp(why.ok() ? absl::UnavailableError("the master closed the session") : std::move(why));
  };
  SessionOptions options;
  options.host = master().HostField();
  options.heartbeat = options_.heartbeat;
  session_ = std::make_unique<SessionClient>(loop_, std::move(stream), std::move(handlers), options);
  UpgradeRequest request = options_.request;
  request.token = options_.token();
  session_->Open(request);
}

void RemoteSession::OnAssigned(const AddressAssignCapsule& capsule) {
  assign_timer_.Cancel();
  if (!up_since_) {
    up_since_ = BootClock::now();
    logged_.clear();
    spdlog::info("the session with {} is up", master().ToString());
  }
  handlers_.assigned(capsule);
}

// Later, since it may be the session that calls.
void RemoteSession::GiveUp(absl::Status why) {
  if (std::exchange(ending_, true)) return;
  loop_.Post([this, alive = alive_, why = std::move(why)] {
    if (*alive) OnEnded(why);
  });
}

void RemoteSession::OnEnded(const absl::Status& why) {
  ending_ = false;
  if (stopped_) return;
  assign_timer_.Cancel();
  session_.reset();
  const auto since = std::exchange(up_since_, std::nullopt);
  const std::string where = master().ToString();
  const Retry::Next next = retry_.After(why, since ? BootClock::now() - *since : Duration(0));
  const std::string sentence(why.message());
  if (std::exchange(logged_[where], sentence) != sentence) {
    const double seconds = std::chrono::duration<double>(next.pause).count();
    spdlog::warn("{}: {}; trying {} in {:.1f} s", where, sentence, master().ToString(), seconds);
  }
  retry_timer_.After(next.pause, [this] { Attempt(); });
  if (since) handlers_.lost();
}

void RemoteSession::Stop(Callback done) {
  stopped_ = true;
  retry_timer_.Cancel();
  assign_timer_.Cancel();
  connector_.Cancel();
  if (up() == nullptr) return loop_.Post(std::move(done));
  session_->Flush(std::move(done));
}

}  // namespace ov6
