// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/session_client.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>

namespace ov6 {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

std::string ErrorText(int error) { return std::generic_category().message(error); }

}  // namespace

SessionClient::SessionClient(Loop& loop, int fd, SessionHandlers handlers, SessionOptions options)
    : loop_(loop),
      fd_(fd),
      descriptor_(std::make_unique<Descriptor>(loop, fd)),
      handlers_(std::move(handlers)),
      options_(options),
      call_timer_(loop),
      upgrade_timer_(loop) {
  ::fcntl(fd_, F_SETFL, ::fcntl(fd_, F_GETFL) | O_NONBLOCK);
}

SessionClient::~SessionClient() {
  *alive_ = false;
  descriptor_.reset();
  ::close(fd_);
}

void SessionClient::Open(const UpgradeRequest& request) {
  const std::string head = FormatUpgradeRequest(request);
  out_.assign(head.begin(), head.end());
  state_ = State::kUpgrading;
  upgrade_timer_.After(options_.upgrade_timeout, [this] {
    Close(absl::DeadlineExceededError("the master did not answer the Upgrade request in time"));
  });
  descriptor_->WhenReadable([this] { Read(); });
  Write();
}

void SessionClient::Read() {
  std::array<uint8_t, 65536> buffer;
  const std::shared_ptr<bool> alive = alive_;
  const ssize_t size = ::recv(fd_, buffer.data(), buffer.size(), 0);
  if (size > 0) {
    Ingest(std::span(buffer).first(static_cast<size_t>(size)));
  } else if (size == 0) {
    Close(state_ == State::kOpen ? decoder_.Finish()
                                 : absl::UnavailableError("the master closed the session before its 101"));
  } else if (errno != EAGAIN && errno != EINTR) {
    Close(absl::UnavailableError("reading from the session failed: " + ErrorText(errno)));
  }
  if (*alive && state_ != State::kClosed) descriptor_->WhenReadable([this] { Read(); });
}

void SessionClient::Ingest(std::span<const uint8_t> bytes) {
  if (state_ == State::kUpgrading) {
    IngestHead(bytes);
  } else {
    decoder_.Ingest(bytes);
    DecodeAll();
  }
}

void SessionClient::IngestHead(std::span<const uint8_t> bytes) {
  head_.append(bytes.begin(), bytes.end());
  const auto response = ParseUpgradeResponse(head_);
  if (!response) return;
  if (!response->ok()) return Close(response->status());
  upgrade_timer_.Cancel();
  state_ = State::kOpen;
  const std::string rest = head_.substr(**response);
  head_.clear();
  const std::shared_ptr<bool> alive = alive_;
  if (handlers_.opened) handlers_.opened();
  if (!*alive) return;
  decoder_.Ingest({reinterpret_cast<const uint8_t*>(rest.data()), rest.size()});
  DecodeAll();
}

void SessionClient::DecodeAll() {
  const std::shared_ptr<bool> alive = alive_;
  while (*alive && state_ == State::kOpen) {
    const auto capsule = decoder_.Next();
    if (!capsule.ok()) return Close(capsule.status());
    if (!*capsule) return;
    ++counters_.capsules_in;
    Dispatch(**capsule);
  }
}

void SessionClient::Dispatch(const Capsule& capsule) {
  std::visit(Overloaded{
                 [this](const CallCapsule& c) { OnCall(c); },
                 [this](const ReturnCapsule& c) { OnReturn(c); },
                 [this](const MappingsAckCapsule& c) { OnAck(c); },
                 [this](const PingCapsule& c) { OnPing(c); },
                 [this](const PortCapsule& c) {
                   if (handlers_.port) handlers_.port(c);
                 },
                 [this](const RefreshCapsule& c) {
                   if (handlers_.refresh) handlers_.refresh(c);
                 },
                 [this](const auto&) { ++counters_.unknown_capsules; },
             },
             capsule);
}

void SessionClient::OnCall(const CallCapsule& call) {
  const auto respond = [this, alive = alive_, id = call.id](absl::StatusOr<std::string> result) {
    if (!*alive || state_ != State::kOpen) return;
    const auto code = static_cast<uint16_t>(result.status().code());
    Enqueue(ReturnCapsule{id, code, result.ok() ? *result : std::string(result.status().message())});
  };
  if (!handlers_.call) return respond(absl::UnimplementedError("this slave answers no calls"));
  handlers_.call(call, respond);
}

void SessionClient::OnReturn(const ReturnCapsule& answer) {
  const auto found = calls_.find(answer.id);
  if (found == calls_.end()) {
    ++counters_.unexpected_returns;
    return;
  }
  const Result result = std::move(found->second.result);
  calls_.erase(found);
  if (answer.code == 0) return result(answer.result);
  result(absl::Status(static_cast<absl::StatusCode>(answer.code), answer.result));
}

