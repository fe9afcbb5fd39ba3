// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/remote_session.h"

#include <fmt/format.h>
#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

namespace ov6 {

RemoteSession::RemoteSession(Loop& loop, RemoteOptions options, Handlers handlers, Retry::Random random)
    : loop_(loop),
      options_(std::move(options)),
      handlers_(std::move(handlers)),
      retry_(options_.masters.size(), std::move(random)),
      connector_(loop, options_.tls),
      polls_(loop, options_.tls),
      choices_(options_.masters.size(), TransportChoice(options_.transport, options_.upgrade_again)),
      former_timer_(loop),
      assign_timer_(loop),
      retry_timer_(loop),
      trial_timer_(loop) {}

RemoteSession::~RemoteSession() { *alive_ = false; }

void RemoteSession::Start() { Attempt(); }

void RemoteSession::Attempt() {
  const auto proxy = options_.proxy.For(master());
  if (!proxy.ok()) return OnEnded(proxy.status());
  polled_ = choice().Polls(BootClock::now());
  spdlog::debug("connecting to {}{}{}", master().ToString(),
                *proxy ? " through " + (*proxy)->Authority() : "", polled_ ? " by long polls" : "");
  polled_ ? AttemptPolls(*proxy) : AttemptUpgrade(*proxy);
}

void RemoteSession::AttemptUpgrade(const std::optional<ProxyUrl>& proxy) {
  connector_.Connect(master(), proxy, [this, proxy](absl::StatusOr<std::unique_ptr<Stream>> stream) {
    if (stream.ok()) {
      Make(*std::move(stream));
      return session_->Open(Request());
    }
    // A proxy may refuse to CONNECT and yet take requests as they are, if they are not for https.
    const bool others = proxy && !master().tls && !absl::IsUnavailable(stream.status());
    OnEnded(others ? absl::UnimplementedError(stream.status().message()) : stream.status());
  });
}

void RemoteSession::AttemptPolls(const std::optional<ProxyUrl>& proxy) {
  polls_.Open({master(), proxy}, Request(), [this](absl::StatusOr<std::unique_ptr<Stream>> stream) {
    if (!stream.ok()) return OnEnded(stream.status());
    Make(*std::move(stream));
    session_->StartOpen();
  });
}

UpgradeRequest RemoteSession::Request() const {
  UpgradeRequest request = options_.request;
  request.token = options_.token();
  return request;
}

void RemoteSession::Make(std::unique_ptr<Stream> stream) {
  SessionOptions options;
  options.host = master().HostField();
  options.heartbeat = options_.heartbeat;
  ++number_;
  session_ = std::make_unique<SessionClient>(loop_, std::move(stream), MakeHandlers(), options);
}

// Of the former one packets count, and that it ends.
SessionHandlers RemoteSession::MakeHandlers() {
  SessionHandlers handlers;
  handlers.opened = [this] {
    // By polls the first answer takes another connection.
    assign_timer_.After(options_.assign_timeout * (polled_ ? 2 : 1), [this] {
      GiveUp(absl::AbortedError(polled_ ? "the session was opened, and nothing came of it"
                                        : "a 101 came and nothing behind it: something on the way does not "
                                          "carry what follows an Upgrade"));
    });
  };
  handlers.assigned = [this, number = number_](const AddressAssignCapsule& capsule) {
    number == number_&& session_ ? OnAssigned(capsule) : OnFormerAssigned(capsule);
  };
  handlers.datagram = handlers_.datagram;
  handlers.caught_up = handlers_.caught_up;
  handlers.drained = handlers_.drained;
  handlers.call = [this, number = number_](const CallCapsule& call, SessionHandlers::Respond respond) {
    if (number != number_ || !session_) return respond("{}");
    if (!up_since_) return respond(absl::UnavailableError("no prefixes have been assigned yet"));
    handlers_.call(call, std::move(respond));
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
    polled_ ? AwaitUpgrade() : choice().Forget();
    spdlog::info("the session with {} is up{}", master().ToString(), polled_ ? ", by long polls" : "");
  }
  handlers_.assigned(capsule);
}

// --- from one master to the next ---------------------------------------------------

void RemoteSession::MoveOn(Duration away) {
  if (!up_since_ || former_ || stopped_ || moving_) return;
  spdlog::info("{} asks to be left for {} s", master().ToString(),
               std::chrono::duration_cast<std::chrono::seconds>(away).count());
  if (options_.masters.size() == 1) {
    away_ = away;
    session_->Advertise({});
    return session_->Flush([this] { GiveUp(absl::UnavailableError("it is drained")); });
  }
  EndTrial();
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
  if (!std::exchange(former_left_, true)) handlers_.lost();
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

// What another way of carrying the same may help against.
bool RemoteSession::IsBlocked(const absl::Status& why) const {
  return !polled_ && !up_since_ &&
         (absl::IsUnimplemented(why) || absl::IsAborted(why) || absl::IsDeadlineExceeded(why));
}

void RemoteSession::OnEnded(const absl::Status& why) {
  ending_ = false;
  if (stopped_) return;
  assign_timer_.Cancel();
  EndTrial();
  session_.reset();
  if (IsBlocked(why) && choice().OnBlocked(BootClock::now())) {
    Tell(master().ToString() + " by Upgrade", std::string(why.message()), "going on by long polls");
    return Attempt();
  }
  const auto since = std::exchange(up_since_, std::nullopt);
  // One that another session keeps out would have been carried.
  if (polled_ && !since && !absl::IsAlreadyExists(why)) choice().Forget();
  if (std::exchange(moving_, false))
    retry_timer_.After(Duration(0), [this] { Attempt(); });
  else
    Pause(why, since ? BootClock::now() - *since : Duration(0));
  if (since) handlers_.lost();
}

void RemoteSession::Pause(const absl::Status& why, Duration lived) {
  const std::string where = master().ToString();
  Retry::Next next = retry_.After(why, lived);
  next.pause = std::max(next.pause, std::exchange(away_, Duration(0)));
  const double seconds = std::chrono::duration<double>(next.pause).count();
  Tell(where, std::string(why.message()), fmt::format("trying {} in {:.1f} s", master().ToString(), seconds));
  retry_timer_.After(next.pause, [this] { Attempt(); });
}

void RemoteSession::Tell(const std::string& about, const std::string& sentence, const std::string& then) {
  if (std::exchange(logged_[about], sentence) != sentence) spdlog::warn("{}: {}; {}", about, sentence, then);
}

// --- from polls to an Upgrade ----------------------------------------------------

void RemoteSession::EndTrial() {
  trial_timer_.Cancel();
  connector_.Cancel();
  trial_.reset();
}

void RemoteSession::AwaitUpgrade() {
  if (choice().again() < BootTime::max()) trial_timer_.At(choice().again(), [this] { TryUpgrade(); });
}

void RemoteSession::TryUpgrade() {
  const auto proxy = options_.proxy.For(master());
  if (!proxy.ok()) return OnTried(false);
  connector_.Connect(master(), *proxy, [this](absl::StatusOr<std::unique_ptr<Stream>> stream) {
    if (!stream.ok()) return OnTried(false);
    SessionHandlers handlers;
    handlers.opened = [this] { OnTried(true); };
    // That the slave has a session already says that the master has read an Upgrade.
    handlers.closed = [this](const absl::Status& why) { OnTried(absl::IsAlreadyExists(why)); };
    SessionOptions options;
    options.host = master().HostField();
    trial_ = std::make_unique<SessionClient>(loop_, *std::move(stream), std::move(handlers), options);
    trial_->Open(Request());
  });
}

// Later, since it may be the trial that calls.
void RemoteSession::OnTried(bool carried) {
  loop_.Post([this, carried, alive = alive_] {
    if (!*alive || !up_since_ || !polled_ || moving_) return;
    trial_.reset();
    if (!carried) {
      choice().OnBlocked(BootClock::now());
      return AwaitUpgrade();
    }
    choice().Forget();
    moving_ = true;
    // Whoever has said goodbye is not kept out by itself.
    session_->Advertise({});
    session_->Flush([this] { GiveUp(absl::UnavailableError("the way carries an Upgrade now")); });
  });
}

void RemoteSession::Stop(Callback done) {
  stopped_ = true;
  retry_timer_.Cancel();
  assign_timer_.Cancel();
  polls_.Cancel();
  EndTrial();
  if (up() == nullptr) return loop_.Post(std::move(done));
  up()->Flush(std::move(done));
}

}  // namespace ov6
