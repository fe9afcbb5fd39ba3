// SPDX-License-Identifier: Apache-2.0
// The control API: what a request of ov6ctl means. Routes are the operator's (slave 0)
// or the slaves'; this changes only the operator's. Errors are JSON with a code and a
// sentence.
#ifndef OV6_USERSPACE_OV6D_CONTROL_API_H
#define OV6_USERSPACE_OV6D_CONTROL_API_H

#include <boost/json/object.hpp>
#include <functional>
#include <string>

#include "userspace/ov6d/http_server.h"
#include "userspace/ov6d/reassembly.h"
#include "userspace/ov6d/remote_control.h"
#include "userspace/ov6d/site_control.h"
#include "userspace/ov6d/slave_service.h"

namespace ov6 {

struct ControlContext {
  const Config& config;
  const NodeLayout& layout;
  const NodeKey& key;
  Datapath& datapath;
  Master& master;
  SlaveService& service;
  SiteControl& sites;
  std::function<BootTime()> clock;
  BootTime started;
  std::function<void(SlaveService::Result)> detach;
  std::function<ReassemblyCounters()> reassembly = [] { return ReassemblyCounters(); };
  // After what is to be carried out already.
  std::function<void(std::function<void()>)> later = [](const std::function<void()>& then) { then(); };
  const RemoteControl* remote = nullptr;  // null: no slaves from elsewhere
  std::function<absl::StatusOr<boost::json::object>(const boost::json::object&)> add_remote = nullptr;
  std::function<absl::Status(const std::string& name)> remove_remote = nullptr;
  std::function<absl::Status(const boost::json::object&)> add_slave = nullptr;
  std::function<absl::Status(const std::string& name)> remove_slave = nullptr;
  std::function<boost::json::object()> direct_paths = [] { return boost::json::object(); };
  std::function<DaemonPortCounters()> port = [] { return DaemonPortCounters(); };
};

class ControlApi {
 public:
  explicit ControlApi(ControlContext context) : context_(std::move(context)) {}

  void Handle(const ApiRequest& request, bool read_only, const ApiRespond& respond);

 private:
  using Reply = std::function<void(absl::StatusOr<std::string>)>;

  void Dispatch(const ApiRequest& request, const Reply& reply);
  void Post(const ApiRequest& request, const boost::json::object& body, const Reply& reply);
  absl::StatusOr<std::string> Get(const std::string& target);
  absl::StatusOr<std::string> Delete(const std::string& target, const boost::json::object& body);
  void AskOfSlave(const std::string& target, const boost::json::object& body, const Reply& reply);
  void CallSlave(const std::string& name, const boost::json::object& body, const Reply& reply);
  void DrainSlave(const std::string& name, const boost::json::object& body, const Reply& reply);
  void Resolve(const boost::json::object& body, const Reply& reply);
  void Record(const std::string& target, const boost::json::object& body, const Reply& reply);
  void AskSlaveOf(const Ipv6& address, const std::string& method, const std::string& argument,
                  const Reply& reply);
  void MoveSite(const boost::json::object& body, const Reply& reply);
  absl::StatusOr<std::string> Delegate(const boost::json::object& body);
  absl::StatusOr<std::string> NewToken(const boost::json::object& body);
  absl::Status AddRoute(const boost::json::object& body);
  absl::Status AddMapping(const boost::json::object& body);
  std::string Status() const;
  std::string Routes() const;

  ControlContext context_;
};

}  // namespace ov6

#endif
