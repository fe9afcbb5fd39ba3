// SPDX-License-Identifier: Apache-2.0
// Keeping the table of members: fetched whole from a neighbour, kept by events that spread like a rumour,
// healed by comparing with somebody now and then. An event is taken and told on by who has asked the member
// itself, so that a lie goes no further than the liar tells it. Given up when the ring is too large for it or
// keeping it costs too much; the fingers are always there.
#include <algorithm>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr int kTellings = 5;  // of an event by each node: e^-5 of the members are left for the comparisons
constexpr int kTellTo = 2;    // nodes a round
constexpr size_t kMaxHot = 1024;
constexpr auto kRateWindow = std::chrono::seconds(60);
constexpr auto kTableRetry = std::chrono::minutes(10);
constexpr auto kPullAgain = std::chrono::seconds(1);
constexpr size_t kArcToFetch = 64;  // members of an arc that are fetched rather than compared further
constexpr size_t kMaxNews = 1024;   // waiting to be checked, or being checked
constexpr size_t kChecksAtOnce = 16;
constexpr double kTooMany = 4;  // times what the neighbourhood says of the ring's size
constexpr int kDeepest = 30;    // bits

}  // namespace

// --- reading it ------------------------------------------------------------------

bool ChordEngine::Node::TableHolders(const Key& key, std::vector<Peer>* holders) const {
  if (!table_whole_) return false;
  *holders = table_.Behind(key, config_.successors);
  std::erase_if(*holders, [&](const Peer& p) { return Buried(p); });
  return !holders->empty();
}

// --- fetching and giving -----------------------------------------------------------

void ChordEngine::Node::ForgetTable(const char* why_none) {
  table_.Clear();
  hot_.clear();
  news_.clear();
  table_whole_ = false;
  table_off_ = why_none;
}

void ChordEngine::Node::StartTable() {
  ForgetTable(config_.table_members == 0 ? "not configured" : "");
  table_bytes_ = 0;
  table_since_ = now_;
  if (!KeepsTable()) return;
  Arm(kTable, Duration(0));
  Arm(kGossip, Jitter(config_.gossip));
  Arm(kSweep, Jitter(config_.sweep));
}

bool ChordEngine::Node::KeepsTable() const { return mode_ == Mode::kRing && table_off_.empty(); }

void ChordEngine::Node::StopTable(const char* why) {
  ForgetTable(why);
  Count("table_stopped");
  timers_[kGossip] = timers_[kSweep] = BootTime::max();
  Arm(kTable, kTableRetry);
}

// Whole: compare. Not yet: fetch. Given up: perhaps it would fit again.
void ChordEngine::Node::TableTick() {
  if (mode_ != Mode::kRing || config_.table_members == 0) return;
  if (!table_off_.empty()) {
    if (RingSize() <= 0.8 * static_cast<double>(config_.table_members)) return StartTable();
    return Arm(kTable, kTableRetry);
  }
  table_.Expire(now_);
  if (table_whole_) {
    Arm(kTable, Jitter(config_.compare_tables));
    return CompareTables();
  }
  Arm(kTable, kPullAgain);
  if (!table_busy_ && !successors_.empty())
    FetchArc({}, std::nullopt, successors_[table_source_++ % successors_.size()]);
}

// How many members the ring has, by how far the successor list reaches.
double ChordEngine::Node::RingSize() const {
  if (successors_.size() < static_cast<size_t>(config_.successors))
    return 1 + static_cast<double>(successors_.size());
  const double part = PartOfRing(Distance(self_.id, successors_.back().id));
  return static_cast<double>(successors_.size()) / std::max(part, 1e-12);
}

void ChordEngine::Node::FetchArc(const MemberTable::Arc& arc, std::optional<Key> after, const Peer& from) {
  Message request = Make(MessageType::kTable);
  request.key = arc.prefix;
  request.depth = static_cast<uint32_t>(arc.depth);
  request.cursor_key = after;
  table_busy_ = true;
  Call(from, std::move(request), [this, arc, from](const Message* reply) {
    table_busy_ = false;
    if (reply != nullptr && KeepsTable()) OnTablePart(arc, from, *reply);
  });
}

