// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/compare.h"

#include <linux/bpf.h>
#include <linux/pkt_cls.h>

#include <algorithm>
#include <cstring>

#include "tests/model/headers.h"

namespace ov6::differential {
namespace {

using model::Door;
using model::End;
using model::Hook;
using model::Outcome;

constexpr uint64_t kHour = 3'600'000'000'000;
constexpr size_t kIdentification = 18, kIp4Checksum = 24, kSourcePort = 34;

uint32_t CodeOf(End end, Hook hook) {
  switch (end) {
    case End::kSend:
    case End::kPunt:
      return hook == Hook::kXdp ? uint32_t(XDP_REDIRECT) : TC_ACT_REDIRECT;
    case End::kStack:
    case End::kFinish:
      return hook == Hook::kXdp ? uint32_t(XDP_PASS) : TC_ACT_OK;
    default:
      return hook == Hook::kXdp ? uint32_t(XDP_DROP) : TC_ACT_SHOT;
  }
}

std::string Differ(const std::string& what, uint64_t model, uint64_t bpf) {
  return what + ": model " + std::to_string(model) + ", bpf " + std::to_string(bpf) + "\n";
}

// A mark for the TC door: what it is to do, and a slave's header.
std::string CompareMark(const model::Arrival& arrival, const Outcome& outcome, const Bytes& mark) {
  if (arrival.hook == Hook::kTc || (outcome.end != End::kStack && outcome.end != End::kFinish)) return "";
  const bool finish = outcome.end == End::kFinish;
  const size_t size = finish && arrival.door == Door::kPort ? 24 : 8;
  if (mark.size() == size && mark[4] == (finish ? 1 : 2)) return "";
  return "mark: expected " + std::to_string(size) + " bytes, kind " + (finish ? "1" : "2") + ", bpf " +
         Hex(mark) + "\n";
}

}  // namespace

std::string Hex(const Bytes& bytes) {
  std::string text;
  char byte[3];
  for (const uint8_t b : bytes) std::snprintf(byte, sizeof(byte), "%02x", b), text += byte;
  return text;
}

Comparison::Comparison(Subject& subject, const model::Kernel& kernel, const model::Tables& tables,
                       uint64_t now)
    : subject_(subject), kernel_(kernel), tables_(tables), ahead_(now + kHour) {
  subject_.Load(tables);
}

std::string Comparison::Check(model::Arrival arrival) {
  flow_port_.reset();
  std::string difference = CheckHook(arrival);
  arrival.hook = Hook::kTc;
  if (difference.empty()) difference = CheckHook(arrival);
  return difference;
}

std::string Comparison::CheckHook(const model::Arrival& arrival) {
  const auto result = subject_.Run(arrival);
  if (!result) return "";
  const Outcome outcome = model::Process(tables_, kernel_, arrival);
  runs_++;
  const std::string difference = CompareEnd(arrival, outcome, *result) + CompareState(outcome);
  if (difference.empty()) return "";
  return std::string(arrival.hook == Hook::kXdp ? "XDP" : "TC") + ", the model says " +
         model::Name(outcome.verdict) + "\n" + difference + "model's frame " + Hex(outcome.frame) +
         "\nbpf's frame   " + Hex(result->frame) + "\n";
}

std::string Comparison::CompareEnd(const model::Arrival& arrival, const Outcome& outcome, Result result) {
  const uint32_t code = CodeOf(outcome.end, arrival.hook);
  if (result.code != code) return Differ("return code", code, result.code);
  if (outcome.end == End::kDrop) return "";
  return CompareFrame(outcome, result) + CompareMark(arrival, outcome, result.metadata);
}

std::string Comparison::CompareFrame(const Outcome& outcome, Result& result) {
  Bytes& frame = result.frame;
  if (frame.size() != outcome.frame.size()) return Differ("frame size", outcome.frame.size(), frame.size());
  if (outcome.any_addresses) std::fill(frame.begin(), frame.begin() + 12, uint8_t{0});
  if (outcome.any_source_port) {
    const uint16_t port = model::Get16(frame, kSourcePort);
    if (port < OV6_FLOW_PORT_FIRST || flow_port_.value_or(port) != port)
      return Differ("source port", *flow_port_, port);
    flow_port_ = port;
    model::Put16(frame, kSourcePort, 0);
  }
  if (outcome.any_identification) {
    if (model::Checksum(model::View(frame).subspan(14, 20)) != 0) return "IPv4 checksum\n";
    model::Put16(frame, kIdentification, 0);
    model::Put16(frame, kIp4Checksum, model::Get16(outcome.frame, kIp4Checksum));
  }
  const auto at = std::mismatch(frame.begin(), frame.end(), outcome.frame.begin()).first - frame.begin();
  return size_t(at) == frame.size() ? "" : "byte " + std::to_string(at) + " of the frame\n";
}

std::string Comparison::CompareState(const Outcome& outcome) {
  ov6_count& expected = counts_[outcome.verdict];
  if (outcome.end != End::kFinish) {
    expected.packets++;
    expected.bytes += outcome.counted;
  }
  const ov6_count found = subject_.Count(outcome.verdict);
  std::string difference;
  if (found.packets != expected.packets)
    difference += Differ("packets counted", expected.packets, found.packets);
  if (found.bytes != expected.bytes) difference += Differ("bytes counted", expected.bytes, found.bytes);
  return difference + CompareBuckets(outcome.changes) + ComparePath(outcome.changes) +
         CompareEvents(outcome.changes);
}

// Where time has passed between the two looks, both are set ahead of it afterwards.
std::string Comparison::CompareBuckets(const model::Changes& changes) {
  std::string difference;
  for (const model::BucketKey& key : changes.spent) {
    ov6_bucket& bucket = tables_.buckets[key];
    difference += CompareBucket(key.source.ToString(), bucket, subject_.Bucket(key));
    if (subject_.TakesTime()) continue;
    bucket.updated = ahead_;
    subject_.SetBucket(key, bucket);
  }
  if (!changes.punt_budget) return difference;
  const ov6_bucket& bucket = tables_.punt_budgets[*changes.punt_budget];
  difference += CompareBucket("all punts", bucket, subject_.PuntBudget(*changes.punt_budget));
  if (!subject_.TakesTime()) subject_.SetPuntBudget(*changes.punt_budget, bucket);
  return difference;
}

std::string Comparison::CompareBucket(const std::string& whose, const ov6_bucket& bucket,
                                      const ov6_bucket& found) {
  if (found.tokens != bucket.tokens) return Differ("tokens of " + whose, bucket.tokens, found.tokens);
  if (!subject_.TakesTime() || found.updated == bucket.updated) return "";
  return Differ("time of the bucket of " + whose, bucket.updated, found.updated);
}

std::string Comparison::ComparePath(const model::Changes& changes) {
  if (!changes.path) return "";
  ov6_path& path = tables_.paths[*changes.path];
  const auto found = subject_.Path(*changes.path);
  if (!found) return "no path to " + changes.path->ToString() + "\n";
  if (found->mtu != path.mtu) return Differ("path MTU", path.mtu, found->mtu);
  const bool later = found->mtu_expiry > path.mtu_expiry && !subject_.TakesTime();
  if (found->mtu_expiry != path.mtu_expiry && !later)
    return Differ("path MTU's expiry", path.mtu_expiry, found->mtu_expiry);
  if (subject_.TakesTime()) return "";
  if (path.mtu != 0) path.mtu_expiry = ahead_;
  subject_.SetPath(*changes.path, path);
  return "";
}

std::string Comparison::CompareEvents(const model::Changes& changes) {
  const auto events = subject_.TakeEvents();
  if (events.size() != changes.events.size()) return Differ("events", changes.events.size(), events.size());
  for (size_t i = 0; i < events.size(); i++) {
    const auto& [type, slave, address, peer, of] = changes.events[i];
    if (events[i].type != type || events[i].slave != slave || events[i].peer != peer.ToBe() ||
        Prefix::FromAbi(events[i].prefix) != Prefix{address, 128})
      return "an event says something else: type " + std::to_string(events[i].type) + "\n";
    if (!subject_.TakesTime()) PostponeEvents(of);
  }
  return "";
}

void Comparison::PostponeEvents(const Ipv6& address) {
  for (auto& [prefix, mapping] : tables_.mappings) {
    if (&mapping != model::Longest(tables_.mappings, address)) continue;
    mapping.next_question = ahead_;
    subject_.SetMapping(prefix, mapping);
  }
}

std::string Comparison::CheckTotal() {
  uint64_t expected = 0;
  for (const auto& [verdict, count] : counts_) expected += count.packets;
  const uint64_t found = subject_.AllPackets();
  return found == expected ? "" : Differ("packets counted in all", expected, found);
}

}  // namespace ov6::differential
