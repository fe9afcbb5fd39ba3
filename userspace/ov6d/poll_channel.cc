// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/poll_channel.h"

#include <algorithm>
#include <utility>

namespace ov6 {

class PollChannel::End : public Stream {
 public:
  explicit End(std::shared_ptr<PollChannel> channel) : channel_(std::move(channel)) {}
  ~End() override { Close(); }

  int fd() const override { return -1; }
  void OnReady(std::function<void()> ready) override { channel_->ready_ = std::move(ready); }
  const char* Name() const override { return channel_->tls_ ? "poll-tls" : "poll"; }
  IoResult Handshake() override { return {}; }
  IoResult Read(std::span<uint8_t> out) override { return channel_->Read(out); }
  IoResult Write(std::span<const uint8_t> bytes) override { return channel_->Write(bytes); }
  void Close() override { channel_->Close(); }
  const std::string& error() const override { return error_; }
  std::optional<Delivery> delivery() const override { return channel_->GetDelivery(); }
  std::string PeerName() const override { return channel_->peer_; }

 private:
  const std::shared_ptr<PollChannel> channel_;
  const std::string error_;
};

PollChannel::PollChannel(Clock clock, std::string peer, bool tls, Closed closed)
    : clock_(std::move(clock)), peer_(std::move(peer)), tls_(tls), closed_(std::move(closed)) {}

std::unique_ptr<Stream> PollChannel::MakeStream() { return std::make_unique<End>(shared_from_this()); }

void PollChannel::Ask(uint64_t number, Answer answer) {
  if (down_.Of(number) == PollSequence::Place::kNext) {
    down_.Take();
    arrived_ += given_;
    given_ = false;
    kept_.clear();
  }
  if (given_) return answer(kept_);
  waiting_ = std::move(answer);
  Ready();
}

void PollChannel::Beat() {
  if (waiting_) Write({});
}

void PollChannel::Take(std::span<const uint8_t> body) {
  up_.Take();
  in_.Append(body);
  Ready();
}

IoResult PollChannel::Read(std::span<uint8_t> out) {
  const size_t size = in_.Take(out);
  return {size == 0 ? IoState::kWantRead : IoState::kDone, size};
}

IoResult PollChannel::Write(std::span<const uint8_t> bytes) {
  if (!waiting_) return {IoState::kWantWrite};
  kept_.assign(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(std::min(bytes.size(), kMaxPollBody)));
  given_ = true;
  given_at_ = clock_();
  std::exchange(waiting_, nullptr)(kept_);
  return {IoState::kDone, kept_.size()};
}

Delivery PollChannel::GetDelivery() const {
  return {kept_.size(), arrived_, given_ && !kept_.empty() ? clock_() - given_at_ : Duration(0), true};
}

void PollChannel::Close() {
  ready_ = nullptr;
  waiting_ = nullptr;
  if (const Closed closed = std::exchange(closed_, nullptr)) closed();
}

void PollChannel::Ready() {
  if (ready_) ready_();
}

}  // namespace ov6
