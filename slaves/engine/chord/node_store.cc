// SPDX-License-Identifier: Apache-2.0
// What a node keeps for others: taking it in, fetching its part when it comes in,
// handing it over when it leaves.
#include <algorithm>

#include "ov6/leave.h"
#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr int kTransfersAtOnce = 8;
constexpr auto kBusyPause = std::chrono::milliseconds(500);
constexpr int kMaxBusy = 20;  // times that one transfer waits; the next comparison finds what is missing
constexpr uint32_t kPullDepth = 3;  // rounds that bring what is this many nodes away
constexpr auto kPullPause = std::chrono::milliseconds(100);
constexpr auto kPullPauseUnheard = std::chrono::milliseconds(500);

const char* CounterOf(Store::Result result) {
  switch (result) {
    case Store::Result::kStored:
      return "stored";
    case Store::Result::kKnown:
      return "stored_again";
    case Store::Result::kOlder:
      return "older_sequence";
    case Store::Result::kConflict:
      return "sequence_conflict";
    case Store::Result::kKeyFull:
      return "key_full";
    case Store::Result::kFull:
      break;
  }
  return "store_full";
}

}  // namespace

// Bytes for entries beside what is in the message already.
size_t ChordEngine::Node::Room(const Message& message) const {
  const size_t taken = Encode(message, network_).size() + 48;  // cursor, flags and lengths that come later
  return taken >= kMaxDatagram ? 0 : kMaxDatagram - taken;
}

// A value that has to make room is handed on by the key's owner; the publisher comes to that only later.
// What is here already, to the byte, is not judged again; what somebody brings unasked is judged within
// bounds.
ChordEngine::Node::Kept ChordEngine::Node::StoreValue(const Key& key, const Bytes& value,
                                                      std::optional<Ipv4> source) {
  if (store_.Has(key, value)) {
    Count("stored_again");
    return Kept::kYes;
  }
  if (source && !put_budget_.Take(now_, *source)) {
    Count("put_over_budget");
    return Kept::kBusy;
  }
  const auto info = config_.checker ? config_.checker(key, value, now_) : std::nullopt;
  if (!info || info->lifetime <= Duration(0)) {
    Count("bad_value");
    return Kept::kNo;
  }
  std::optional<Bytes> bounced;
  const Store::Result result = store_.Put(key, value, *info, now_, &bounced);
  Count(CounterOf(result));
  if (bounced && OwnsKey(key)) HandOn(key, *bounced);
  if (result == Store::Result::kKeyFull) return Kept::kKeyFull;
  return result == Store::Result::kStored || result == Store::Result::kKnown ? Kept::kYes : Kept::kNo;
}

bool ChordEngine::Node::Neighbour(const Peer& peer) const {
  return predecessor_ == peer || std::find(successors_.begin(), successors_.end(), peer) != successors_.end();
}

void ChordEngine::Node::HandlePut(const Message& request, size_t size) {
  if (!Member()) return Count("not_a_member");
  Message reply = Make(MessageType::kStored);
  const bool neighbour = Neighbour(request.sender);
  const auto source = neighbour ? std::nullopt : std::optional(request.sender.endpoint.address);
  for (const auto& [key, value] : request.entries) {
    const Kept kept = StoreValue(key, value, source);
    if (kept == Kept::kBusy) {
      reply.flags |= kBusy;
      break;
    }
    reply.count += kept == Kept::kYes ? 1 : 0;
    if (kept == Kept::kKeyFull) reply.flags |= kOverflowed;
  }
  NameOwner(request.entries.front().first, &reply);
  Answer(request, size, std::move(reply));
}

// --- fetching ------------------------------------------------------------------

// Everything this node is responsible for: when it has come in, and when it has become responsible for more,
// since the dead predecessor may not have come to copying it here.
void ChordEngine::Node::StartPull() {
  incomplete_ = true;
  pull_level_ = 0;
  PullRound();
}

