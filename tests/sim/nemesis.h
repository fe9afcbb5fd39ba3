// SPDX-License-Identifier: Apache-2.0
// What goes wrong in a world, drawn from a seed, one thing at a time: machines crash, come back, leave and
// come new; the network parts and heals, holds hosts up, loses much; clocks step; sites and addresses move.
// Its log is for reading.
#ifndef OV6_TESTS_SIM_NEMESIS_H
#define OV6_TESTS_SIM_NEMESIS_H

#include <random>
#include <string>
#include <vector>

#include "tests/sim/world.h"

namespace ov6::sim {

class Nemesis {
 public:
  Nemesis(World* world, uint64_t seed) : world_(*world), random_(seed) {}

  // Something every `pause`, with packets in between; then everything heals.
  void Run(Duration time, Duration pause);
  void Heal();
  std::string Log() const;

 private:
  enum What {
    kCrash,
    kRestart,
    kLeave,
    kJoin,
    kPartition,
    kClog,
    kStorm,
    kStep,
    kMoveSite,
    kMoveAddress,
    kAll
  };

  void Act();
  void Do(What what);
  void Partition();
  size_t Any() { return random_() % world_.machines().size(); }
  size_t AnyUp();
  void Note(const std::string& what);

  World& world_;
  std::mt19937_64 random_;
  size_t least_ = 0;  // machines that stay up
  std::vector<size_t> clogged_;
  bool parted_ = false, storming_ = false;
  std::vector<std::string> log_;
};

}  // namespace ov6::sim

#endif
