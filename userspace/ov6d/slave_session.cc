// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_session.h"

#include <sys/socket.h>

#include <boost/asio/post.hpp>
#include <utility>

namespace ov6 {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int kReadsAtOnce = 16;
constexpr size_t kRead = 65536;  // bytes, at least

}  // namespace

SlaveSession::SlaveSession(asio::io_context& io, std::unique_ptr<Stream> stream, SessionCounters& counters)
    : io_(io), stream_(std::move(stream)), descriptor_(io), counters_(counters), upgrade_timer_(io) {
  if (stream_->fd() >= 0) descriptor_.assign(stream_->fd());
}

// The descriptor is the stream's to close.
SlaveSession::~SlaveSession() {
  if (descriptor_.is_open()) descriptor_.release();
}

void SlaveSession::Start(Handlers handlers) {
  handlers_ = std::move(handlers);
  upgrade_timer_.expires_after(kUpgradeTimeout);
  upgrade_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error && self->state_ == State::kUpgrading)
      self->Close(absl::DeadlineExceededError("the slave did not send its request within 5 s"));
  });
  Wait(IoState::kWantRead);
}

std::optional<Refusal> SlaveSession::StartOpen(Handlers handlers, const UpgradeRequest& request) {
  handlers_ = std::move(handlers);
  if (auto refusal = handlers_.request(request)) {
    ++counters_.refused;
    state_ = State::kClosed;
    return refusal;
  }
  stream_->OnReady([weak = weak_from_this(), &io = io_] {
    asio::post(io, [weak] {
      if (const auto self = weak.lock()) self->OnReady();
    });
  });
  shaken_ = true;
  Open();
  Wait(IoState::kWantRead);
  return std::nullopt;
}

// --- bytes -----------------------------------------------------------------------

void SlaveSession::Wait(IoState direction) {
  bool& waiting = direction == IoState::kWantWrite ? writing_ : reading_;
  if (waiting || state_ == State::kClosed) return;
  waiting = true;
  if (!descriptor_.is_open()) return;  // OnReady() will come
  const auto what = direction == IoState::kWantWrite ? asio::posix::descriptor_base::wait_write
                                                     : asio::posix::descriptor_base::wait_read;
  descriptor_.async_wait(what, [self = shared_from_this(), &waiting](error_code error) {
    waiting = false;
    if (error || self->state_ == State::kClosed) return;
    self->Serve();
  });
}

void SlaveSession::OnReady() {
  reading_ = writing_ = false;
  if (state_ != State::kClosed) Serve();
}

void SlaveSession::Serve() {
  serving_ = true;
  Read();
  serving_ = false;
  Write();
}

void SlaveSession::Read() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const std::span<uint8_t> room = state_ == State::kOpen ? decoder_.Room(kRead) : std::span(buffer_);
    const IoResult result = shaken_ ? stream_->Read(room) : stream_->Handshake();
    if (result.state == IoState::kEnd) return OnEnd();
    if (result.state == IoState::kFailed)
      return Close(absl::UnavailableError("reading from the slave failed: " + stream_->error()));
    if (result.state != IoState::kDone) return Wait(result.state);
    if (shaken_) OnBytes(room.first(result.size));
    shaken_ = true;
    if (state_ == State::kClosed) return;
  }
  // Others have their turn.
  asio::post(io_, [self = shared_from_this()] {
    if (self->state_ != State::kClosed) self->Serve();
  });
}

void SlaveSession::OnEnd() {
  const absl::Status status = decoder_.Finish();
  Close(status.ok() ? absl::UnavailableError("the slave closed the session") : status);
}

void SlaveSession::OnBytes(std::span<const uint8_t> bytes) {
  heard_ = BootClock::now();
  if (state_ == State::kUpgrading) {
    head_.append(reinterpret_cast<const char*>(bytes.data()), bytes.size());
    OnHead();
  } else if (state_ == State::kOpen) {
    decoder_.Commit(bytes.size());
    DecodeAll();
  }
}

void SlaveSession::Flush() { Write(); }

void SlaveSession::Enqueue(std::span<const uint8_t> bytes) {
  queued_.Append(bytes);
  Write();
}

void SlaveSession::Write() {
  if (state_ == State::kClosed || !shaken_ || writing_ || serving_) return;
  while (!queued_.empty()) {
    const IoResult result = stream_->Write(queued_.bytes());
    if (result.state == IoState::kDone) {
      queued_.Consume(result.size);
      continue;
    }
    // A stream that is broken ends on the reading side, behind what the slave said before.
    if (result.state == IoState::kEnd || result.state == IoState::kFailed)
      queued_.Clear();
    else
      Wait(result.state);
    break;
  }
  if (held_back_ && queued() < kMaxPackets / 4) {
    held_back_ = false;
    asio::post(io_, [self = shared_from_this()] {
      if (self->state_ == State::kOpen && self->handlers_.drained) self->handlers_.drained();
    });
  }
  if (queued_.empty() && state_ == State::kRefused) Linger();
}

// --- HTTP ------------------------------------------------------------------------

void SlaveSession::OnHead() {
  if (handlers_.poll && IsPollRequest(head_)) return HandOver();
  const auto parsed = ParseUpgradeRequest(head_);
  if (!parsed) return;
  if (!parsed->request) return Refuse(parsed->refusal);
  if (const auto refusal = handlers_.request(*parsed->request)) return Refuse(*refusal);
  Accept();
}

void SlaveSession::Accept() {
  upgrade_timer_.cancel();
  head_.clear();
  const std::string response = FormatUpgradeAccepted();
  Enqueue({reinterpret_cast<const uint8_t*>(response.data()), response.size()});
  Open();
}

