// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/poll_stream.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <utility>

#include "userspace/wire/request_head.h"

namespace ov6 {
namespace {

// What a way may say while the master is not to be had for a moment.
bool IsForAMoment(int status) { return status >= 500 || status == 408 || status == 425 || status == 429; }

std::string Described(const PollAnswer& answer) {
  return std::to_string(answer.status) + " " + answer.reason;
}

}  // namespace

PollStream::PollStream(Loop& loop, std::optional<TlsContext> tls, std::unique_ptr<PollLane> lane,
                       std::string session, std::string token)
    : loop_(loop),
      tls_(lane->way().master.tls),
      session_(std::move(session)),
      token_(std::move(token)),
      down_(loop, PollRequest::Kind::kDown),
      up_(loop, PollRequest::Kind::kUp) {
  up_.lane = std::move(lane);
  down_.lane = std::make_unique<PollLane>(loop, std::move(tls), up_.lane->way());
  Ask(down_);
}

void PollStream::Close() {
  ready_ = nullptr;
  CloseLanes();
}

void PollStream::CloseLanes() {
  for (Direction* direction : {&down_, &up_}) {
    direction->timer.Cancel();
    direction->lane->Close();
  }
}

IoResult PollStream::Read(std::span<uint8_t> out) {
  const size_t size = in_.Take(out);
  return {size == 0 ? state_ : IoState::kDone, size};
}

IoResult PollStream::Write(std::span<const uint8_t> bytes) {
  if (up_.busy || state_ != IoState::kWantRead) return {IoState::kWantWrite};
  const size_t size = std::min(bytes.size(), kMaxPollBody);
  up_.body.assign(bytes.begin(), bytes.begin() + static_cast<ptrdiff_t>(size));
  Ask(up_);
  return {IoState::kDone, size};
}

void PollStream::Ask(Direction& direction) {
  direction.busy = true;
  PollRequest request{
      .kind = direction.kind, .session = session_, .sequence = direction.number, .token = token_};
  request.body = direction.body.size();
  direction.lane->Ask(request, direction.body, [this, &direction](absl::StatusOr<PollAnswer> answer) {
    OnAnswer(direction, std::move(answer));
  });
}

void PollStream::OnAnswer(Direction& direction, absl::StatusOr<PollAnswer> answer) {
  if (!answer.ok()) {
    // Who must be asked first; anything else may pass.
    return absl::IsPermissionDenied(answer.status())
               ? End(IoState::kFailed, std::string(answer.status().message()))
               : AskAgain(direction, std::string(answer.status().message()));
  }
  if (answer->status == 410) return End(IoState::kEnd, "");
  if (IsForAMoment(answer->status)) return AskAgain(direction, "something answers " + Described(*answer));
  if (answer->status >= 400) {
    const std::string body(answer->body.begin(), answer->body.end());
    return End(IoState::kFailed,
               std::string(StatusOfRefusal(answer->status, answer->reason, body).message()));
  }
  // Neither a cache nor a page to log in at knows the number.
  if (answer->status != 200 || answer->sequence != direction.number) {
    direction.lane->Close();
    return AskAgain(direction, "something answers " + Described(*answer) + " instead of the master");
  }
  OnTaken(direction, *std::move(answer));
}

void PollStream::OnTaken(Direction& direction, PollAnswer answer) {
  ++direction.number;
  direction.pause = kFirstPause;
  direction.busy = false;
  if (direction.kind == PollRequest::Kind::kDown) {
    in_.Append(answer.body);
    Ask(direction);
  }
  if (ready_) ready_();
}

void PollStream::AskAgain(Direction& direction, const std::string& why) {
  spdlog::debug("{} is asked again: {}",
                direction.kind == PollRequest::Kind::kDown ? "what comes" : "what goes", why);
  direction.timer.After(direction.pause, [this, &direction] { Ask(direction); });
  direction.pause = std::min(direction.pause * 2, kLongestPause);
}

void PollStream::End(IoState state, std::string why) {
  state_ = state;
  error_ = std::move(why);
  CloseLanes();
  if (ready_) ready_();
}

// --- opening -----------------------------------------------------------------------

void PollConnector::Open(PollLane::Way way, const UpgradeRequest& request, Connector::Done done) {
  lane_ = std::make_unique<PollLane>(loop_, tls_, std::move(way));
  const PollRequest open{.kind = PollRequest::Kind::kOpen, .slave = request};
  lane_->Ask(open, {},
             [this, token = request.token, done = std::move(done)](absl::StatusOr<PollAnswer> answer) {
               // The lane is in the middle of its call: it is handed on, or goes later.
               auto stream = StreamOf(answer, token);
               if (lane_) loop_.Post([lane = std::shared_ptr<PollLane>(std::move(lane_))] {});
               done(std::move(stream));
             });
}

absl::StatusOr<std::unique_ptr<Stream>> PollConnector::StreamOf(const absl::StatusOr<PollAnswer>& answer,
                                                                const std::string& token) {
  if (!answer.ok()) return answer.status();
  const PollLane::Way& way = lane_->way();
  if (answer->status == 407 && way.proxy) return ProxyRefusal(407, answer->reason, way.master, *way.proxy);
  if (answer->status >= 400)
    return StatusOfRefusal(answer->status, answer->reason,
                           std::string(answer->body.begin(), answer->body.end()));
  if (answer->status != 200 || !IsPollSession(answer->session))
    return absl::UnavailableError("something answers " + Described(*answer) + " instead of the master");
  return std::make_unique<PollStream>(loop_, tls_, std::move(lane_), answer->session, token);
}

}  // namespace ov6