void ChordEngine::Node::OnTablePart(const MemberTable::Arc& arc, const Peer& from, const Message& part) {
  for (const MemberEvent& event : part.events) {
    if (table_whole_) Check({event.peer, false});
    if (!table_whole_ && !Buried(event.peer)) table_.Presume(event.peer);
  }
  if (!part.events.empty() && (part.flags & kMore) != 0)
    return FetchArc(arc, part.events.back().peer.id, from);
  if ((part.flags & kIncomplete) == 0 && arc.depth == 0 && !table_whole_) TableFetched();
}

// One that is full of members who are none is fetched again, from the next neighbour.
void ChordEngine::Node::TableFetched() {
  if (static_cast<double>(table_.size()) > kTooMany * RingSize()) {
    Count("table_implausible");
    return table_.Clear();
  }
  table_whole_ = true;
  Tell({self_, false});
  Arm(kTable, Jitter(config_.compare_tables));
}

// One that has not got it whole tells what it has: its neighbours, perhaps.
void ChordEngine::Node::HandleTable(const Message& request, size_t size) {
  if (mode_ != Mode::kRing) return Count("not_a_member");
  Message reply = Make(MessageType::kTablePart);
  if (!table_whole_) reply.flags |= kIncomplete;
  const MemberTable::Arc arc{*request.key, static_cast<int>(request.depth)};
  size_t room = Room(reply);
  const bool stopped = table_.Walk(arc, request.cursor_key, [&](const Peer& peer) {
    if (room < kEventSize || reply.events.size() >= kMaxEvents) return false;
    room -= kEventSize;
    reply.events.push_back({peer, false});
    return true;
  });
  if (stopped) reply.flags |= kMore;
  Answer(request, size, std::move(reply));
}

// --- telling ---------------------------------------------------------------------

void ChordEngine::Node::Tell(const MemberEvent& event) {
  if (!KeepsTable()) return;
  std::erase_if(hot_, [&](const Hot& h) { return h.event.peer.id == event.peer.id; });
  if (hot_.size() >= kMaxHot) hot_.pop_front();
  hot_.push_back({event, kTellings});
  ArmSooner(kGossip, Jitter(config_.gossip));
}

// A neighbour is seen to come or go: whoever sees it tells.
void ChordEngine::Node::NeighbourCame(const Peer& peer) {
  if (!KeepsTable()) return;
  table_.Seen(peer);
  if (const auto known = table_.Find(peer.id)) Tell({*known, false});
}

void ChordEngine::Node::MemberWent(const Peer& peer, bool neighbour) {
  if (mode_ != Mode::kRing) return;
  const auto event = table_.Lost(peer, now_);
  if (event && neighbour) Tell(*event);
}

void ChordEngine::Node::Gossip() {
  if (!KeepsTable() || hot_.empty()) return;
  Message news = Make(MessageType::kEvents);
  size_t room = Room(news);
  for (size_t i = hot_.size(); i > 0 && room >= kEventSize && news.events.size() < kMaxEvents; --i) {
    Hot hot = hot_.front();
    hot_.pop_front();
    news.events.push_back(hot.event);
    room -= kEventSize;
    if (--hot.tellings > 0) hot_.push_back(hot);
  }
  for (int i = 0; i < kTellTo; ++i) {
    const Peer to = table_.At(random_());
    if (to.id == self_.id) continue;
    SendOneWay(to, news);
  }
  if (!hot_.empty()) Arm(kGossip, Jitter(config_.gossip));
}

void ChordEngine::Node::HandleEvents(const Message& news) {
  if (!KeepsTable()) return;
  if (!events_budget_.Take(now_, news.sender.endpoint.address)) return Count("events_over_budget");
  for (const MemberEvent& event : news.events) Check(event);
}

// --- checking what is told ---------------------------------------------------------

void ChordEngine::Node::Check(const MemberEvent& event) {
  if (!table_.IsNews(event, now_) || (Buried(event.peer) && !event.dead)) return;
  if (news_.size() + checking_.size() >= kMaxNews) return Count("news_overflow");
  if (event.dead) table_.Suspect(event.peer.id);
  if (checking_.contains(event.peer.id)) return;
  news_.push_back(event);
  CheckNews();
}

void ChordEngine::Node::CheckNews() {
  while (!news_.empty() && checking_.size() < kChecksAtOnce) {
    const MemberEvent event = news_.front();
    news_.pop_front();
    if (!checking_.insert(event.peer.id).second) continue;
    Ping(event.peer, [this, event](const Message* reply) {
      checking_.erase(event.peer.id);
      if (KeepsTable()) Checked(event, reply);
      CheckNews();
    });
  }
}

