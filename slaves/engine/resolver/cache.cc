// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/resolver/cache.h"

#include <algorithm>

#include "ov6/move.h"
#include "slaves/engine/resolver/piece.h"
#include "slaves/engine/resolver/records.h"

namespace ov6 {
namespace {

constexpr size_t kMaxShared = 1024;
constexpr size_t kMaxTold = 256, kMaxToldOfRoot = 64;
// What was only told is asked about soon: the DHT knows what else there is.
constexpr Duration kToldSoft = std::chrono::seconds(10);

bool SameClaim(const Record& a, const Record& b) { return a.prefix == b.prefix && RootOf(a) == RootOf(b); }

// A newer record of the claim, a revocation among them, or anybody else's that counts.
bool Refuted(const Record& told, const std::vector<Record>& seen) {
  return std::any_of(seen.begin(), seen.end(), [&](const Record& other) {
    if (other.prefix != told.prefix) return false;
    return SameClaim(other, told) ? other.sequence > told.sequence : !other.locators.empty();
  });
}

}  // namespace

Duration ResolverCache::Jittered(Duration d, int percent) {
  const int64_t part = d.count() / 100 * percent;
  return part == 0 ? d : d - Duration(part) + Duration(static_cast<int64_t>(random_() % (2 * part + 1)));
}

// --- learning ------------------------------------------------------------------------

// Of what was told before it could be found.
void ResolverCache::KeepNewer(UnixTime wall, const Piece& old, std::vector<Record>* records) const {
  for (Record& found : *records) {
    for (const Record& known : old.records) {
      if (SameClaim(known, found) && known.sequence > found.sequence && known.expiry > wall) found = known;
    }
  }
}

// What was told and no key has brought. A ring that is in two parts, or to which the owner has still to say
// it, does not have it. What something longer around the piece hides is nobody's answer. True: some was kept.
bool ResolverCache::KeepTold(BootTime now, UnixTime wall, Findings* findings) {
  std::erase_if(told_, [&](const auto& told) {
    const Record& record = told.second.record;
    return told.second.until <= now || record.expiry <= wall || Refuted(record, findings->seen);
  });
  std::vector<Record>& records = findings->records;
  bool kept = false;
  for (const auto& [prefix, told] : told_) {
    const bool useless = std::any_of(records.begin(), records.end(), [&](const Record& found) {
      const bool longer = found.prefix.length > told.record.prefix.length;
      return found == told.record || (longer && found.prefix.Contains(findings->piece));
    });
    if (useless || !findings->piece.Overlaps(prefix)) continue;
    records.push_back(told.record);
    kept = true;
  }
  if (kept) records = ThatCount(std::move(records));
  return kept;
}

// One root's are few, and so are all: who tells more has his own oldest forgotten, in the pieces too.
void ResolverCache::RememberTold(BootTime now, const Record& record) {
  const auto ours = [&](const auto& told) { return RootOf(told.second.record) == RootOf(record); };
  const bool many = std::count_if(told_.begin(), told_.end(), ours) >= static_cast<ptrdiff_t>(kMaxToldOfRoot);
  if (!told_.contains(record.prefix) && (many || told_.size() >= kMaxTold)) {
    const auto rank = [&](const auto& told) { return std::pair(many && !ours(told), told.second.until); };
    const auto oldest = std::min_element(told_.begin(), told_.end(),
                                         [&](const auto& a, const auto& b) { return rank(a) < rank(b); });
    const Record forgotten = oldest->second.record;
    told_.erase(oldest);
    for (const Prefix& prefix : Overlapped(forgotten.prefix))
      std::erase(pieces_.at(prefix).records, forgotten);
  }
  told_[record.prefix] = {record, now + kMoveTime};
}

// Pieces in it or around it.
std::vector<Prefix> ResolverCache::Overlapped(const Prefix& prefix) const {
  std::vector<Prefix> overlapped;
  if (const auto around = Around(prefix.address); around != pieces_.end())
    overlapped.push_back(around->first);
  for (auto it = pieces_.lower_bound(prefix); it != pieces_.end() && prefix.Contains(it->first); ++it) {
    if (overlapped.empty() || overlapped.front() != it->first) overlapped.push_back(it->first);
  }
  return overlapped;
}

// It replaces what it overlaps: the newer word counts. `again`: the same piece, with what was told; the rest
// of it is no younger for that, and is asked about when it would have been.
void ResolverCache::Learn(BootTime now, UnixTime wall, Findings findings, const Piece* again) {
  std::erase_if(findings.records, [&](const Record& r) { return r.expiry <= wall; });
  for (const Prefix& prefix : Overlapped(findings.piece)) {
    const auto old = pieces_.find(prefix);
    KeepNewer(wall, old->second, &findings.records);
    Erase(old);
  }
  const bool kept = KeepTold(now, wall, &findings);
  while (pieces_.size() >= config_.max_cached) Erase(pieces_.find(useless_.begin()->second));
  std::erase_if(failures_, [&](const auto& failure) { return findings.piece.Overlaps(failure.first); });
  Duration hard = config_.found_lifetime;
  for (const Record& record : findings.records) hard = std::min<Duration>(hard, record.expiry - wall);
  Duration soft = std::min(hard, Jittered(hard * config_.soft_percent / 100, config_.soft_jitter));
  if (kept) soft = std::min(soft, Jittered(kToldSoft, config_.soft_jitter));
  Piece piece{std::move(findings.records), now, now + soft, now + hard, {}, {}};
  if (again != nullptr) {
    piece.learned = again->learned;
    piece.hard = std::min(piece.hard, again->hard);
    piece.soft = std::min(piece.soft, piece.hard);
  }
  piece.absent = now + Jittered(config_.absent_lifetime, config_.absent_jitter);
  if (kept || again != nullptr) piece.absent = std::min(piece.absent, piece.soft);
  piece.useless = piece.records.empty() ? piece.absent : piece.hard + config_.stale_limit;
  useless_.emplace(piece.useless, findings.piece);
  pieces_.emplace(findings.piece, std::move(piece));
}

bool ResolverCache::Learn(BootTime now, UnixTime wall, const Record& record) {
  const std::vector<Prefix> overlapped = Overlapped(record.prefix);
  for (const Prefix& prefix : overlapped) {
    for (const Record& known : pieces_.at(prefix).records) {
      if (known.prefix != record.prefix) continue;
      if (!SameClaim(known, record) || known.sequence >= record.sequence) return false;
    }
  }
  RememberTold(now, record);
  if (overlapped.empty()) Learn(now, wall, {true, record.prefix, {}, {}});
  for (const Prefix& prefix : overlapped) {
    const Piece piece = pieces_.at(prefix);
    Learn(now, wall, {true, prefix, piece.records, {}}, &piece);
  }
  return true;
}

void ResolverCache::LearnFailure(BootTime now, const Prefix& aggregate) {
  std::erase_if(failures_, [&](const auto& failure) {
    return failure.second.until + config_.failed_lifetime_max <= now;
  });
  if (!failures_.contains(aggregate) && failures_.size() >= config_.max_cached)
    failures_.erase(failures_.begin());
  Failure& failure = failures_[aggregate];
  failure.lifetime = std::clamp(2 * failure.lifetime, config_.failed_lifetime, config_.failed_lifetime_max);
  failure.until = now + failure.lifetime;
}

void ResolverCache::LearnShared(BootTime now, const Ipv6& key, const KeyAnswer& answer) {
  std::erase_if(shared_, [&](const auto& shared) { return shared.second.second <= now; });
  if (shared_.size() < kMaxShared) shared_[key] = {answer, now + config_.absent_lifetime};
}

// --- answering -----------------------------------------------------------------------

ResolverCache::Pieces::const_iterator ResolverCache::Around(const Ipv6& address) const {
  auto it = pieces_.upper_bound({address, 128});
  if (it == pieces_.begin()) return pieces_.end();
  return (--it)->first.Contains(address) ? it : pieces_.end();
}

ResolveOutput ResolverCache::Output(const Pieces::value_type& piece, BootTime now,
                                    const Ipv6& address) const {
  PieceAnswer answer = AnswerFor(piece.first, piece.second.records, address);
  ResolveOutput output;
  output.address = address;
  output.outcome = answer.records.empty() ? ResolveOutcome::kAbsent : ResolveOutcome::kFound;
  output.records = std::move(answer.records);
  output.covering = answer.covering;
  output.piece = piece.first;
  output.age = now - piece.second.learned;
  const bool found = output.outcome == ResolveOutcome::kFound;
  output.soft_lifetime = (found ? piece.second.soft : piece.second.absent) - now;
  output.hard_lifetime = (found ? piece.second.hard : piece.second.absent) - now;
  return output;
}

std::optional<ResolveOutput> ResolverCache::Answer(BootTime now, const Ipv6& address) const {
  const auto piece = Around(address);
  if (piece == pieces_.end()) return std::nullopt;
  ResolveOutput output = Output(*piece, now, address);
  if (output.soft_lifetime <= Duration(0)) return std::nullopt;
  return output;
}

std::optional<ResolveOutput> ResolverCache::AnswerFailed(BootTime now, const Ipv6& address,
                                                         const Prefix& aggregate) const {
  const auto failure = failures_.find(aggregate);
  if (failure == failures_.end() || failure->second.until <= now) return std::nullopt;
  if (const auto piece = Around(address); piece != pieces_.end()) {
    ResolveOutput output = Output(*piece, now, address);
    const bool found = output.outcome == ResolveOutcome::kFound;
    if (found && output.hard_lifetime + config_.stale_limit > Duration(0)) {
      output.stale = output.hard_lifetime < config_.stale_lifetime;
      output.hard_lifetime = std::max(output.hard_lifetime, config_.stale_lifetime);
      output.soft_lifetime = config_.stale_soft;
      return output;
    }
  }
  ResolveOutput output;
  output.address = address;
  output.covering = aggregate;
  output.soft_lifetime = output.hard_lifetime = failure->second.until - now;
  return output;
}

void ResolverCache::NoteFull(const Ipv6& key, bool full) {
  if (!full) {
    full_.erase(key);
    return;
  }
  if (full_.size() >= kMostFull) full_.erase(full_.begin());
  full_.insert(key);
}

const KeyAnswer* ResolverCache::Shared(BootTime now, const Ipv6& key) const {
  const auto it = shared_.find(key);
  return it == shared_.end() || it->second.second <= now ? nullptr : &it->second.first;
}

std::map<Prefix, const Record*> ResolverCache::Records(BootTime now) const {
  std::map<Prefix, const Record*> all;
  for (const auto& [prefix, piece] : pieces_) {
    if (piece.hard <= now) continue;
    for (const Record& record : piece.records) all.emplace(record.prefix, &record);
  }
  return all;
}

const Record* ResolverCache::Around(BootTime now, const Prefix& prefix) const {
  const auto piece = Around(prefix.address);
  if (piece == pieces_.end() || piece->second.hard <= now) return nullptr;
  const Record* best = nullptr;
  for (const Record& record : piece->second.records) {
    if (!record.prefix.Contains(prefix)) continue;
    if (best == nullptr || record.prefix.length > best->prefix.length) best = &record;
  }
  return best;
}

// --- forgetting ----------------------------------------------------------------------

void ResolverCache::Erase(Pieces::const_iterator piece) {
  useless_.erase({piece->second.useless, piece->first});
  pieces_.erase(piece);
}

}  // namespace ov6
