// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/engine_driver.h"

#include <utility>

namespace ov6 {

EngineDriver::EngineDriver(Loop& loop, Engine& engine, UdpSocket& socket, OutputHandler on_output)
    : engine_(&engine), socket_(socket), on_output_(std::move(on_output)), timer_(loop) {}

void EngineDriver::Start() {
  socket_.Receive([this](const Endpoint& from, std::span<const uint8_t> bytes) {
    if (filter_ && filter_(from, bytes)) return;
    engine_->OnMessage(BootClock::now(), from, bytes);
    Drain();
  });
  engine_->Start(BootClock::now());
  Drain();
}

void EngineDriver::Replace(Engine& engine) {
  engine_ = &engine;
  engine_->Start(BootClock::now());
  for (const auto& [id, request] : asked_) engine_->Submit(BootClock::now(), request);
  Drain();
}

void EngineDriver::Submit(Request request) {
  if (const auto* put = std::get_if<PutRequest>(&request)) asked_[put->id] = request;
  if (const auto* get = std::get_if<GetRequest>(&request)) asked_[get->id] = request;
  engine_->Submit(BootClock::now(), std::move(request));
  Drain();
}

// An output's handler may submit again; the outer drain then goes on with what that gave.
void EngineDriver::Drain() {
  if (draining_) return;
  draining_ = true;
  while (auto output = engine_->NextOutput()) {
    if (const auto* send = std::get_if<SendOutput>(&*output)) {
      socket_.Send(send->to, send->bytes, source_);
    } else {
      Deliver(std::move(*output));
    }
  }
  draining_ = false;
  Arm();
}

void EngineDriver::Deliver(Output output) {
  if (const auto* put = std::get_if<PutOutput>(&output)) asked_.erase(put->id);
  if (const auto* get = std::get_if<GetOutput>(&output)) asked_.erase(get->id);
  on_output_(std::move(output));
}

void EngineDriver::Arm() {
  timer_.At(engine_->NextDeadline(), [this] {
    engine_->OnTimer(BootClock::now());
    Drain();
  });
}

}  // namespace ov6
