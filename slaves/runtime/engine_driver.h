// SPDX-License-Identifier: Apache-2.0
// Runs an Engine on the loop: its datagrams over UDP, its deadline on a timer, and
// every output to whom it is for.
#ifndef OV6_SLAVES_RUNTIME_ENGINE_DRIVER_H
#define OV6_SLAVES_RUNTIME_ENGINE_DRIVER_H

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include "ov6/engine.h"
#include "slaves/runtime/udp_socket.h"

namespace ov6 {

class EngineDriver {
 public:
  using OutputHandler = std::function<void(Output)>;  // every output but SendOutput

  // `engine` and `socket` outlive the driver, or the engine until Replace.
  EngineDriver(Loop& loop, Engine& engine, UdpSocket& socket, OutputHandler on_output);

  // Whoever shares the socket: true if the datagram was his and not the engine's. Before Start.
  using Filter = std::function<bool(const Endpoint& from, std::span<const uint8_t> bytes)>;
  void SetFilter(Filter filter) { filter_ = std::move(filter); }
  // The address that the engine says it is at: its datagrams leave from there, whatever the route. Absent:
  // from where the kernel has it.
  void SetSource(std::optional<Ipv4> source) { source_ = source; }
  void Start();
  // Another engine from now on, started here; what was asked and not answered it is asked too.
  void Replace(Engine& engine);
  void Submit(Request request);

 private:
  void Drain();
  void Arm();
  void Deliver(Output output);

  Engine* engine_;
  UdpSocket& socket_;
  OutputHandler on_output_;
  Filter filter_;
  std::optional<Ipv4> source_;
  Timer timer_;
  std::map<uint64_t, Request> asked_;  // puts and gets without an answer, by their ids
  bool draining_ = false;
};

}  // namespace ov6

#endif
