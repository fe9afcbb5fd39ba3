// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/session_client.h"

#include <algorithm>
#include <array>
#include <utility>

namespace ov6 {
namespace {

template <class... Ts>
struct Overloaded : Ts... {
  using Ts::operator()...;
};
template <class... Ts>
Overloaded(Ts...) -> Overloaded<Ts...>;

constexpr int kReadsAtOnce = 16;
constexpr size_t kRead = 65536, kHeadRead = 4096;  // bytes at least; at most, in front of the 101
constexpr int kMostInSilence = 3;

}  // namespace

SessionClient::SessionClient(Loop& loop, std::unique_ptr<Stream> stream, SessionHandlers handlers,
                             SessionOptions options)
    : loop_(loop),
      stream_(std::move(stream)),
      descriptor_(stream_->fd() < 0 ? nullptr : std::make_unique<Descriptor>(loop, stream_->fd())),
      handlers_(std::move(handlers)),
      options_(std::move(options)),
      call_timer_(loop),
      upgrade_timer_(loop),
      heartbeat_timer_(loop) {}

SessionClient::~SessionClient() {
  *alive_ = false;
  descriptor_.reset();
  stream_->Close();
}

void SessionClient::Open(const UpgradeRequest& request) {
  const std::string head = FormatUpgradeRequest(request, options_.host);
  out_.Clear();
  out_.Append({reinterpret_cast<const uint8_t*>(head.data()), head.size()});
  state_ = State::kUpgrading;
  upgrade_timer_.After(options_.upgrade_timeout, [this] {
    Close(absl::DeadlineExceededError("the master did not answer the Upgrade request in time"));
  });
  Read();
  Write();
}

void SessionClient::StartOpen() {
  stream_->OnReady([this] {
    loop_.Post([this, alive = alive_] {
      if (*alive) OnReady();
    });
  });
  shaken_ = true;
  const std::shared_ptr<bool> alive = alive_;
  OnOpened();
  if (*alive) OnReady();
}

void SessionClient::OnReady() {
  reading_ = writing_ = false;
  const std::shared_ptr<bool> alive = alive_;
  if (state_ == State::kOpen) Read();
  if (*alive) Write();
}

void SessionClient::WaitToRead() {
  if (std::exchange(reading_, true) || descriptor_ == nullptr) return;
  descriptor_->WhenReadable([this] {
    reading_ = false;
    const std::shared_ptr<bool> alive = alive_;
    Read();
    if (*alive) Write();
  });
}

void SessionClient::Read() {
  std::array<uint8_t, kHeadRead> head;
  const std::shared_ptr<bool> alive = alive_;
  bool more = true;
  for (int i = 0; i < kReadsAtOnce; ++i) {
    const std::span<uint8_t> room = state_ == State::kOpen ? decoder_.Room(kRead) : std::span<uint8_t>(head);
    const IoResult result = shaken_ ? stream_->Read(room) : stream_->Handshake();
    if (result.state == IoState::kEnd) return OnEnd();
    if (result.state == IoState::kFailed)
      return Close(absl::UnavailableError("reading from the session failed: " + stream_->error()));
    if (result.state == IoState::kWantWrite) return WaitToWrite();
    more = result.state != IoState::kWantRead;
    if (!more) break;
    pings_in_silence_ = 0;  // an answer may wait behind much else
    if (shaken_) OnRead(room.first(result.size));
    if (!*alive || state_ == State::kClosed) return;
    shaken_ = true;
  }
  if (handlers_.caught_up) handlers_.caught_up();
  if (!*alive || state_ == State::kClosed) return;
  if (!more) return WaitToRead();
  loop_.Post([this, alive] {
    if (*alive && state_ != State::kClosed) Read();
  });
}

void SessionClient::OnEnd() {
  Close(state_ == State::kOpen ? decoder_.Finish()
                               : absl::AbortedError("the master closed the session before its 101"));
}

void SessionClient::OnRead(std::span<const uint8_t> bytes) {
  if (state_ == State::kUpgrading) return IngestHead(bytes);
  decoder_.Commit(bytes.size());
  DecodeAll();
}

void SessionClient::IngestHead(std::span<const uint8_t> bytes) {
  head_.append(bytes.begin(), bytes.end());
  const auto response = ParseUpgradeResponse(head_);
  if (!response) return;
  if (!response->ok()) return Close(response->status());
  const std::string rest = head_.substr(**response);
  head_.clear();
  const std::shared_ptr<bool> alive = alive_;
  OnOpened();
  if (!*alive) return;
  decoder_.Ingest({reinterpret_cast<const uint8_t*>(rest.data()), rest.size()});
  DecodeAll();
}

void SessionClient::OnOpened() {
  upgrade_timer_.Cancel();
  state_ = State::kOpen;
  if (options_.heartbeat > Duration(0)) heartbeat_timer_.After(options_.heartbeat, [this] { Beat(); });
  if (handlers_.opened) handlers_.opened();
}

void SessionClient::DecodeAll() {
  const std::shared_ptr<bool> alive = alive_;
  while (*alive && state_ == State::kOpen) {
    while (const auto datagram = decoder_.NextDatagram()) {
      ++counters_.datagrams_in;
      if (handlers_.datagram) handlers_.datagram(*datagram);
      if (!*alive || state_ != State::kOpen) return;
    }
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
                 [this](const AddressAssignCapsule& c) {
                   if (handlers_.assigned) handlers_.assigned(c);
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
  if (ping.reply) ping_timer_.Answer(ping.nonce, BootClock::now());
}

void SessionClient::Beat() {
  if (pings_in_silence_ >= kMostInSilence)
    return Close(absl::UnavailableError("the master has fallen silent: nothing came after three PINGs"));
  ++pings_in_silence_;
  Enqueue(PingCapsule{false, ping_timer_.Send(BootClock::now())});
  heartbeat_timer_.After(options_.heartbeat, [this] { Beat(); });
}

bool SessionClient::TakesPackets() {
  const bool room = state_ == State::kOpen && queued() < options_.max_packets / 2;
  held_back_ |= !room;
  return room;
}

bool SessionClient::SendDatagram(uint64_t context, std::span<const uint8_t> payload) {
  if (!MaySend()) return false;
  EncodeDatagram(context, payload, &out_);
  return true;
}

bool SessionClient::SendPacket(uint64_t context, size_t skip, size_t size) {
  if (!MaySend()) return false;
  CommitDatagram(context, skip, size, &out_);
  return true;
}

bool SessionClient::MaySend() {
  const bool may = state_ == State::kOpen && queued() <= options_.max_packets;
  ++(may ? counters_.datagrams_out : counters_.datagrams_dropped);
  return may;
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
  if (out_.size() <= options_.max_queued) return true;
  ++counters_.send_queue_full;
  return false;
}

void SessionClient::Enqueue(const Capsule& capsule) {
  ++counters_.capsules_out;
  EncodeCapsule(capsule, &out_);
  Write();
}

void SessionClient::Write() {
  while (shaken_ && !writing_ && state_ != State::kClosed && !out_.empty()) {
    const IoResult result = stream_->Write(out_.bytes());
    if (result.state == IoState::kDone) {
      out_.Consume(result.size);
    } else if (result.state == IoState::kWantRead) {
      break;  // what is waited for anyway
    } else if (result.state == IoState::kWantWrite) {
      WaitToWrite();
    } else {
      // The reading side learns of a broken stream and says why; here it would be inside somebody's call.
      out_.Clear();
    }
  }
  if (held_back_ && queued() < options_.max_packets / 4) TellDrained();
  if (!out_.empty() || !stream_->Sent()) return;
  if (flushed_) loop_.Post(std::exchange(flushed_, nullptr));
}

// Not inside somebody's call.
void SessionClient::TellDrained() {
  held_back_ = false;
  loop_.Post([this, alive = alive_] {
    if (*alive && handlers_.drained) handlers_.drained();
  });
}

void SessionClient::WaitToWrite() {
  if (std::exchange(writing_, true) || descriptor_ == nullptr) return;
  descriptor_->WhenWritable([this] {
    writing_ = false;
    const std::shared_ptr<bool> alive = alive_;
    if (!shaken_) Read();
    if (*alive) Write();
  });
}

void SessionClient::Close(absl::Status status) {
  if (state_ == State::kClosed) return;
  state_ = State::kClosed;
  call_timer_.Cancel();
  upgrade_timer_.Cancel();
  heartbeat_timer_.Cancel();
  calls_.clear();
  mappings_.clear();
  if (handlers_.closed) handlers_.closed(std::move(status));
}

}  // namespace ov6