void ChordEngine::Node::Checked(const MemberEvent& event, const Message* reply) {
  if (reply == nullptr) {
    if (!event.dead) Count("made_up");
    MemberWent(event.peer, event.dead);
  } else if (static_cast<Mode>(reply->mode) == Mode::kRing) {
    if (event.dead) Count("false_death");
    table_.Seen(reply->sender);
    if (!event.dead) Tell({reply->sender, false});
  }
  if (table_.size() >= config_.table_members) StopTable("too many members");
}

void ChordEngine::Node::Ping(const Peer& peer, Done done) {
  Message request = Make(MessageType::kQuery);
  request.flags |= kBrief;
  Call(peer, std::move(request), std::move(done));
}

// One member after another: those of a fetched table first, that nobody has heard of here.
void ChordEngine::Node::Sweep() {
  if (!KeepsTable()) return;
  Arm(kSweep, Jitter(config_.sweep));
  if (!table_whole_) return;
  const Peer next = table_.ToCheck(swept_);
  swept_ = next.id;
  if (next.id == self_.id) return;
  Ping(next, [this, next](const Message* reply) {
    if (reply == nullptr) MemberWent(next, false);
  });
}

// --- comparing -------------------------------------------------------------------

void ChordEngine::Node::CompareTables() {
  const Peer with = table_.At(random_());
  if (with.id == self_.id || table_busy_) return;
  CompareArc({}, with);
}

void ChordEngine::Node::CompareArc(const MemberTable::Arc& arc, const Peer& with) {
  Message request = Make(MessageType::kCompare);
  request.key = arc.prefix;
  request.depth = static_cast<uint32_t>(arc.depth);
  request.digests = table_.DigestsOf(arc);
  Call(with, std::move(request), [this, arc, with](const Message* reply) {
    if (reply == nullptr) return MemberWent(with, false);
    if (KeepsTable()) OnCompared(arc, with, reply->differ);
  });
}

// One part a time: what else differs is for the next comparison.
void ChordEngine::Node::OnCompared(const MemberTable::Arc& arc, const Peer& with, uint32_t differ) {
  if (differ == 0) return;
  Count("tables_differ");
  const bool many = __builtin_popcount(differ) > MemberTable::kChildren / 2;
  if (many && table_.CountIn(arc) <= kArcToFetch) return FetchArc(arc, std::nullopt, with);
  int part = static_cast<int>(random_() % MemberTable::kChildren);
  while ((differ >> part & 1) == 0) part = (part + 1) % MemberTable::kChildren;
  const MemberTable::Arc child = arc.Child(part);
  const bool small = table_.CountIn(child) <= kArcToFetch || child.depth >= kDeepest;
  small ? FetchArc(child, std::nullopt, with) : CompareArc(child, with);
  if (__builtin_popcount(differ) > 1) ArmSooner(kTable, Jitter(config_.gossip));
}

void ChordEngine::Node::HandleCompare(const Message& request, size_t size) {
  Message reply = Make(MessageType::kCompared);
  const MemberTable::Arc arc{*request.key, static_cast<int>(request.depth)};
  if (table_whole_) reply.differ = PartsThatDiffer(table_.DigestsOf(arc), *request.digests);
  Answer(request, size, std::move(reply));
}

// --- what it costs ---------------------------------------------------------------

// What this node sends for it and what answers that. News is counted twice as it goes out, since as much
// comes in where nobody lies; what comes in is not counted, or liars could talk a node out of its table.
void ChordEngine::Node::ChargeTable(MessageType type, size_t bytes) {
  if (type < MessageType::kEvents || type > MessageType::kCompared || !KeepsTable()) return;
  if (type == MessageType::kEvents) bytes *= 2;
  table_allowance_.Charge(now_, static_cast<double>(bytes));
  table_bytes_ += bytes;
  if (now_ - table_since_ >= kRateWindow) {
    table_rate_ =
        static_cast<double>(table_bytes_) / std::chrono::duration<double>(now_ - table_since_).count();
    table_bytes_ = 0;
    table_since_ = now_;
  }
  if (!table_allowance_.Has(now_)) StopTable("over its budget");
}

}  // namespace ov6::chord