void SessionClient::OnAck(const MappingsAckCapsule& ack) {
  const auto found = mappings_.find(ack.sequence);
  if (found == mappings_.end()) {
    ++counters_.unexpected_returns;
    return;
  }
  const MappingsPart part = found->second;
  mappings_.erase(found);
  for (const auto& refusal : ack.refused) {
    part.whole->refused.push_back({part.first_index + refusal.index, refusal.reason});
  }
  if (--part.whole->outstanding == 0) part.whole->acknowledged(std::move(part.whole->refused));
}

void SessionClient::OnPing(const PingCapsule& ping) {
  if (!ping.reply && HasRoom()) Enqueue(PingCapsule{true, ping.nonce});
}

void SessionClient::Call(const std::string& method, const std::string& argument, Result result) {
  if (state_ != State::kOpen || !HasRoom()) {
    loop_.Post([result = std::move(result), method] {
      result(absl::UnavailableError("the call " + method + " could not be sent to the master"));
    });
    return;
  }
  const uint64_t id = next_call_++;
  calls_.emplace(id, PendingCall{BootClock::now() + options_.call_timeout, std::move(result)});
  if (calls_.size() == 1) ArmCallTimer();
  Enqueue(CallCapsule{id, method, argument});
}

void SessionClient::ArmCallTimer() {
  if (calls_.empty()) return;
  call_timer_.At(calls_.begin()->second.deadline, [this] { ExpireCalls(); });
}

void SessionClient::ExpireCalls() {
  const std::shared_ptr<bool> alive = alive_;
  const BootTime now = BootClock::now();
  while (*alive && !calls_.empty() && calls_.begin()->second.deadline <= now) {
    const Result result = std::move(calls_.begin()->second.result);
    calls_.erase(calls_.begin());
    ++counters_.calls_timed_out;
    result(absl::DeadlineExceededError("the master did not answer in time"));
  }
  if (*alive) ArmCallTimer();
}

void SessionClient::SendMappings(std::vector<MappingChange> changes, Acknowledged acknowledged) {
  if (state_ != State::kOpen || !HasRoom()) {
    loop_.Post([acknowledged = std::move(acknowledged)] {
      acknowledged(absl::UnavailableError("the mappings could not be sent to the master"));
    });
    return;
  }
  const auto whole = std::make_shared<PendingMappings>();
  whole->acknowledged = std::move(acknowledged);
  for (size_t first = 0; first < changes.size() || first == 0; first += MappingsCapsule::kMaxChanges) {
    const size_t last = std::min(changes.size(), first + MappingsCapsule::kMaxChanges);
    MappingsCapsule capsule{next_sequence_++, {changes.begin() + first, changes.begin() + last}};
    mappings_.emplace(capsule.sequence, MappingsPart{whole, first});
    ++whole->outstanding;
    Enqueue(std::move(capsule));
  }
}

void SessionClient::Advertise(const std::vector<Prefix>& prefixes) {
  if (state_ == State::kOpen) Enqueue(RouteAdvertisementCapsule{prefixes});
}

void SessionClient::SendStatus(std::string json) {
  if (state_ == State::kOpen && HasRoom()) Enqueue(StatusCapsule{std::move(json)});
}

void SessionClient::Flush(Callback done) {
  flushed_ = std::move(done);
  Write();
}

bool SessionClient::HasRoom() {
  if (out_.size() - out_sent_ <= options_.max_queued) return true;
  ++counters_.send_queue_full;
  return false;
}

void SessionClient::Enqueue(const Capsule& capsule) {
  ++counters_.capsules_out;
  EncodeCapsule(capsule, &out_);
  Write();
}

void SessionClient::Write() {
  while (!writing_ && state_ != State::kClosed && out_sent_ < out_.size()) {
    const ssize_t size = ::send(fd_, out_.data() + out_sent_, out_.size() - out_sent_, MSG_NOSIGNAL);
    if (size > 0) {
      out_sent_ += static_cast<size_t>(size);
    } else if (errno == EAGAIN) {
      writing_ = true;
      descriptor_->WhenWritable([this] {
        writing_ = false;
        Write();
      });
    } else if (errno != EINTR) {
      // The reading side learns of a broken stream and says why; here it would be inside somebody's call.
      out_sent_ = out_.size();
    }
  }
  out_.erase(out_.begin(), out_.begin() + static_cast<ptrdiff_t>(out_sent_));
  out_sent_ = 0;
  if (!out_.empty()) return;
  if (flushed_) loop_.Post(std::exchange(flushed_, nullptr));
}

void SessionClient::Close(absl::Status status) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  call_timer_.Cancel();
  upgrade_timer_.Cancel();
  calls_.clear();
  mappings_.clear();
  if (handlers_.closed) handlers_.closed(std::move(status));
}

}  // namespace ov6
