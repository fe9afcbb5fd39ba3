// SPDX-License-Identifier: Apache-2.0
// What every slave's main() has in common: the command line, the log, the session with
// its life from the Upgrade to the end, and a status report every second in which
// something changed. The inherited descriptors are fixed: 3 the session, 4 the port,
// 5 a gateway's raw socket.
#ifndef OV6_SLAVES_RUNTIME_SLAVE_MAIN_H
#define OV6_SLAVES_RUNTIME_SLAVE_MAIN_H

#include <boost/json/fwd.hpp>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/address.h"
#include "slaves/runtime/loop.h"
#include "slaves/runtime/session_client.h"

namespace ov6 {

inline constexpr int kSessionDescriptor = 3;
inline constexpr int kPortDescriptor = 4;
inline constexpr int kRawDescriptor = 5;

// To stderr, a line an event.
void StartLog(const std::string& name);

struct SlaveOptions {
  std::string name;
  std::vector<Prefix> prefixes;
};
// --name NAME, --prefix PREFIX (may be repeated). Prints and exits for --help and for what is wrong.
SlaveOptions ParseCommandLine(SlaveKind kind, int argc, char** argv);

// The session and the loop of a slave process. The kind hands in what it does:
struct SlaveCallbacks {
  std::function<absl::Status(const boost::json::object& config)>
      configured;  // once, after `config` was answered
  // The call `reconfigure`: the same after it has changed. FailedPrecondition: only a new process can take
  // it.
  std::function<absl::Status(const boost::json::object& config)> reconfigured;
  std::function<std::string()> status;           // JSON; asked every second
  std::function<void(const PortCapsule&)> port;  // not before `configured`
  std::function<void(const RefreshCapsule&)> refresh;
  // Calls other than shutdown and reconfigure; Unimplemented for what the kind does not know.
  std::function<void(const CallCapsule&, SessionHandlers::Respond)> call;
  // Say goodbye in the kind's own protocol, then call `done`. The process waits kGoodbyeTime for it.
  std::function<void(Callback done)> leave;
};

class SlaveProcess {
 public:
  SlaveProcess(SlaveKind kind, SlaveOptions options);
  ~SlaveProcess();

  Loop& loop() { return loop_; }
  SessionClient& session() { return *session_; }
  const SlaveOptions& options() const { return options_; }

  int Run(SlaveCallbacks callbacks);      // the exit code: 0 after a shutdown, else 1
  void Fail(const absl::Status& status);  // ends the process with code 1

 private:
  SessionHandlers MakeHandlers();
  void Configure(absl::StatusOr<std::string> config);
  void GivePort();
  void OnCall(const CallCapsule& call, SessionHandlers::Respond respond);
  absl::Status Reconfigure(const std::string& config);
  void Leave(SessionHandlers::Respond respond);
  void Goodbye();
  void ReportStatus();

  const SlaveKind kind_;
  const SlaveOptions options_;
  Loop loop_;
  SlaveCallbacks callbacks_;
  std::unique_ptr<SessionClient> session_;
  Timer status_timer_;
  Timer leave_timer_;
  std::optional<PortCapsule> early_port_;
  std::string last_status_;
  bool configured_ = false;
  bool leaving_ = false;
  bool said_goodbye_ = false;
};

// A text that is a JSON object, or a sentence about `what` it is.
absl::StatusOr<boost::json::object> ObjectIn(const std::string& what, const std::string& text);
// What a call returns that has nothing to say.
absl::StatusOr<std::string> Done(const absl::Status& status);
// A field of the configuration: the value, or a sentence naming the field and what it should be.
absl::StatusOr<std::string> StringField(const boost::json::object& config, std::string_view name);
absl::StatusOr<int64_t> IntegerField(const boost::json::object& config, std::string_view name);
absl::StatusOr<std::vector<std::string>> StringListField(const boost::json::object& config,
                                                         std::string_view name);
absl::StatusOr<std::vector<Prefix>> PrefixListField(const boost::json::object& config, std::string_view name);

}  // namespace ov6

#endif
