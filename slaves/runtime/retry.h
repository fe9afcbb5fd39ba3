// SPDX-License-Identifier: Apache-2.0
// Which master next, and when. Each in turn, at once; after a round in which none served for long a pause
// that doubles, with jitter; a long one where all refused. Pure: randomness is handed in.
#ifndef OV6_SLAVES_RUNTIME_RETRY_H
#define OV6_SLAVES_RUNTIME_RETRY_H

#include <functional>

#include "absl/status/status.h"
#include "ov6/time.h"

namespace ov6 {

class Retry {
 public:
  static constexpr Duration kFirstPause = std::chrono::milliseconds(500);
  static constexpr Duration kLongestPause = std::chrono::seconds(30);
  static constexpr Duration kLongestWhileHeld = std::chrono::seconds(2);
  static constexpr Duration kServed =
      std::chrono::seconds(60);  // a session that lived so long was a good one

  // Uniform in [0, 1).
  using Random = std::function<double()>;
  static double Uniform();  // another in each process
  struct Next {
    size_t master = 0;
    Duration pause{};
  };

  Retry(size_t masters, Random random) : masters_(masters), random_(std::move(random)) {}

  size_t master() const { return master_; }
  // The current master's session ended after it had been up for `lived`; 0: it never was.
  Next After(const absl::Status& why, Duration lived);

 private:
  Duration Pause(bool held);

  const size_t masters_;
  Random random_;
  size_t master_ = 0;
  size_t failures_ = 0;      // since a session that served
  bool all_refused_ = true;  // in this round
};

// The master, or the proxy before it, has understood and says no: the same again soon makes no sense. Another
// that holds the name or the prefix (409) may go.
bool IsRefusal(const absl::Status& status);

}  // namespace ov6

#endif
