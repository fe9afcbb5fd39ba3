// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/chord_engine.h"

#include "slaves/engine/chord/node.h"

namespace ov6::chord {

std::string Validate(const ChordConfig& config) {
  if (config.self.port == 0 || config.self.address.value == 0) {
    return "the node's own endpoint is " + config.self.ToString() +
           "; other nodes need an address and a port";
  }
  if (config.slot >= kSlots) {
    return "slot is " + std::to_string(config.slot) + "; it must be 0 to " + std::to_string(kSlots - 1);
  }
  if (std::string wrong = Validate(static_cast<const RingConfig&>(config)); !wrong.empty()) return wrong;
  if (config.tries < 1) return "tries is " + std::to_string(config.tries) + "; it must be at least 1";
  return "";
}

const char* ToString(Mode mode) {
  switch (mode) {
    case Mode::kMesh:
      return "mesh";
    case Mode::kRing:
      return "ring";
    case Mode::kLeaving:
      return "leaving";
    case Mode::kLeft:
      return "left";
    case Mode::kJoining:
      break;
  }
  return "joining";
}

ChordEngine::ChordEngine(ChordConfig config) : node_(std::make_unique<Node>(std::move(config))) {}
ChordEngine::~ChordEngine() = default;

void ChordEngine::Remember(std::vector<Endpoint> peers) { node_->Remember(std::move(peers)); }
void ChordEngine::Start(BootTime now) { node_->Start(now); }
void ChordEngine::OnMessage(BootTime now, const Endpoint& from, std::span<const uint8_t> bytes) {
  node_->OnMessage(now, from, bytes);
}
void ChordEngine::OnTimer(BootTime now) { node_->OnTimer(now); }
BootTime ChordEngine::NextDeadline() const { return node_->NextDeadline(); }
void ChordEngine::Submit(BootTime now, Request request) { node_->Submit(now, std::move(request)); }
std::optional<Output> ChordEngine::NextOutput() { return node_->NextOutput(); }
std::string ChordEngine::StateJson(BootTime now) const { return node_->StateJson(now); }
bool ChordEngine::Left() const { return node_->Left(); }
ChordView ChordEngine::View() const { return node_->View(); }
uint64_t ChordEngine::Version() const { return node_->Version(); }
uint64_t ChordEngine::Counter(const std::string& name) const { return node_->Counter(name); }
size_t ChordEngine::StoredValues() const { return node_->StoredValues(); }

}  // namespace ov6::chord
