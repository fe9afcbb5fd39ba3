// SPDX-License-Identifier: Apache-2.0
// Asserts the ring's invariant after every event of a simulation; the first breach fails the test with its
// time.
#ifndef OV6_TESTS_SIM_WATCH_H
#define OV6_TESTS_SIM_WATCH_H

#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/sim/ring_invariant.h"
#include "tests/sim/simulator.h"

namespace ov6::sim {

// Zave's model lets a principal fail only while there are more than r+1: after a crash at r+1 the assertion
// rests until the ring is whole.
inline std::shared_ptr<RingInvariant> Watch(Simulator* simulator) {
  struct State {
    bool told = false;
    bool resting = false;
    size_t principals = 0;
  };
  const auto invariant = std::make_shared<RingInvariant>();
  simulator->on_change = [invariant, state = State()](const Simulator& s, size_t number) mutable {
    invariant->Changed(s, number);
    const bool died = !s.node(number).engine;
    const size_t minimum = static_cast<size_t>(s.node(number).config.successors) + 1;
    if (died && state.principals <= minimum) state.resting = true;
    if (state.resting && s.RingIsPerfect()) state.resting = false;
    state.principals = invariant->principals();
    const std::string wrong = state.resting ? "" : invariant->Check();
    if (!wrong.empty() && !std::exchange(state.told, true)) {
      ADD_FAILURE() << wrong << " after " << (s.now() - BootTime(1s)) / 1ms << " ms, event " << s.events();
    }
  };
  return invariant;
}

}  // namespace ov6::sim

#endif
