// SPDX-License-Identifier: Apache-2.0
// Nodes that lie: engines whose datagrams are altered on their way. They know each other, and what they say
// is well-formed and has the right cookies, since it is their own.
#ifndef OV6_TESTS_SIM_LIAR_H
#define OV6_TESTS_SIM_LIAR_H

#include <map>
#include <memory>
#include <random>
#include <vector>

#include "slaves/engine/chord/codec.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {

enum class Lie {
  kDrop,        // takes questions and stores and does nothing
  kMisroute,    // names other liars as the holders of any key
  kForge,       // alters records, and makes its own for other people's prefixes
  kEclipse,     // knows nobody but liars
  kReplay,      // gives out the first record it ever had of a key
  kEquivocate,  // says now this, now that
  kInvent,      // tells of members who are none, and turns all other news round
};
inline constexpr int kLies = 7;
const char* ToString(Lie lie);

struct Conspiracy {
  std::vector<chord::Peer> peers;
  // What a liar would have believed in place of a genuine value.
  std::function<Bytes(const Bytes& genuine)> forge;
};

class Liar : public Disguise {
 public:
  Liar(Lie lie, const Key& self, uint64_t network, std::shared_ptr<const Conspiracy> others, uint64_t seed)
      : lie_(lie), self_(self), network_(network), others_(std::move(others)), random_(seed) {}

  bool Hear(BootTime now, const Endpoint& from, Bytes* bytes) override;
  std::vector<SendOutput> Say(BootTime now, SendOutput output) override;

 private:
  void Alter(chord::Message* message);
  void AlterFound(chord::Message* message);
  void AlterValues(chord::Message* message);
  void AlterEvents(chord::Message* message);
  std::vector<chord::Peer> LiarsBehind(const Key& at, size_t count) const;

  Lie lie_;
  Key self_;
  uint64_t network_;
  std::shared_ptr<const Conspiracy> others_;
  std::mt19937_64 random_;
  std::map<Key, Bytes> first_;  // replay
};

}  // namespace ov6::sim

#endif
