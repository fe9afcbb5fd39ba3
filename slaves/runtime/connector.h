// SPDX-License-Identifier: Apache-2.0
// From a master's address to a stream on which the Upgrade may be asked for: name, TCP, CONNECT through a
// proxy, TLS. Each step has its own time; a failure is a sentence that names the step.
#ifndef OV6_SLAVES_RUNTIME_CONNECTOR_H
#define OV6_SLAVES_RUNTIME_CONNECTOR_H

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "slaves/runtime/loop.h"
#include "slaves/runtime/master_url.h"
#include "slaves/runtime/name_lookup.h"
#include "slaves/runtime/proxy.h"
#include "userspace/base/stream.h"
#include "userspace/base/tls.h"

namespace ov6 {

class Connector {
 public:
  static constexpr Duration kStepTimeout = std::chrono::seconds(5);
  // PermissionDenied: the proxy refuses; Unavailable: anything else that went wrong.
  using Done = std::function<void(absl::StatusOr<std::unique_ptr<Stream>>)>;

  // `tls` may be missing if no master asks for it.
  Connector(Loop& loop, std::optional<TlsContext> tls, Duration step_timeout = kStepTimeout);
  ~Connector();

  // Gives up what is under way. `done` is called from the loop, never from here.
  void Connect(MasterUrl master, std::optional<ProxyUrl> proxy, Done done);
  void Cancel();

 private:
  void TryNextAddress();
  void OnConnected(int error);
  void AskProxy();
  void ReadProxy();
  void StartTls();
  void Shake();
  void Step(std::string what);  // and its time begins
  void Fail(const std::string& why) { Finish(absl::UnavailableError(why)); }
  void Finish(absl::StatusOr<std::unique_ptr<Stream>> result);
  const std::string& FirstHost() const { return proxy_ ? proxy_->host : master_.host; }
  uint16_t FirstPort() const { return proxy_ ? proxy_->port : master_.port; }

  Loop& loop_;
  const std::optional<TlsContext> tls_;
  const Duration step_timeout_;
  MasterUrl master_;
  std::optional<ProxyUrl> proxy_;
  Done done_;
  std::optional<NameLookup> lookup_;
  std::vector<Ipv4> addresses_;
  size_t next_address_ = 0;
  UniqueFd fd_;  // until the stream has it
  std::unique_ptr<Stream> stream_;
  std::unique_ptr<Descriptor> descriptor_;
  std::string answer_;  // the proxy's
  Timer timer_;
};

}  // namespace ov6

#endif
