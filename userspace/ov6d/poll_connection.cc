// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/poll_connection.h"

#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/post.hpp>
#include <utility>

namespace ov6 {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

constexpr int kReadsAtOnce = 16;
constexpr auto kLinger = std::chrono::seconds(1);  // for the other side to read why it is refused

std::span<const uint8_t> BytesOf(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
std::string_view TextOf(std::span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

PollConnection::PollConnection(asio::io_context& io, std::unique_ptr<Stream> stream, const Endpoint& from)
    : stream_(std::move(stream)), from_(from), descriptor_(io, stream_->fd()), timer_(io) {}

PollConnection::~PollConnection() {
  if (descriptor_.is_open()) descriptor_.release();
}

void PollConnection::Start(Handlers handlers, std::string read) {
  handlers_ = std::move(handlers);
  in_.Append(BytesOf(read));
  CloseAfter(kHeadTime);
  Advance();
  if (state_ != State::kClosed) Serve();
}

void PollConnection::CloseAfter(std::chrono::steady_clock::duration time) {
  timer_.expires_after(time);
  timer_.async_wait([weak = weak_from_this()](error_code error) {
    const auto self = weak.lock();
    if (!error && self) self->Close();
  });
}

// --- bytes -----------------------------------------------------------------------

void PollConnection::Wait(IoState direction) {
  bool& waiting = direction == IoState::kWantWrite ? writing_ : reading_;
  if (waiting || state_ == State::kClosed) return;
  waiting = true;
  AcknowledgeAtOnce(stream_->fd());
  const auto what = direction == IoState::kWantWrite ? asio::posix::descriptor_base::wait_write
                                                     : asio::posix::descriptor_base::wait_read;
  descriptor_.async_wait(what, [self = shared_from_this(), &waiting](error_code error) {
    waiting = false;
    if (error || self->state_ == State::kClosed) return;
    self->Serve();
    self->Write();
  });
}

void PollConnection::Serve() {
  for (int i = 0; i < kReadsAtOnce; ++i) {
    if (!ReadSome()) return;
  }
  // Others have their turn.
  asio::post(descriptor_.get_executor(), [self = shared_from_this()] {
    if (self->state_ != State::kClosed) self->Serve();
  });
}

bool PollConnection::ReadSome() {
  static std::array<uint8_t, 65536> buffer;  // of the one thread; nothing stays in it
  const IoResult result = stream_->Read(buffer);
  if (result.state == IoState::kWantRead || result.state == IoState::kWantWrite) {
    Wait(result.state);
    return false;
  }
  // Nobody may go on before the answer has come; but one that has been told no may say what it wants.
  if (result.state != IoState::kDone || state_ == State::kAnswer) {
    Close();
    return false;
  }
  if (state_ == State::kLinger) return true;
  if (state_ == State::kHead && in_.empty()) CloseAfter(kHeadTime);
  if (state_ == State::kBody) CloseAfter(kStandstill);
  in_.Append(std::span(buffer).first(result.size));
  Advance();
  return state_ != State::kClosed;
}

void PollConnection::Advance() {
  if (state_ == State::kHead) OnHead();
  if (state_ != State::kBody || in_.size() < request_.body) return;
  if (in_.size() > request_.body) return Refuse({400, "Bytes follow the request before it is answered."});
  state_ = State::kAnswer;
  timer_.cancel();
  const ByteQueue body = std::exchange(in_, {});
  handlers_.whole(*this, request_, body.bytes());
}

void PollConnection::OnHead() {
  auto parsed = ParsePollRequest(TextOf(in_.bytes()));
  if (!parsed) return;
  if (!parsed->request) return Refuse(parsed->refusal);
  request_ = *std::move(parsed->request);
  if (const auto refusal = handlers_.head(*this, request_)) return Refuse(*refusal);
  if (state_ == State::kClosed) return;
  place.reset();
  in_.Consume(parsed->head);
  state_ = State::kBody;
  CloseAfter(kStandstill);
}

// --- answers -----------------------------------------------------------------------

void PollConnection::Answer(std::string head, std::span<const uint8_t> body) {
  if (state_ != State::kAnswer) return;
  out_.Append(BytesOf(head));
  out_.Append(body);
  CloseAfter(kStandstill);
  Write();
}

void PollConnection::Refuse(const Refusal& refusal) {
  if (state_ == State::kClosed) return;
  out_.Append(BytesOf(FormatUpgradeRefused(refusal)));
  state_ = State::kLinger;
  CloseAfter(kLinger);
  Write();
}

void PollConnection::Write() {
  const auto self = shared_from_this();
  if (writing_ || state_ == State::kClosed || out_.empty()) return;
  while (!out_.empty()) {
    const IoResult result = stream_->Write(out_.bytes());
    if (result.state == IoState::kWantRead || result.state == IoState::kWantWrite) return Wait(result.state);
    if (result.state != IoState::kDone) return Close();
    out_.Consume(result.size);
    if (state_ == State::kAnswer) CloseAfter(kStandstill);
  }
  OnWritten();
}

// Who is refused may still be sending: a reset would take the sentence away from it.
void PollConnection::OnWritten() {
  if (state_ == State::kLinger) {
    ::shutdown(stream_->fd(), SHUT_WR);
    return;
  }
  if (!request_.keep_alive) return Close();
  state_ = State::kHead;
  CloseAfter(kIdleTime);
  handlers_.idle(*this);
}

void PollConnection::Close() {
  if (state_ == State::kClosed) return;
  const auto self = shared_from_this();
  state_ = State::kClosed;
  timer_.cancel();
  place.reset();
  descriptor_.release();
  stream_->Close();
  if (handlers_.closed) handlers_.closed(*this);
}

}  // namespace ov6
