// SPDX-License-Identifier: Apache-2.0
// What a node says of itself: `ov6ctl slave call NAME state`.
#include <boost/json.hpp>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"
#include "userspace/base/crypto.h"

namespace ov6::chord {
namespace {

boost::json::value ToJson(const Peer& peer) {
  return boost::json::object{
      {"id", ToHex(peer.id)}, {"endpoint", peer.endpoint.ToString()}, {"incarnation", peer.incarnation}};
}

template <typename Peers>
boost::json::array ListOf(const Peers& peers) {
  boost::json::array array;
  for (const Peer& peer : peers) array.push_back(ToJson(peer));
  return array;
}

}  // namespace

std::string ChordEngine::Node::StateJson(BootTime) const {
  boost::json::object state{{"engine", "chord"},
                            {"network", config_.network},
                            {"mode", ToString(mode_)},
                            {"self", ToJson(self_)},
                            {"slot", self_.slot},
                            {"seen_at", seen_at_.ToString()},
                            {"predecessor", predecessor_ ? ToJson(*predecessor_) : boost::json::value()},
                            {"successors", ListOf(successors_)}};
  state["lookups"] =
      boost::json::object{{"by", table_whole_ ? "table" : "fingers"}, {"way", ToString(config_.lookups)}};
  boost::json::array fingers;
  for (const auto& [index, peer] : fingers_.all()) {
    boost::json::object finger = ToJson(peer).as_object();
    finger["index"] = index;
    fingers.push_back(finger);
  }
  state["fingers"] = fingers;
  state["table"] = boost::json::object{{"members", table_.size()},
                                       {"suspects", table_.suspects()},
                                       {"presumed", table_.presumed()},
                                       {"whole", table_whole_},
                                       {"off", table_off_},
                                       {"telling", hot_.size()},
                                       {"bytes_per_second", table_rate_},
                                       {"ring_size", RingSize()}};
  state["store"] = boost::json::object{{"values", store_.size()},
                                       {"bytes", store_.bytes()},
                                       {"publications", publications_.size()},
                                       {"complete", !incomplete_}};
  boost::json::array equivocations;
  for (const auto& [where, proof] : store_.equivocations()) {
    equivocations.push_back(boost::json::object{
        {"key", ToHex(where.first)}, {"owner", ToHex(where.second)}, {"sequence", proof.sequence}});
  }
  state["equivocations"] = equivocations;
  state["requests"] = boost::json::object{{"lookups", lookups_.size()},
                                          {"gets", gets_.size()},
                                          {"rpcs", rpcs_.size()},
                                          {"transfers", transfers_.size()}};
  boost::json::object counters;
  for (const auto& [name, value] : counters_) counters[name] = value;
  counters["retransmitted"] = rpcs_.retransmitted();
  counters["timed_out"] = rpcs_.timed_out();
  state["counters"] = counters;
  return boost::json::serialize(state);
}

uint64_t ChordEngine::Node::Counter(const std::string& name) const {
  if (name == "retransmitted") return rpcs_.retransmitted();
  if (name == "timed_out") return rpcs_.timed_out();
  const auto it = counters_.find(name);
  return it == counters_.end() ? 0 : it->second;
}

}  // namespace ov6::chord
