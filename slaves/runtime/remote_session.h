// SPDX-License-Identifier: Apache-2.0
// A session with one of several masters over the network, made again whenever it ends
// (docs/slave-protocol.md), by Upgrade or, where the way carries none, by long polls. It counts as up when
// the master's first ADDRESS_ASSIGN has come: a 101 alone may be a proxy's, behind which nothing passes.
#ifndef OV6_SLAVES_RUNTIME_REMOTE_SESSION_H
#define OV6_SLAVES_RUNTIME_REMOTE_SESSION_H

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "slaves/runtime/connector.h"
#include "slaves/runtime/loop.h"
#include "slaves/runtime/poll_stream.h"
#include "slaves/runtime/proxy.h"
#include "slaves/runtime/retry.h"
#include "slaves/runtime/session_client.h"
#include "slaves/runtime/transport_choice.h"

namespace ov6 {

struct RemoteOptions {
  std::vector<MasterUrl> masters;  // at least one
  ProxyWords proxy;
  std::optional<TlsContext> tls;
  UpgradeRequest request;              // without the token
  std::function<std::string()> token;  // asked for each attempt, so that it can be renewed
  TransportRule transport = TransportRule::kAuto;
  Duration upgrade_again = TransportChoice::kFirstPause;  // see there
  Duration heartbeat = std::chrono::seconds(2);
  Duration assign_timeout = std::chrono::seconds(3);
};

class RemoteSession {
 public:
  static constexpr Duration kMoveTime = std::chrono::seconds(4);  // to find another master
  static constexpr Duration kOverlap = std::chrono::seconds(1);

  struct Handlers {
    std::function<void(const AddressAssignCapsule&)> assigned;  // the first: the session is up
    std::function<void(const DatagramView&)> datagram;
    std::function<void()> caught_up;
    std::function<void()> drained;
    std::function<void(const CallCapsule&, SessionHandlers::Respond)> call;
    std::function<void()> moved;  // sender() is another now
    std::function<void()> lost;   // a session that was up is no more
  };

  RemoteSession(Loop& loop, RemoteOptions options, Handlers handlers, Retry::Random random);
  ~RemoteSession();

  void Start();
  // Ends the session as if the master had, and tries again; from anywhere but its own callbacks too.
  void GiveUp(absl::Status why);
  // The master asks to be left for `away`. The session goes on until the next master's serves instead; where
  // there is no other it ends, and is made again when that time is over.
  void MoveOn(Duration away);
  // The session that is up now serves. Where there is a former one, and its master had the same prefix,
  // packets go by that until it says that it has the prefix no more, or for kOverlap.
  void Settle(bool same_prefix);
  // Hands over what is queued, closes, and tries no more.
  void Stop(Callback done);

  // nullptr: no session is up
  SessionClient* up() { return up_since_ ? session_.get() : former_.get(); }
  // By which packets go; nullptr: by none.
  SessionClient* sender() {
    if (former_ && !former_left_) return former_.get();
    return up_since_ ? session_.get() : nullptr;
  }
  const MasterUrl& master() const { return options_.masters[retry_.master()]; }

 private:
  void Attempt();
  void AttemptUpgrade(const std::optional<ProxyUrl>& proxy);
  void AttemptPolls(const std::optional<ProxyUrl>& proxy);
  UpgradeRequest Request() const;
  void Make(std::unique_ptr<Stream> stream);
  SessionHandlers MakeHandlers();
  void OnClosed(uint64_t number, absl::Status why);
  void OnFormerAssigned(const AddressAssignCapsule& capsule);
  void LeaveFormer();
  void EndFormer();
  void OnAssigned(const AddressAssignCapsule& capsule);
  void OnEnded(const absl::Status& why);
  bool IsBlocked(const absl::Status& why) const;
  void Pause(const absl::Status& why, Duration lived);
  void Tell(const std::string& about, const std::string& sentence, const std::string& then);
  // While polls carry the session: whether the way carries an Upgrade by now.
  void AwaitUpgrade();
  void TryUpgrade();
  void OnTried(bool carried);
  void EndTrial();
  TransportChoice& choice() { return choices_[retry_.master()]; }

  Loop& loop_;
  const RemoteOptions options_;
  const Handlers handlers_;
  Retry retry_;
  Connector connector_;
  PollConnector polls_;
  std::vector<TransportChoice> choices_;  // by master
  bool polled_ = false;                   // the attempt under way, or the session
  std::unique_ptr<SessionClient> session_;
  uint64_t number_ = 0;  // of session_
  std::optional<BootTime> up_since_;
  std::unique_ptr<SessionClient> former_;  // of a master that asked to be left; packets go both ways
  bool former_empty_ = false;              // its master has nothing for us any more
  bool settled_ = false;                   // session_ serves
  bool former_left_ = false;               // nobody sends by it any more
  Duration away_{};                        // before the next attempt
  Timer former_timer_;
  Timer assign_timer_;
  Timer retry_timer_;
  std::unique_ptr<SessionClient> trial_;
  Timer trial_timer_;
  bool moving_ = false;                        // from polls to an Upgrade
  std::map<std::string, std::string> logged_;  // by what it is about: what was said of its failure last
  bool ending_ = false;                        // OnEnded is on its way
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
