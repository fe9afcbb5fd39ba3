// SPDX-License-Identifier: Apache-2.0
// ov6-gateway: the slave of one site.
#include <spdlog/spdlog.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <random>

#include "slaves/gateway/ra_schedule.h"
#include "slaves/gateway/ra_socket.h"
#include "slaves/gateway/solicitation.h"
#include "slaves/runtime/slave_main.h"

namespace ov6 {
namespace {

class Gateway {
 public:
  Gateway(SlaveProcess& process) : process_(process), timer_(process.loop()) {}

  absl::Status Configure(const boost::json::object& config);
  // Other prefixes or another MTU from now on; hosts are told at once.
  absl::Status Reconfigure(const boost::json::object& config);
  std::string StatusJson() const;
  void Leave(Callback done);

 private:
  absl::Status ReadConfig(const boost::json::object& config);
  void Deprecate(const std::vector<Prefix>& prefixes);
  void Arm();
  void OnTimer();
  void OnReadable();
  bool Send(const Ipv6& to, RouterAdvertisement advertisement);

  SlaveProcess& process_;
  std::string interface_;
  unsigned ifindex_ = 0;
  std::vector<Prefix> prefixes_;  // the site's; those longer than a subnet are not advertised
  RouterAdvertisement advertisement_;
  std::optional<RaSocket> socket_;
  std::unique_ptr<Descriptor> descriptor_;
  std::mt19937_64 generator_{std::random_device{}()};
  std::optional<RaSchedule> schedule_;
  Timer timer_;
  std::array<uint64_t, static_cast<size_t>(SolicitationCheck::kCount)> received_{};
  uint64_t sent_multicast_ = 0, sent_unicast_ = 0, send_failed_ = 0;
  std::string last_failure_;
};

absl::Status Gateway::ReadConfig(const boost::json::object& config) {
  const auto interface = StringField(config, "interface");
  const auto ifindex = IntegerField(config, "ifindex");
  const auto mtu = IntegerField(config, "mtu");
  for (const absl::Status& status : {interface.status(), ifindex.status(), mtu.status()}) {
    if (!status.ok()) return status;
  }
  interface_ = *interface;
  const auto prefixes = PrefixListField(config, "prefixes");
  if (!prefixes.ok()) return prefixes.status();
  if (ifindex_ != 0 && (interface_ != *interface || ifindex_ != static_cast<unsigned>(*ifindex)))
    return absl::FailedPreconditionError("the site's device is another one");
  prefixes_ = *prefixes;
  ifindex_ = static_cast<unsigned>(*ifindex);
  advertisement_.mtu = static_cast<uint32_t>(*mtu);
  const auto* advertise = config.if_contains("advertise");
  if (advertise == nullptr || !advertise->is_array()) {
    return absl::InvalidArgumentError(
        "the configuration's field \"advertise\" should be a list of objects with a prefix");
  }
  advertisement_.prefixes.clear();
  for (const auto& item : advertise->get_array()) {
    if (!item.is_object())
      return absl::InvalidArgumentError("an entry of \"advertise\" is not an object with a prefix");
    const auto text = StringField(item.get_object(), "prefix");
    if (!text.ok()) return text.status();
    const auto prefix = Prefix::Parse(*text);
    if (!prefix)
      return absl::InvalidArgumentError("\"" + *text + "\" in \"advertise\" is not an IPv6 prefix");
    advertisement_.prefixes.push_back(*prefix);
  }
  return absl::OkStatus();
}

absl::Status Gateway::Configure(const boost::json::object& config) {
  if (absl::Status status = ReadConfig(config); !status.ok()) return status;
  socket_.emplace(kRawDescriptor, interface_, ifindex_);
  if (absl::Status status = socket_->Prepare(); !status.ok()) return status;
  process_.session().Advertise(prefixes_);
  schedule_.emplace(BootClock::now(), [this] { return std::uniform_real_distribution<>()(generator_); });
  descriptor_ = std::make_unique<Descriptor>(process_.loop(), socket_->fd());
  OnReadable();
  Arm();
  spdlog::info("serving {} with {} prefixes, MTU {}", interface_, advertisement_.prefixes.size(),
               advertisement_.mtu);
  return absl::OkStatus();
}

absl::Status Gateway::Reconfigure(const boost::json::object& config) {
  std::vector<Prefix> gone = advertisement_.prefixes;
  if (absl::Status status = ReadConfig(config); !status.ok()) return status;
  const auto& kept = advertisement_.prefixes;
  std::erase_if(gone, [&](const Prefix& p) { return std::find(kept.begin(), kept.end(), p) != kept.end(); });
  spdlog::info("serving {} with {} prefixes now, MTU {}", interface_, prefixes_.size(), advertisement_.mtu);
  if (!gone.empty()) Deprecate(gone);
  schedule_->Changed(BootClock::now());
  Arm();
  return absl::OkStatus();
}

// RFC 9096 section 3.4: hosts should begin nothing new from what this router serves no more.
void Gateway::Deprecate(const std::vector<Prefix>& prefixes) {
  RouterAdvertisement last = advertisement_;
  last.prefixes = prefixes;
  last.preferred_lifetime = std::chrono::seconds(0);
  Send(kAllNodes, last);
}

void Gateway::Arm() {
  timer_.At(schedule_->NextDeadline(), [this] { OnTimer(); });
}

void Gateway::OnTimer() {
  const auto due = schedule_->Take(BootClock::now());
  for (const Ipv6& host : due.hosts) sent_unicast_ += Send(host, advertisement_);
  if (due.multicast) {
    if (Send(kAllNodes, advertisement_))
      ++sent_multicast_;
    else
      schedule_->Retry(BootClock::now());
  }
  Arm();
}

// With the MAC address that the device has now.
bool Gateway::Send(const Ipv6& to, RouterAdvertisement advertisement) {
  if (const auto mac = socket_->InterfaceMac(); mac.ok()) advertisement.source = *mac;
  const absl::Status status = socket_->Send(to, EncodeRouterAdvertisement(advertisement));
  if (status.ok()) return true;
  ++send_failed_;
  std::string failure(status.message());
  const auto level = absl::IsFailedPrecondition(status) ? spdlog::level::info : spdlog::level::warn;
  if (failure != last_failure_) spdlog::log(level, "a router advertisement could not be sent: {}", failure);
  last_failure_ = std::move(failure);
  return false;
}

void Gateway::OnReadable() {
  while (const auto message = socket_->Receive()) {
    const SolicitationCheck check = CheckSolicitation(message->bytes, message->source, message->hop_limit);
    ++received_[static_cast<size_t>(check)];
    if (check == SolicitationCheck::kGood)
      schedule_->OnSolicitation(BootClock::now(), message->source);
    else
      spdlog::debug("from {}: {}", message->source.ToString(), Sentence(check));
  }
  Arm();
  descriptor_->WhenReadable([this] { OnReadable(); });
}

std::string Gateway::StatusJson() const {
  boost::json::object solicitations;
  for (size_t i = 0; i < received_.size(); ++i) {
    const std::string_view name = CounterName(static_cast<SolicitationCheck>(i));
    solicitations[{name.data(), name.size()}] = received_[i];
  }
  boost::json::array prefixes;
  for (const Prefix& prefix : prefixes_) prefixes.emplace_back(prefix.ToString());
  return boost::json::serialize(boost::json::object{{"interface", interface_},
                                                    {"prefixes", std::move(prefixes)},
                                                    {"mtu", advertisement_.mtu},
                                                    {"advertisements_multicast", sent_multicast_},
                                                    {"advertisements_unicast", sent_unicast_},
                                                    {"send_failed", send_failed_},
                                                    {"solicitations", std::move(solicitations)}});
}

// The site is detached. RFC 4861 section 6.2.5.
void Gateway::Leave(Callback done) {
  timer_.Cancel();
  if (socket_) Send(kAllNodes, Farewell(advertisement_));
  done();
}

int Main(int argc, char** argv) {
  SlaveProcess process(SlaveKind::kGateway, ParseCommandLine(SlaveKind::kGateway, argc, argv));
  Gateway gateway(process);
  SlaveCallbacks callbacks;
  callbacks.configured = [&](const boost::json::object& config) { return gateway.Configure(config); };
  callbacks.reconfigured = [&](const boost::json::object& config) { return gateway.Reconfigure(config); };
  callbacks.status = [&] { return gateway.StatusJson(); };
  callbacks.call = [&](const CallCapsule& call, const SessionHandlers::Respond& respond) {
    if (call.method == "state") return respond(gateway.StatusJson());
    respond(absl::UnimplementedError("ov6-gateway does not know the call " + call.method));
  };
  callbacks.leave = [&](Callback done) { gateway.Leave(std::move(done)); };
  return process.Run(std::move(callbacks));
}

}  // namespace
}  // namespace ov6

int main(int argc, char** argv) { return ov6::Main(argc, argv); }
