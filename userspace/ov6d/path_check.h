// SPDX-License-Identifier: Apache-2.0
// The direct paths to one peer, checked in ICE's way (RFC 8445, RFC 7675), without its roles: either end
// sends by the path that it has checked itself, and accepts from where the peer has proven to be. Pure: time
// and randomness come in, probes go out. docs/nat.md says where it leaves the RFC.
//
//   waiting -Start-> probing -an answer-> up -silence-> probing -nothing in time-> failed -Start-> probing
#ifndef OV6_USERSPACE_OV6D_PATH_CHECK_H
#define OV6_USERSPACE_OV6D_PATH_CHECK_H

#include <deque>
#include <functional>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "ov6/address.h"
#include "ov6/time.h"
#include "userspace/wire/stun.h"

namespace ov6 {

// RFC 8445 section 5.3: a name for the username, and what MESSAGE-INTEGRITY is made with.
struct StunCredentials {
  std::string user, password;
  bool operator==(const StunCredentials&) const = default;
};

class PathCheck {
 public:
  static constexpr Duration kHurry = std::chrono::milliseconds(100);    // between probes of a pair, at first
  static constexpr Duration kHurryFor = std::chrono::seconds(1);        // since Start or the loss of a path
  static constexpr Duration kPatient = std::chrono::milliseconds(500);  // then
  static constexpr Duration kProbeFor = std::chrono::seconds(5);
  static constexpr Duration kRefresh = std::chrono::milliseconds(200);  // of a path that is up
  // A path is sent to for so long after the probe that was answered last.
  static constexpr Duration kConsent = std::chrono::milliseconds(800);
  static constexpr Duration kAccept = std::chrono::seconds(30);  // where the peer was heard; from then on
  static constexpr size_t kMaxCandidates = 8;                    // told by the peer
  // To a place that only strangers have told, unanswered: kHurry later, twice that, and so on.
  static constexpr int kFewProbes = 5;
  static constexpr size_t kMaxReflexive = 3;  // of others, from which it was heard

  enum class State { kWaiting, kProbing, kUp, kFailed };
  // Who vouches for candidates: one whom both have a session with, or somebody in the ring.
  enum class Told { kByMaster, kByRing };
  struct Probe {
    Endpoint to;
    StunTransaction transaction;
    bool strange = false;  // nothing has come from there, and who told it is a stranger
  };
  using Random = std::function<void(std::span<uint8_t>)>;

  PathCheck(StunCredentials local, Random random) : local_(std::move(local)), random_(std::move(random)) {}

  // What the peer has said, once more too: a path that is up stays until it is silent.
  void Start(BootTime now, StunCredentials remote, std::span<const Endpoint> candidates,
             Told by = Told::kByMaster);
  // A request of the peer's, verified. Where it comes from is a candidate (RFC 8445 section 7.3.1.3); until
  // an answer comes from there too it gets one probe for each request, since anybody's address may stand in
  // it.
  void OnRequest(BootTime now, const Endpoint& from);
  // Whether such an answer would be one to a probe that was sent there.
  bool Expects(const Endpoint& from, const StunTransaction& transaction) const;
  // That answer, verified to be the peer's.
  void OnAnswer(BootTime now, const Endpoint& from, const StunTransaction& transaction);
  // What is to be sent now.
  std::vector<Probe> OnTimer(BootTime now);
  std::optional<BootTime> NextDeadline() const;

  State state() const { return state_; }
  const StunCredentials& local() const { return local_; }
  const StunCredentials& remote() const { return remote_; }
  std::optional<Endpoint> path() const;                // of a path that is up
  BootTime consent_until() const { return consent_; }  // of that path
  // Where the peer was heard within kAccept, the last first; not the path.
  std::vector<Endpoint> Heard(BootTime now) const;

 private:
  struct Pair {
    Endpoint at;
    bool told = false;                                        // by the peer, not only heard there
    bool strange = false;                                     // told by who is
    int tried = 0;                                            // since it was told
    bool owed = false;                                        // a probe, for a request
    bool answered = false;                                    // one of ours, ever
    BootTime next{};                                          // probe
    std::deque<std::pair<StunTransaction, BootTime>> sent{};  // the last few
    std::optional<BootTime> heard{};
  };

  Pair* Find(const Endpoint& at);
  Pair* Add(const Endpoint& at, bool told);
  static bool MayProbe(const Pair& pair);
  Duration Pause(BootTime now, const Pair& pair) const;
  void Probing(BootTime now);
  Probe MakeProbe(BootTime now, Pair& pair);

  const StunCredentials local_;
  const Random random_;
  StunCredentials remote_;
  State state_ = State::kWaiting;
  std::vector<Pair> pairs_;
  size_t path_ = 0;  // of pairs_; up
  BootTime consent_{};
  BootTime since_{};  // probing
};

}  // namespace ov6

#endif
