// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/slave_main.h"

#include <signal.h>
#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <utility>

#include "ov6/leave.h"

namespace ov6 {
namespace {

constexpr auto kStatusInterval = std::chrono::seconds(1);

absl::Status Missing(std::string_view name, std::string_view what) {
  return absl::InvalidArgumentError("the configuration's field \"" + std::string(name) + "\" should be " +
                                    std::string(what));
}

}  // namespace

void StartLog(const std::string& name) {
  spdlog::set_default_logger(spdlog::stderr_color_mt(name));
  spdlog::set_pattern("%Y-%m-%dT%H:%M:%S.%e %n %l: %v");
  spdlog::flush_on(spdlog::level::info);
}

SlaveOptions ParseCommandLine(SlaveKind kind, int argc, char** argv) {
  SlaveOptions options;
  std::vector<std::string> prefixes;
  CLI::App app("ov6-" + std::string(ToString(kind)) +
               ": a slave of ov6d, which starts it with its session as descriptor 3");
  app.add_option("--name", options.name, "name of this slave, 1 to 11 characters of [a-z0-9-]")->required();
  app.add_option("--prefix", prefixes, "a prefix it owns; may be repeated")
      ->check([](const std::string& text) {
        return Prefix::Parse(text) ? std::string()
                                   : "\"" + text + "\" is not an IPv6 prefix such as fd00::/8";
      });
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    std::exit(app.exit(error));
  }
  for (const std::string& prefix : prefixes) options.prefixes.push_back(*Prefix::Parse(prefix));
  return options;
}

SlaveProcess::SlaveProcess(SlaveKind kind, SlaveOptions options)
    : kind_(kind), options_(std::move(options)), status_timer_(loop_), leave_timer_(loop_) {
  StartLog(options_.name);
  ::signal(SIGPIPE, SIG_IGN);
  session_ =
      std::make_unique<SessionClient>(loop_, PlainStream(UniqueFd(kSessionDescriptor)), MakeHandlers());
}

SlaveProcess::~SlaveProcess() = default;

SessionHandlers SlaveProcess::MakeHandlers() {
  SessionHandlers handlers;
  handlers.opened = [this] {
    session_->Call("config", "",
                   [this](absl::StatusOr<std::string> config) { Configure(std::move(config)); });
  };
  handlers.port = [this](const PortCapsule& capsule) {
    early_port_ = capsule;
    GivePort();
  };
  handlers.refresh = [this](const RefreshCapsule& capsule) {
    if (callbacks_.refresh) callbacks_.refresh(capsule);
  };
  handlers.call = [this](const CallCapsule& call, SessionHandlers::Respond respond) {
    OnCall(call, std::move(respond));
  };
  handlers.closed = [this](const absl::Status& status) {
    if (said_goodbye_) return loop_.Stop(0);
    Fail(status.ok() ? absl::UnavailableError("the master closed the session") : status);
  };
  return handlers;
}

// SIGTERM and SIGINT keep their default: a slave that is merely stopped says no goodbye, so that
// its routes stay until its successor registers.
int SlaveProcess::Run(SlaveCallbacks callbacks) {
  callbacks_ = std::move(callbacks);
  session_->Open({kind_, options_.name, options_.prefixes});
  return loop_.Run();
}

void SlaveProcess::Fail(const absl::Status& status) {
  spdlog::error("{}", std::string(status.message()));
  loop_.Stop(1);
}

void SlaveProcess::Configure(absl::StatusOr<std::string> config) {
  if (!config.ok()) return Fail(config.status());
  const auto object = ObjectIn("the configuration", *config);
  if (!object.ok()) return Fail(object.status());
  if (const absl::Status status = callbacks_.configured(*object); !status.ok()) return Fail(status);
  configured_ = true;
  GivePort();
  ReportStatus();
}

