// SPDX-License-Identifier: Apache-2.0
// What a resolver remembers: pieces of the address space about which everything is known,
// kept past their lifetime in case the DHT can't be asked; what was told that the DHT may not have yet;
// failures, for longer and longer (RFC 9520); and keys that many addresses share, for as long as a negative.
#ifndef OV6_SLAVES_ENGINE_RESOLVER_CACHE_H
#define OV6_SLAVES_ENGINE_RESOLVER_CACHE_H

#include <map>
#include <optional>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "slaves/engine/resolver/resolver.h"
#include "slaves/engine/resolver/walk.h"

namespace ov6 {

class ResolverCache {
 public:
  explicit ResolverCache(const ResolverConfig& config) : config_(config), random_(config.seed) {}

  void Learn(BootTime now, UnixTime wall, Findings findings) {
    Learn(now, wall, std::move(findings), nullptr);
  }
  // One record that came another way than by asking. False: it is no news.
  bool Learn(BootTime now, UnixTime wall, const Record& record);
  void LearnFailure(BootTime now, const Prefix& aggregate);
  void LearnShared(BootTime now, const Ipv6& key, const KeyAnswer& answer);

  // The output without id and address' steps; nullopt: it has to be asked for.
  std::optional<ResolveOutput> Answer(BootTime now, const Ipv6& address) const;
  // While a failure is remembered: what is known all the same, or that it could not be asked.
  std::optional<ResolveOutput> AnswerFailed(BootTime now, const Ipv6& address, const Prefix& aggregate) const;
  const KeyAnswer* Shared(BootTime now, const Ipv6& key) const;
  // Which keys were full when last asked: for speed alone, and no more of them than kMostFull.
  void NoteFull(const Ipv6& key, bool full);
  const std::set<Ipv6>& full() const { return full_; }
  // All that still hold, each prefix once.
  std::map<Prefix, const Record*> Records(BootTime now) const;
  const Record* Around(BootTime now, const Prefix& prefix) const;

  size_t size() const { return pieces_.size(); }

 private:
  struct Piece {
    std::vector<Record> records;
    BootTime learned{}, soft{}, hard{}, absent{};  // absent: until when its holes count
    BootTime useless{};                            // from then on it is not worth its room
  };
  struct Told {
    Record record;
    BootTime until{};
  };
  struct Failure {
    Duration lifetime{};
    BootTime until{};
  };
  using Pieces = std::map<Prefix, Piece>;  // none inside another

  Pieces::const_iterator Around(const Ipv6& address) const;
  std::vector<Prefix> Overlapped(const Prefix& prefix) const;
  void KeepNewer(UnixTime wall, const Piece& old, std::vector<Record>* records) const;
  void Learn(BootTime now, UnixTime wall, Findings findings, const Piece* again);
  bool KeepTold(BootTime now, UnixTime wall, Findings* findings);
  void RememberTold(BootTime now, const Record& record);
  ResolveOutput Output(const Pieces::value_type& piece, BootTime now, const Ipv6& address) const;
  void Erase(Pieces::const_iterator piece);
  Duration Jittered(Duration d, int percent);

  const ResolverConfig& config_;
  std::mt19937_64 random_;
  Pieces pieces_;
  std::set<std::pair<BootTime, Prefix>> useless_;
  std::map<Prefix, Told> told_;
  std::map<Prefix, Failure> failures_;  // by aggregate
  std::map<Ipv6, std::pair<KeyAnswer, BootTime>> shared_;
  static constexpr size_t kMostFull = 1024;
  std::set<Ipv6> full_;
};

}  // namespace ov6

#endif