void SlaveSession::Open() {
  ++counters_.opened;
  state_ = State::kOpen;
  handlers_.opened();
}

// No session comes of this connection.
void SlaveSession::HandOver() {
  state_ = State::kClosed;
  upgrade_timer_.cancel();
  descriptor_.release();
  handlers_.poll(std::move(stream_), std::move(head_));
}

// The stream ends soon after the sentence has been written, or when it can't be.
void SlaveSession::Refuse(const Refusal& refusal) {
  ++counters_.refused;
  state_ = State::kRefused;
  upgrade_timer_.expires_after(kLinger);
  upgrade_timer_.async_wait([self = shared_from_this()](error_code error) {
    if (!error) self->Close(absl::OkStatus());
  });
  const std::string response = FormatUpgradeRefused(refusal);
  Enqueue({reinterpret_cast<const uint8_t*>(response.data()), response.size()});
}

void SlaveSession::DecodeAll() {
  while (state_ == State::kOpen) {
    while (const auto datagram = decoder_.NextDatagram()) {
      handlers_.datagram ? handlers_.datagram(*datagram) : void(++counters_.unknown_capsules);
      if (state_ != State::kOpen) return;
    }
    auto capsule = decoder_.Next();
    if (!capsule.ok()) return Close(capsule.status());
    if (!*capsule) return;
    ++counters_.capsules_in;
    Dispatch(std::move(**capsule));
  }
}

void SlaveSession::Dispatch(Capsule capsule) {
  if (const auto* ping = std::get_if<PingCapsule>(&capsule)) {
    if (!ping->reply) return Send(PingCapsule{true, ping->nonce});
    ping_timer_.Answer(ping->nonce, BootClock::now());
  } else if (const auto* answer = std::get_if<ReturnCapsule>(&capsule)) {
    OnReturn(*answer);
  } else if (std::holds_alternative<RouteAdvertisementCapsule>(capsule) ||
             std::holds_alternative<AddressRequestCapsule>(capsule) ||
             std::holds_alternative<MappingsCapsule>(capsule) ||
             std::holds_alternative<StatusCapsule>(capsule) || std::holds_alternative<CallCapsule>(capsule)) {
    handlers_.capsule(std::move(capsule));
  } else {
    ++counters_.unknown_capsules;
  }
}

void SlaveSession::Ping() {
  if (state_ != State::kOpen || queued() > kMaxQueued) return;
  Send(PingCapsule{false, ping_timer_.Send(BootClock::now())});
}

Duration SlaveSession::Silence() {
  if (const auto delivery = stream_->delivery()) {
    const bool backlog = delivery->on_their_way >= kBacklog || queued() >= kBacklog;
    const bool counts = backlog || delivery->by_process;
    if (counts && delivery->arrived != arrived_) heard_ = BootClock::now();
    arrived_ = delivery->arrived;
  }
  return BootClock::now() - heard_;
}

Duration SlaveSession::Unacknowledged() const {
  const auto delivery = stream_->delivery();
  return delivery ? delivery->waited : Duration(0);
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
  if (queued() > kMaxQueued) {
    if (std::holds_alternative<RefreshCapsule>(capsule)) {
      ++counters_.refresh_dropped;
    } else {
      // Not from inside the caller, who may be one of the handlers.
      asio::post(io_, [self = shared_from_this()] {
        self->Close(absl::ResourceExhaustedError("the slave does not read what it is sent"));
      });
    }
    return;
  }
  ++counters_.capsules_out;
  Enqueue(EncodeCapsule(capsule));
}

bool SlaveSession::TakesPackets() {
  const bool room = state_ == State::kOpen && queued() < kMaxPackets / 2;
  held_back_ |= !room;
  return room;
}

bool SlaveSession::SendDatagram(uint64_t context, std::span<const uint8_t> payload) {
  if (!MaySend()) return false;
  EncodeDatagram(context, payload, &queued_);
  return true;
}

bool SlaveSession::SendPacket(uint64_t context, size_t skip, size_t size) {
  if (!MaySend()) return false;
  CommitDatagram(context, skip, size, &queued_);
  return true;
}

bool SlaveSession::MaySend() {
  if (state_ != State::kOpen) return false;
  const bool may = queued() <= kMaxPackets;
  counters_.datagrams_dropped += may ? 0 : 1;
  return may;
}

void SlaveSession::Call(const std::string& method, const std::string& argument, Result result) {
  if (!open()) return result(absl::UnavailableError("the slave has no open session"));
  const uint64_t id = next_call_++;
  PendingCall& call = calls_[id];
  call.result = std::move(result);
  call.timer = std::make_unique<asio::steady_timer>(io_, kCallTimeout);
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

// Who is refused may still be sending: a reset would take the sentence away from it.
void SlaveSession::Linger() {
  if (lingering_) return;
  lingering_ = true;
  ::shutdown(stream_->fd(), SHUT_WR);
  Report(absl::PermissionDeniedError("the slave's request was refused"));
}

void SlaveSession::Report(const absl::Status& why) {
  if (handlers_.closed) std::exchange(handlers_.closed, nullptr)(why);
}

void SlaveSession::Close(absl::Status why) {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();  // whoever hears of it may let go of it
  serving_ = false;
  Write();  // what was said before
  if (state_ == State::kOpen) ++counters_.broken;
  state_ = State::kClosed;
  upgrade_timer_.cancel();
  if (descriptor_.is_open()) descriptor_.release();
  stream_->Close();
  const auto calls = std::exchange(calls_, {});
  for (const auto& [id, call] : calls) call.result(absl::UnavailableError("the slave's session ended"));
  Report(why);
}

}  // namespace ov6
