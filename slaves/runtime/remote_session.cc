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
      former_timer_(loop),
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
  SessionOptions options;
  options.host = master().HostField();
  options.heartbeat = options_.heartbeat;
  ++number_;
  session_ = std::make_unique<SessionClient>(loop_, std::move(stream), MakeHandlers(), options);
  UpgradeRequest request = options_.request;
  request.token = options_.token();
  session_->Open(request);
}

// Of the former one packets count, and that it ends.
SessionHandlers RemoteSession::MakeHandlers() {
  SessionHandlers handlers;
  handlers.opened = [this] {
    assign_timer_.After(options_.assign_timeout, [this] {
      GiveUp(absl::UnavailableError(
          "a 101 came and nothing behind it: something on the way does not carry what follows an Upgrade"));
    });
  };
  handlers.assigned = [this, number = number_](const AddressAssignCapsule& capsule) {
    number == number_&& session_ ? OnAssigned(capsule) : OnFormerAssigned(capsule);
  };
  handlers.datagram = handlers_.datagram;
  handlers.caught_up = handlers_.caught_up;
  handlers.drained = handlers_.drained;
  handlers.call = [this, number = number_](const CallCapsule& call, SessionHandlers::Respond respond) {
    number == number_&& session_ ? handlers_.call(call, std::move(respond)) : respond("{}");
  };
  handlers.closed = [this, number = number_](absl::Status why) {
    OnClosed(number, why.ok() ? absl::UnavailableError("the master closed the session") : std::move(why));
  };
  return handlers;
}

void RemoteSession::OnClosed(uint64_t number, absl::Status why) {
  if (number == number_ && session_) return GiveUp(std::move(why));
  loop_.Post([this, alive = alive_] {
    if (*alive) EndFormer();
  });
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

// --- from one master to the next ---------------------------------------------------

void RemoteSession::MoveOn(Duration away) {
  if (!up_since_ || former_ || stopped_) return;
  spdlog::info("{} asks to be left for {} s", master().ToString(),
               std::chrono::duration_cast<std::chrono::seconds>(away).count());
  if (options_.masters.size() == 1) {
    away_ = away;
    session_->Advertise({});
    return session_->Flush([this] { GiveUp(absl::UnavailableError("it is drained")); });
  }
  former_ = std::move(session_);
  former_empty_ = settled_ = former_left_ = false;
  former_timer_.After(kMoveTime, [this] { EndFormer(); });
  const BootTime since = *std::exchange(up_since_, std::nullopt);
  retry_.After(absl::UnavailableError("it is drained"), BootClock::now() - since);
  Attempt();
}

void RemoteSession::Settle(bool same_prefix) {
  if (!former_ || former_left_ || std::exchange(settled_, true)) return;
  if (former_empty_ || !same_prefix) return LeaveFormer();
  former_timer_.After(kOverlap, [this] { LeaveFormer(); });
}

// Whoever has it now is known to the former master: what we send from there is believed.
void RemoteSession::OnFormerAssigned(const AddressAssignCapsule& capsule) {
  former_empty_ = capsule.prefixes.empty();
  if (former_empty_ && settled_) LeaveFormer();
}

// It has a moment for what is still on its way to us.
void RemoteSession::LeaveFormer() {
  if (!former_ || std::exchange(former_left_, true)) return;
  former_timer_.After(kOverlap, [this] { EndFormer(); });
  handlers_.moved();
}

// Without another to send by, nothing is sent any more.
void RemoteSession::EndFormer() {
  if (!former_) return;
  if (settled_) LeaveFormer();
  former_timer_.Cancel();
  if (!former_left_) handlers_.lost();
  if (!former_->open()) return former_.reset();
  former_->Advertise({});
  former_->Flush([this, alive = alive_] {
    loop_.Post([this, alive] {
      if (*alive) former_.reset();
    });
  });
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
  Retry::Next next = retry_.After(why, since ? BootClock::now() - *since : Duration(0));
  next.pause = std::max(next.pause, std::exchange(away_, Duration(0)));
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