// Packets are taken only by a slave that knows its configuration; until then they wait in the ring.
void SlaveProcess::GivePort() {
  if (!configured_ || !early_port_) return;
  const PortCapsule capsule = *std::exchange(early_port_, std::nullopt);
  if (callbacks_.port) callbacks_.port(capsule);
}

void SlaveProcess::ReportStatus() {
  if (leaving_) return;
  std::string status = callbacks_.status();
  if (status != last_status_) session_->SendStatus(status);
  last_status_ = std::move(status);
  status_timer_.After(kStatusInterval, [this] { ReportStatus(); });
}

void SlaveProcess::OnCall(const CallCapsule& call, SessionHandlers::Respond respond) {
  if (call.method == "shutdown") return Leave(std::move(respond));
  if (call.method == "reconfigure" && callbacks_.reconfigured)
    return respond(Done(Reconfigure(call.argument)));
  if (callbacks_.call) return callbacks_.call(call, std::move(respond));
  respond(absl::UnimplementedError("ov6-" + std::string(ToString(kind_)) + " does not know the call " +
                                   call.method));
}

absl::Status SlaveProcess::Reconfigure(const std::string& config) {
  const auto object = ObjectIn("the configuration", config);
  return object.ok() ? callbacks_.reconfigured(*object) : object.status();
}

void SlaveProcess::Leave(SessionHandlers::Respond respond) {
  respond("{}");
  if (std::exchange(leaving_, true)) return;
  spdlog::info("leaving");
  leave_timer_.After(kGoodbyeTime, [this] { Goodbye(); });
  if (!callbacks_.leave) return Goodbye();
  callbacks_.leave([this] { Goodbye(); });
}

void SlaveProcess::Goodbye() {
  if (std::exchange(said_goodbye_, true)) return;
  leave_timer_.Cancel();
  session_->Advertise({});
  session_->Flush([this] { loop_.Stop(0); });
}

absl::StatusOr<boost::json::object> ObjectIn(const std::string& what, const std::string& text) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse(text, error);
  if (error || !value.is_object()) return absl::InvalidArgumentError(what + " is not a JSON object: " + text);
  return std::move(value.get_object());
}

absl::StatusOr<std::string> Done(const absl::Status& status) {
  if (!status.ok()) return status;
  return std::string("{}");
}

absl::StatusOr<std::string> StringField(const boost::json::object& config, std::string_view name) {
  const auto* value = config.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_string()) return Missing(name, "a string");
  return std::string(value->get_string());
}

absl::StatusOr<int64_t> IntegerField(const boost::json::object& config, std::string_view name) {
  const auto* value = config.if_contains({name.data(), name.size()});
  boost::system::error_code error;
  const int64_t number = value == nullptr ? 0 : value->to_number<int64_t>(error);
  if (value == nullptr || error) return Missing(name, "an integer");
  return number;
}

absl::StatusOr<std::vector<std::string>> StringListField(const boost::json::object& config,
                                                         std::string_view name) {
  const auto* value = config.if_contains({name.data(), name.size()});
  if (value == nullptr || !value->is_array()) return Missing(name, "a list of strings");
  std::vector<std::string> strings;
  for (const auto& item : value->get_array()) {
    if (!item.is_string()) return Missing(name, "a list of strings");
    strings.emplace_back(item.get_string());
  }
  return strings;
}

absl::StatusOr<std::vector<Prefix>> PrefixListField(const boost::json::object& config,
                                                    std::string_view name) {
  const auto texts = StringListField(config, name);
  if (!texts.ok()) return texts.status();
  std::vector<Prefix> prefixes;
  for (const std::string& text : *texts) {
    const auto prefix = Prefix::Parse(text);
    if (!prefix)
      return absl::InvalidArgumentError("\"" + text + "\" in \"" + std::string(name) +
                                        "\" is not an IPv6 prefix");
    prefixes.push_back(*prefix);
  }
  return prefixes;
}

}  // namespace ov6
