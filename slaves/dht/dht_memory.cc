// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/dht_memory.h"

#include <boost/json.hpp>
#include <optional>

namespace ov6 {
namespace {

std::vector<Endpoint> ParsePeers(const boost::json::value* list) {
  std::vector<Endpoint> peers;
  if (list == nullptr || !list->is_array()) return peers;
  for (const boost::json::value& entry : list->get_array()) {
    if (peers.size() >= DhtMemory::kMaxPeers) break;
    const auto* text = entry.if_string();
    const auto peer = text == nullptr ? std::nullopt : Endpoint::Parse(std::string_view(*text));
    if (peer && peer->port != 0 && peer->address.value != 0) peers.push_back(*peer);
  }
  return peers;
}

}  // namespace

std::string ToJson(const DhtMemory& memory) {
  boost::json::array peers;
  for (const Endpoint& peer : memory.peers) peers.emplace_back(peer.ToString());
  return boost::json::serialize(boost::json::object{{"peers", peers}, {"sequence", memory.sequence}});
}

DhtMemory ParseDhtMemory(const std::string& text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return {};
  const boost::json::object& object = value.get_object();
  DhtMemory memory{ParsePeers(object.if_contains("peers")), 0};
  const boost::json::value* sequence = object.if_contains("sequence");
  if (sequence != nullptr && sequence->is_int64() && sequence->get_int64() > 0) {
    memory.sequence = static_cast<uint64_t>(sequence->get_int64());
  }
  return memory;
}

}  // namespace ov6
