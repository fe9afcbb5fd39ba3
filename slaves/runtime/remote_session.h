// SPDX-License-Identifier: Apache-2.0
// A session with one of several masters over the network, made again whenever it ends
// (docs/slave-protocol.md). It counts as up when the master's first ADDRESS_ASSIGN has come: a 101 alone may
// be a proxy's, behind which nothing passes.
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
#include "slaves/runtime/proxy.h"
#include "slaves/runtime/retry.h"
#include "slaves/runtime/session_client.h"

namespace ov6 {

struct RemoteOptions {
  std::vector<MasterUrl> masters;  // at least one
  ProxyWords proxy;
  std::optional<TlsContext> tls;
  UpgradeRequest request;              // without the token
  std::function<std::string()> token;  // asked for each attempt, so that it can be renewed
  Duration heartbeat = std::chrono::seconds(2);
  Duration assign_timeout = std::chrono::seconds(3);
};

class RemoteSession {
 public:
  struct Handlers {
    std::function<void(const AddressAssignCapsule&)> assigned;  // the first: the session is up
    std::function<void(const DatagramView&)> datagram;
    std::function<void()> caught_up;
    std::function<void()> drained;
    std::function<void(const CallCapsule&, SessionHandlers::Respond)> call;
    std::function<void()> lost;  // a session that was up is no more
  };

  RemoteSession(Loop& loop, RemoteOptions options, Handlers handlers, Retry::Random random);
  ~RemoteSession();

  void Start();
  // Ends the session as if the master had, and tries again; from anywhere but its own callbacks too.
  void GiveUp(absl::Status why);
  // Hands over what is queued, closes, and tries no more.
  void Stop(Callback done);

  SessionClient* up() { return up_since_ ? session_.get() : nullptr; }  // nullptr: no session is up
  const MasterUrl& master() const { return options_.masters[retry_.master()]; }

 private:
  void Attempt();
  void Open(std::unique_ptr<Stream> stream);
  void OnAssigned(const AddressAssignCapsule& capsule);
  void OnEnded(const absl::Status& why);

  Loop& loop_;
  const RemoteOptions options_;
  const Handlers handlers_;
  Retry retry_;
  Connector connector_;
  std::unique_ptr<SessionClient> session_;
  std::optional<BootTime> up_since_;
  Timer assign_timer_;
  Timer retry_timer_;
  std::map<std::string, std::string> logged_;  // by master: what was said of its failure last
  bool ending_ = false;                        // OnEnded is on its way
  bool stopped_ = false;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace ov6

#endif
