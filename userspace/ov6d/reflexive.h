// SPDX-License-Identifier: Apache-2.0
// Where this router's tunnel port is seen outside of the NATs in front of it: asked of STUN servers (RFC 8489
// section 11, a master's tunnel port), again so often that the NATs keep what they have opened. Pure.
#ifndef OV6_USERSPACE_OV6D_REFLEXIVE_H
#define OV6_USERSPACE_OV6D_REFLEXIVE_H

#include <functional>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include "ov6/address.h"
#include "ov6/time.h"
#include "userspace/wire/stun.h"

namespace ov6 {

class Reflexive {
 public:
  static constexpr Duration kRefresh = std::chrono::seconds(15);       // RFC 8445 section 11
  static constexpr Duration kRepeat = std::chrono::milliseconds(500);  // without an answer; doubled each time
  static constexpr Duration kPatience = std::chrono::seconds(1);       // for a first answer; see settled()
  static constexpr size_t kMaxServers = 4;

  struct Question {
    Endpoint server;
    StunTransaction transaction;
  };
  using Random = std::function<void(std::span<uint8_t>)>;

  explicit Reflexive(Random random) : random_(std::move(random)) {}

  // All that was learned before is forgotten: a new session may come from another network.
  void SetServers(BootTime now, std::span<const Endpoint> servers);
  std::vector<Question> OnTimer(BootTime now);
  std::optional<BootTime> NextDeadline() const;
  // False: an answer to no question of ours.
  bool OnAnswer(BootTime now, const Endpoint& from, const StunMessage& answer);

  // Each place once.
  std::vector<Endpoint> places() const;
  // There is an answer, or it has been waited for long enough.
  bool settled(BootTime now) const;

 private:
  struct Server {
    StunTransaction transaction{};
    bool waits = false;
    BootTime next{};
    Duration pause = kRepeat;
    std::optional<Endpoint> place;
  };

  const Random random_;
  std::map<Endpoint, Server> servers_;
  BootTime since_{};
};

}  // namespace ov6

#endif
