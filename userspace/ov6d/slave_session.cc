// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_session.h"

#include <boost/asio/buffer.hpp>
#include <boost/asio/error.hpp>
#include <boost/asio/write.hpp>
#include <utility>

namespace ov6 {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

}  // namespace

SlaveSession::SlaveSession(Socket socket, SessionCounters& counters)
    : socket_(std::move(socket)), counters_(counters), upgrade_timer_(socket_.get_executor()) {}

void SlaveSession::Start(Handlers handlers) {
  handlers_ = std::move(handlers);
  upgrade_timer_.expires_after(kUpgradeTimeout);
  upgrade_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && self->state_ == State::kUpgrading)
      self->Close(absl::DeadlineExceededError("the slave did not send its request within 5 s"));
  });
  Read();
}

void SlaveSession::Read() {
  socket_.async_read_some(asio::buffer(buffer_), [self = shared_from_this()](error_code error, size_t size) {
    if (self->state_ == State::kClosed) return;
    if (!error) return self->OnRead(size);
    if (error != asio::error::eof && error != asio::error::connection_reset) {
      return self->Close(absl::UnavailableError("reading from the slave failed: " + error.message()));
    }
    const absl::Status status = self->decoder_.Finish();
    self->Close(status.ok() ? absl::UnavailableError("the slave closed the session") : status);
  });
}

void SlaveSession::OnRead(size_t size) {
  if (state_ == State::kUpgrading) {
    head_.append(reinterpret_cast<const char*>(buffer_.data()), size);
    OnHead();
  } else if (state_ == State::kOpen) {
    decoder_.Ingest(std::span(buffer_).first(size));
    DecodeAll();
  }
  if (state_ != State::kClosed) Read();
}

void SlaveSession::OnHead() {
  const auto parsed = ParseUpgradeRequest(head_);
  if (!parsed) return;
  if (!parsed->request) return Refuse(parsed->refusal);
  if (const auto refusal = handlers_.request(*parsed->request)) return Refuse(*refusal);
  Accept();
}

void SlaveSession::Accept() {
  ++counters_.opened;
  upgrade_timer_.cancel();
  head_.clear();
  state_ = State::kOpen;
  const std::string response = FormatUpgradeAccepted();
  Enqueue({reinterpret_cast<const uint8_t*>(response.data()), response.size()});
  handlers_.opened();
}

// The stream ends when the sentence has been written.
void SlaveSession::Refuse(const Refusal& refusal) {
  ++counters_.refused;
  upgrade_timer_.cancel();
  state_ = State::kRefused;
  const std::string response = FormatUpgradeRefused(refusal);
  Enqueue({reinterpret_cast<const uint8_t*>(response.data()), response.size()});
}

void SlaveSession::DecodeAll() {
  while (state_ == State::kOpen) {
    auto capsule = decoder_.Next();
    if (!capsule.ok()) return Close(capsule.status());
    if (!*capsule) return;
    ++counters_.capsules_in;
    Dispatch(std::move(**capsule));
  }
}

void SlaveSession::Dispatch(Capsule capsule) {
  if (const auto* ping = std::get_if<PingCapsule>(&capsule)) {
    if (!ping->reply) Send(PingCapsule{true, ping->nonce});
  } else if (const auto* answer = std::get_if<ReturnCapsule>(&capsule)) {
    OnReturn(*answer);
  } else if (std::holds_alternative<RouteAdvertisementCapsule>(capsule) ||
             std::holds_alternative<MappingsCapsule>(capsule) ||
             std::holds_alternative<StatusCapsule>(capsule) || std::holds_alternative<CallCapsule>(capsule)) {
    handlers_.capsule(std::move(capsule));
  } else {
    ++counters_.unknown_capsules;
  }
}

void SlaveSession::OnReturn(const ReturnCapsule& answer) {
  if (!calls_.contains(answer.id)) {
    ++counters_.unexpected_returns;
  } else if (answer.code == 0) {
    FinishCall(answer.id, answer.result);
  } else {
    FinishCall(answer.id, absl::Status(static_cast<absl::StatusCode>(answer.code), answer.result));
  }
}

void SlaveSession::Send(const Capsule& capsule) {
  if (state_ != State::kOpen) return;
  if (queued_.size() > kMaxQueued) {
    if (std::holds_alternative<RefreshCapsule>(capsule)) {
      ++counters_.refresh_dropped;
    } else {
      // Not from inside the caller, who may be one of the handlers.
      asio::post(socket_.get_executor(), [self = shared_from_this()] {
        self->Close(absl::ResourceExhaustedError("the slave does not read what it is sent"));
      });
    }
    return;
  }
  ++counters_.capsules_out;
  Enqueue(EncodeCapsule(capsule));
}

void SlaveSession::Call(const std::string& method, const std::string& argument, Result result) {
  if (!open()) return result(absl::UnavailableError("the slave has no open session"));
  const uint64_t id = next_call_++;
  PendingCall& call = calls_[id];
  call.result = std::move(result);
  call.timer = std::make_unique<asio::steady_timer>(socket_.get_executor(), kCallTimeout);
  call.timer->async_wait([self = shared_from_this(), id, method](error_code error) {
    if (error || !self->calls_.contains(id)) return;
    ++self->counters_.calls_timed_out;
    self->FinishCall(id, absl::DeadlineExceededError("the slave did not answer " + method + " within 5 s"));
  });
  Send(CallCapsule{id, method, argument});
}

void SlaveSession::FinishCall(uint64_t id, absl::StatusOr<std::string> result) {
  const auto found = calls_.find(id);
  if (found == calls_.end()) return;
  const Result finish = std::move(found->second.result);
  calls_.erase(found);
  finish(std::move(result));
}

void SlaveSession::Enqueue(std::span<const uint8_t> bytes) {
  queued_.insert(queued_.end(), bytes.begin(), bytes.end());
  if (writing_.empty()) Write();
}

void SlaveSession::Write() {
  writing_.swap(queued_);
  asio::async_write(socket_, asio::buffer(writing_), [self = shared_from_this()](error_code error, size_t) {
    self->writing_.clear();
    // A stream that is broken ends on the reading side, behind what the slave said before.
    if (error) self->queued_.clear();
    if (error && self->state_ != State::kRefused) return;
    if (!self->queued_.empty()) {
      self->Write();
    } else if (self->state_ == State::kRefused) {
      self->Close(absl::PermissionDeniedError("the slave's request was refused"));
    }
  });
}

void SlaveSession::Close(absl::Status why) {
  if (state_ == State::kClosed) return;
  if (state_ == State::kOpen) ++counters_.broken;
  state_ = State::kClosed;
  upgrade_timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  const auto calls = std::exchange(calls_, {});
  for (const auto& [id, call] : calls) call.result(absl::UnavailableError("the slave's session ended"));
  if (handlers_.closed) std::exchange(handlers_.closed, nullptr)(why);
}

}  // namespace ov6