void ChordEngine::Node::PullRound() {
  if (!Member() || !incomplete_) return;
  timers_[kPull] = BootTime::max();
  pull_cursor_.reset();
  pull_heard_.reset();
  ++pull_op_;
  PullNext(0);
}

void ChordEngine::Node::PullDone() {
  incomplete_ = false;
  timers_[kPull] = BootTime::max();
  replicated_to_.clear();
  ArmSooner(kReplicate, Duration(0));
}

// All of them are gone, or are fetching themselves: ask again. Two may wait for each other, so a node counts
// its rounds, as one more than the least that a source of the round has had: after n of them it has what was
// n nodes away, and further than the holders of a value nothing can be.
void ChordEngine::Node::PullRoundOver() {
  if (successors_.empty() || !predecessor_) return PullDone();
  if (!pull_heard_) {
    Count("pull_unheard");
    return Arm(kPull, kPullPauseUnheard);
  }
  pull_level_ = std::max(pull_level_, *pull_heard_ + 1);
  if (pull_level_ >= kPullDepth) return PullDone();
  Count("pull_again");
  Arm(kPull, kPullPause);
}

// From the successor, which held it until now; if it is gone, from the next.
void ChordEngine::Node::PullNext(size_t source) {
  if (source >= successors_.size() || source >= static_cast<size_t>(config_.replicas) || !predecessor_) {
    return PullRoundOver();
  }
  Message request = Make(MessageType::kPull);
  request.key = predecessor_->id;
  request.end = self_.id;
  if (!pull_cursor_) {
    request.digests = store_.DigestsOf(predecessor_->id, self_.id);
  } else {
    request.differ = pull_differ_;
    request.cursor_key = pull_cursor_->key;
    request.cursor = pull_cursor_->skip;
  }
  Call(successors_[source], std::move(request), [this, source, op = pull_op_](const Message* reply) {
    if (op == pull_op_) OnRange(source, reply);
  });
}

void ChordEngine::Node::OnRange(size_t source, const Message* reply) {
  if (!Member()) return;
  if (reply == nullptr) return PullNext(source + 1);
  if (!pull_cursor_) pull_differ_ = reply->differ;
  for (const auto& [key, value] : reply->entries) StoreValue(key, value);
  const bool more = (reply->flags & kMore) != 0 && reply->cursor_key && !reply->entries.empty();
  if (more) {
    pull_cursor_ = Store::Cursor{*reply->cursor_key, reply->cursor};
    return PullNext(source);
  }
  // One that is still fetching itself can't have told us everything.
  if ((reply->flags & kIncomplete) == 0) return PullDone();
  pull_heard_ = std::min(pull_heard_.value_or(reply->count), reply->count);
  pull_cursor_.reset();
  PullNext(source + 1);
}

void ChordEngine::Node::HandlePull(const Message& request, size_t size) {
  if (!Member() && mode_ != Mode::kLeaving) return Count("not_a_member");
  if (request.digests && !request.proven) return Challenge(request);  // comparing reads the whole arc
  Message reply = Make(MessageType::kRange);
  if (incomplete_) reply.flags |= kIncomplete;
  if (incomplete_) reply.count = pull_level_;
  std::optional<Store::Cursor> from;
  if (request.cursor_key) from = Store::Cursor{*request.cursor_key, request.cursor};
  reply.differ = request.digests
                     ? PartsThatDiffer(*request.digests, store_.DigestsOf(*request.key, *request.end))
                 : request.differ != 0 ? request.differ
                                       : Store::kAllParts;
  FillEntries(*request.key, *request.end, from, reply.differ, &reply);
  Answer(request, size, std::move(reply));
}

void ChordEngine::Node::FillEntries(const Key& start, const Key& end, std::optional<Store::Cursor> from,
                                    uint32_t parts, Message* reply) const {
  size_t room = Room(*reply);
  const auto stopped = store_.Walk(start, end, from, parts, [&](const Key& key, const Bytes& value) {
    if (EntrySize(value.size()) > room) return false;
    room -= EntrySize(value.size());
    reply->entries.emplace_back(key, value);
    return true;
  });
  if (!stopped) return;
  reply->flags |= kMore;
  reply->cursor_key = stopped->key;
  reply->cursor = stopped->skip;
}

