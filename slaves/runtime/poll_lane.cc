// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/poll_lane.h"

#include <array>
#include <utility>

namespace ov6 {

PollLane::PollLane(Loop& loop, std::optional<TlsContext> tls, Way way)
    : loop_(loop), way_(std::move(way)), connector_(loop, std::move(tls)), patience_timer_(loop) {}

PollLane::~PollLane() {
  *alive_ = false;
  Hang();
}

void PollLane::Close() {
  done_ = nullptr;
  patience_timer_.Cancel();
  connector_.Cancel();
  Hang();
}

void PollLane::Hang() {
  descriptor_.reset();
  reading_ = writing_ = false;
  if (stream_) stream_->Close();
  stream_.reset();
}

void PollLane::Ask(const PollRequest& request, std::span<const uint8_t> body, Done done) {
  const std::string origin = Absolute() ? "http://" + way_.master.HostField() : "";
  const std::string fields = Absolute() ? ProxyAuthorization(*way_.proxy) : "";
  const std::string head = FormatPollRequest(request, way_.master.HostField(), origin, fields);
  out_.assign(head.begin(), head.end());
  out_.insert(out_.end(), body.begin(), body.end());
  done_ = std::move(done);
  patience_timer_.After(request.kind == PollRequest::Kind::kDown ? kLongPatience : kPatience,
                        [this] { Fail("no answer came in time"); });
  stream_ ? Begin() : Connect();
}

// A proxy that takes whole requests is to the connector what a master is.
void PollLane::Connect() {
  kept_ = false;
  const MasterUrl to = Absolute() ? MasterUrl{false, way_.proxy->host, way_.proxy->port} : way_.master;
  connector_.Connect(to, Absolute() ? std::nullopt : way_.proxy,
                     [this](absl::StatusOr<std::unique_ptr<Stream>> stream) {
                       if (!stream.ok()) return Finish(stream.status());
                       stream_ = *std::move(stream);
                       descriptor_ = std::make_unique<Descriptor>(loop_, stream_->fd());
                       Begin();
                     });
}

void PollLane::Begin() {
  sent_ = 0;
  any_ = false;
  reader_.emplace();
  Write();
  WaitToRead();
}

void PollLane::Write() {
  while (sent_ < out_.size()) {
    const IoResult result = stream_->Write(std::span<const uint8_t>(out_).subspan(sent_));
    if (result.state == IoState::kWantWrite) return WaitToWrite();
    if (result.state != IoState::kDone) return;  // the reading side goes on, or says why not
    sent_ += result.size;
  }
}

void PollLane::WaitToWrite() {
  if (std::exchange(writing_, true)) return;
  descriptor_->WhenWritable([this] {
    writing_ = false;
    Write();
  });
}

void PollLane::WaitToRead() {
  AcknowledgeAtOnce(stream_->fd());
  if (std::exchange(reading_, true)) return;
  descriptor_->WhenReadable([this] {
    reading_ = false;
    const std::shared_ptr<bool> alive = alive_;
    Read();
    if (*alive && stream_) Write();
  });
}

void PollLane::Read() {
  std::array<uint8_t, 65536> buffer;
  for (;;) {
    const IoResult result = stream_->Read(buffer);
    if (result.state == IoState::kWantWrite) return WaitToWrite();
    if (result.state == IoState::kWantRead) return WaitToRead();
    if (result.state != IoState::kDone) return OnEnd();
    // Between two requests there is nothing to be said.
    if (!busy()) return Hang();
    any_ = true;
    auto answer = reader_->Ingest(std::span(buffer).first(result.size));
    if (!answer.ok()) return Fail(std::string(answer.status().message()));
    if (!*answer) continue;
    const bool whole = sent_ == out_.size();
    if (!whole || !(*answer)->keep_alive) Hang();
    if (stream_) WaitToRead();
    kept_ = true;
    return Finish(*std::move(*answer));
  }
}

// A connection that was kept may have been closed while the request was on its way to it.
void PollLane::OnEnd() {
  const std::string error = stream_->error();
  Hang();
  if (!busy()) return;
  if (kept_ && !any_) return Connect();
  Fail(error.empty() ? "the connection ended before a whole answer" : "the connection broke: " + error);
}

void PollLane::Fail(const std::string& why) {
  Hang();
  Finish(absl::UnavailableError(why));
}

void PollLane::Finish(absl::StatusOr<PollAnswer> answer) {
  patience_timer_.Cancel();
  connector_.Cancel();
  const Done done = std::exchange(done_, nullptr);
  if (done) done(std::move(answer));
}

}  // namespace ov6
