// SPDX-License-Identifier: Apache-2.0
// The sites elsewhere: their tokens, their TUN devices here, and the listeners to which their gateways
// connect. A token makes a site, which goes with it; or lets a slave elsewhere resolve a part of a domain.
#ifndef OV6_USERSPACE_OV6D_REMOTE_CONTROL_H
#define OV6_USERSPACE_OV6D_REMOTE_CONTROL_H

#include <boost/json/object.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "userspace/ov6d/node_layout.h"
#include "userspace/ov6d/remote_listener.h"
#include "userspace/ov6d/remote_site.h"
#include "userspace/ov6d/token_store.h"

namespace ov6 {

class RemoteControl {
 public:
  RemoteControl(boost::asio::io_context& io, const std::filesystem::path& state) : io_(io), tokens_(state) {}

  // The tokens' sites, put behind those of the file. Those of domains that are no more are left out.
  absl::Status Load(Config* config);
  // A device for each, and the listeners: while privileges are there.
  absl::Status MakeDevices(const Config& config);
  // Those that somebody deleted are made again, their sessions end by themselves; and all have the MTU that
  // the underlays leave now.
  absl::Status FollowDevices(const Config& config);
  absl::Status Listen(const std::vector<ListenConfig>& listeners);
  void Start(const RemoteListener::Handler& handler);

  // {"name", "kind", "domain", "prefix": "auto", "own" or a /64, "replace", "token"}. The site is checked and
  // its device made before anything is kept; `adopt` carries it out. Returns {"token", "prefix", ...}.
  struct Added {
    RemoteToken token;
    boost::json::object answer;
  };
  absl::StatusOr<Added> Add(const Config& config, const NodeLayout& layout, const NodeKey& key,
                            const boost::json::object& body);
  // The site's device is gone then.
  absl::Status Remove(const std::string& name);
  // What goes with a token: a site, or what a slave resolves. True: there was a site.
  static void AddTo(const RemoteToken& token, Config* config);
  static bool RemoveFrom(const std::string& name, Config* config);

  std::shared_ptr<RemoteSite> SiteOf(const std::string& name) const;
  std::shared_ptr<RemoteSite> SiteAt(uint32_t ifindex) const;
  const TokenStore& tokens() const { return tokens_; }
  boost::json::object Json() const;  // tokens and listeners

  static std::string DeviceOf(const std::string& name) { return "ov6-" + name; }

 private:
  absl::Status MakeDevice(const std::string& name, int mtu);

  boost::asio::io_context& io_;
  TokenStore tokens_;
  std::map<std::string, std::shared_ptr<RemoteSite>> sites_;
  std::vector<std::unique_ptr<RemoteListener>> listeners_;
};

}  // namespace ov6

#endif
