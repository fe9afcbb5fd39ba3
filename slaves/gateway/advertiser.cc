// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/advertiser.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

namespace ov6 {

Advertiser::Advertiser(Loop& loop, int fd, std::string interface, unsigned ifindex)
    : loop_(loop), socket_(fd, std::move(interface), ifindex), timer_(loop) {}

absl::Status Advertiser::Prepare() { return socket_.Prepare(); }

void Advertiser::Set(RouterAdvertisement advertisement) {
  std::vector<Prefix> gone = std::exchange(advertisement_, std::move(advertisement)).prefixes;
  if (!schedule_) {
    schedule_.emplace(BootClock::now(), [this] { return std::uniform_real_distribution<>()(generator_); });
    descriptor_ = std::make_unique<Descriptor>(loop_, socket_.fd());
    return OnReadable();
  }
  const auto& kept = advertisement_.prefixes;
  std::erase_if(gone, [&](const Prefix& p) { return std::find(kept.begin(), kept.end(), p) != kept.end(); });
  if (!gone.empty()) Deprecate(std::move(gone));
  schedule_->Changed(BootClock::now());
  Arm();
}

void Advertiser::Deprecate(std::vector<Prefix> gone) {
  RouterAdvertisement last = advertisement_;
  last.prefixes = std::move(gone);
  last.preferred_lifetime = std::chrono::seconds(0);
  Send(kAllNodes, last);
}

void Advertiser::Arm() {
  timer_.At(schedule_->NextDeadline(), [this] { OnTimer(); });
}

void Advertiser::OnTimer() {
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
bool Advertiser::Send(const Ipv6& to, RouterAdvertisement advertisement) {
  if (const auto mac = socket_.InterfaceMac(); mac.ok()) advertisement.source = *mac;
  const absl::Status status = socket_.Send(to, EncodeRouterAdvertisement(advertisement));
  if (status.ok()) return true;
  ++send_failed_;
  std::string failure(status.message());
  const auto level = absl::IsFailedPrecondition(status) ? spdlog::level::info : spdlog::level::warn;
  if (failure != last_failure_) spdlog::log(level, "a router advertisement could not be sent: {}", failure);
  last_failure_ = std::move(failure);
  return false;
}

void Advertiser::OnReadable() {
  while (const auto message = socket_.Receive()) {
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

void Advertiser::SayFarewell() {
  timer_.Cancel();
  descriptor_.reset();
  if (schedule_) Send(kAllNodes, Farewell(advertisement_));
}

void Advertiser::AppendStatus(boost::json::object* status) const {
  boost::json::object solicitations;
  for (size_t i = 0; i < received_.size(); ++i) {
    const std::string_view name = CounterName(static_cast<SolicitationCheck>(i));
    solicitations[{name.data(), name.size()}] = received_[i];
  }
  (*status)["advertisements_multicast"] = sent_multicast_;
  (*status)["advertisements_unicast"] = sent_unicast_;
  (*status)["send_failed"] = send_failed_;
  (*status)["solicitations"] = std::move(solicitations);
}

}  // namespace ov6