// --- handing over --------------------------------------------------------------------

// Everything it has of the arc (start, end], in datagrams.
void ChordEngine::Node::Enqueue(const Peer& to, const Key& start, const Key& end, uint32_t parts) {
  std::optional<Store::Cursor> from;
  do {
    Message batch = Make(MessageType::kPut);
    FillEntries(start, end, from, parts, &batch);
    if (batch.entries.empty()) return;
    const bool more = (batch.flags & kMore) != 0;
    from = more ? std::optional(Store::Cursor{*batch.cursor_key, batch.cursor}) : std::nullopt;
    transfers_.push_back({to, std::move(batch.entries)});
  } while (from);
}

void ChordEngine::Node::PumpTransfers() {
  while (transfers_busy_ < kTransfersAtOnce && !transfers_.empty()) {
    Transfer transfer = std::move(transfers_.front());
    transfers_.pop_front();
    if (Buried(transfer.to)) continue;
    Message put = Make(MessageType::kPut);
    put.entries = transfer.entries;
    ++transfers_busy_;
    for (const auto& [key, value] : put.entries) counters_["moved_bytes"] += value.size();
    const Peer to = transfer.to;
    Call(to, std::move(put), [this, transfer = std::move(transfer)](const Message* reply) mutable {
      OnTransferred(std::move(transfer), reply);
    });
  }
  MaybeLeft();
}

void ChordEngine::Node::OnTransferred(Transfer transfer, const Message* reply) {
  --transfers_busy_;
  if (reply == nullptr) Bury(transfer.to, false);
  const bool again = reply != nullptr && (reply->flags & kBusy) != 0 && ++transfer.busy < kMaxBusy;
  if (!again) return PumpTransfers();
  transfers_.push_back(std::move(transfer));
  ArmSooner(kPump, kBusyPause);
}

// --- leaving -----------------------------------------------------------------------

void ChordEngine::Node::StartLeave() {
  if (mode_ == Mode::kLeaving || mode_ == Mode::kLeft) return;
  const bool alone = !Member() || successors_.empty();
  SetMode(Mode::kLeaving);
  while (!gets_.empty()) FinishGet(gets_.begin()->first);  // not Member(): none starts over
  for (auto& [id, publication] : publications_) TellPut(&publication, 0);
  publications_.clear();
  timers_.fill(BootTime::max());
  if (alone) return SetMode(Mode::kLeft);
  Arm(kLeave, kHandOverTime);
  transfers_.clear();
  // Its own part first. Then what it keeps for others: one of them may have died unnoticed.
  if (predecessor_) Enqueue(successors_.front(), predecessor_->id, self_.id);
  if (predecessor_) Enqueue(successors_.front(), self_.id, predecessor_->id);
  PumpTransfers();
}

void ChordEngine::Node::MaybeLeft() {
  if (mode_ != Mode::kLeaving || transfers_busy_ > 0 || !transfers_.empty()) return;
  if (!goodbye_said_) return SayGoodbye();
  if (goodbyes_ == 0) SetMode(Mode::kLeft);
}

void ChordEngine::Node::SayGoodbye() {
  goodbye_said_ = true;
  std::map<Key, Peer> neighbours;
  for (const Peer& peer : successors_) neighbours[peer.id] = peer;
  if (predecessor_) neighbours[predecessor_->id] = *predecessor_;
  goodbyes_ = static_cast<int>(neighbours.size());
  for (const auto& [id, peer] : neighbours) {
    Call(peer, StateOf(MessageType::kLeave), [this](const Message*) {
      --goodbyes_;
      MaybeLeft();
    });
  }
}

}  // namespace ov6::chord
