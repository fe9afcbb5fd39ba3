// SPDX-License-Identifier: Apache-2.0
// Tables and packets out of a seed, with a taste for edges. The same seed, the same packets.
#ifndef OV6_TESTS_DIFFERENTIAL_GENERATOR_H
#define OV6_TESTS_DIFFERENTIAL_GENERATOR_H

#include <initializer_list>
#include <random>
#include <string>
#include <vector>

#include "tests/differential/world.h"
#include "tests/packet/packet_builder.h"

namespace ov6::differential {

class Dice {
 public:
  explicit Dice(uint64_t seed) : engine_(seed) {}
  uint32_t Below(uint32_t limit) { return uint32_t(engine_() % limit); }
  uint32_t Between(uint32_t least, uint32_t most) { return least + Below(most - least + 1); }
  bool Chance(uint32_t percent) { return Below(100) < percent; }
  template <typename T>
  T Of(std::initializer_list<T> list) {
    return list.begin()[Below(uint32_t(list.size()))];
  }

 private:
  std::mt19937_64 engine_;
};

class Generator {
 public:
  // `now`: the boot time. While it stands still, expiries lie an hour from it or long ago; if the subject
  // takes its time from the arrivals it moves, and they lie near.
  Generator(uint64_t seed, const Devices& devices, uint64_t now, bool moves = false)
      : dice_(seed), devices_(devices), now_(now), moves_(moves) {}

  model::Tables MakeTables();
  model::Arrival MakeArrival();  // for the XDP hook

 private:
  // generator_tables.cc
  void ChangeDevices(model::Tables& tables);
  void ChangeRoutes(model::Tables& tables);
  void ChangeMappings(model::Tables& tables);
  void ChangeSlaves(model::Tables& tables);
  void ChangeConfig(model::Tables& tables);
  void ChangeBudgets(model::Tables& tables);
  ov6_mapping Mapping();
  uint64_t Expiry();

  // generator_packets.cc
  packet::Bytes SiteFrame();
  packet::Bytes UnderlayFrame();
  packet::Bytes TunnelPacket(packet::Frame outer);
  packet::Bytes Icmp4Error(packet::Frame outer);
  packet::Bytes Quoted();
  packet::Bytes SlaveFrame();
  packet::Bytes FarFrame();
  packet::Frame& Inner(packet::Frame& frame, const std::string& from, const std::string& to);
  void Payload(packet::Frame& frame, size_t room);
  void Extensions(packet::Frame& frame);
  void Damage(packet::Bytes& frame);
  size_t InnerSize();
  std::string Source6();
  std::string Destination6();
  std::string RemoteSource6();
  std::string Peer();

  Dice dice_;
  Devices devices_;
  uint64_t now_;
  bool moves_;
};

}  // namespace ov6::differential

#endif
