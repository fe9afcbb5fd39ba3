// SPDX-License-Identifier: Apache-2.0
// Reading: several holders of a key at the same time, so that neither a slow nor a lying one decides. What
// they give is signed, so that one right value beats any number that say there is none.
#include <algorithm>

#include "slaves/engine/chord/node.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr int kRounds = 4;  // of a get that nobody answers
constexpr auto kRoundPause = std::chrono::milliseconds(400);
constexpr size_t kSureOfAbsence = 3;   // holders that say they know there is nothing
constexpr size_t kWordsOfAbsence = 5;  // on who its holders are, before what they don't have is absent
constexpr int kMaxPages = 16;          // of one holder's set
constexpr int kPaging = 2;             // holders that are asked for more than the first page

}  // namespace

void ChordEngine::Node::SubmitGet(const GetRequest& request) {
  if (gets_.size() >= config_.max_requests || mode_ == Mode::kLeaving || mode_ == Mode::kLeft) {
    Count("get_refused");
    outputs_.push_back(GetOutput{request.id, GetOutcome::kUnreachable, {}, 0});
    return;
  }
  const uint64_t id = next_id_++;
  Get& get = gets_[id];
  get.id = request.id;
  get.key = request.key;
  get.deadline = now_ + config_.request_timeout;
  if (Member() && joined_told_) StartGet(id);
}

// Whom to ask: as the neighbourhood has it, or the table of members, or a lookup finds.
void ChordEngine::Node::StartGet(uint64_t id) {
  Get& get = gets_.at(id);
  get.started = true;
  get.again = BootTime::max();
  std::vector<Peer> holders;
  const bool near = KnowsOwner(get.key, &holders);
  get.by_list =
      !near && get.rounds == 1 && (TableHolders(get.key, &holders) || HoldersByList(get.key, &holders));
  if (near || get.by_list) {
    SetHolders(&get, std::move(holders));
    return GetStep(id);
  }
  LookUpHolders(id);
}

void ChordEngine::Node::LookUpHolders(uint64_t id) {
  Get& get = gets_.at(id);
  // First as somebody's list has them. If those can't tell, as the owner's neighbourhood knows for sure.
  get.by_list = get.rounds == 1 && !get.by_list && !get.confirming;
  get.looked_up = !get.by_list;
  // Whom the table took for holders may be none: that they have nothing says nothing.
  get.ForgetHolders();
  // Not by the same hands as before.
  StartLookup(get.key, false, get.rounds > 1 || get.confirming ? Nearest(get.key) : std::vector<Peer>{},
              [this, id](std::optional<std::vector<Peer>> nodes, int hops) {
                const auto it = gets_.find(id);
                if (it == gets_.end()) return;
                it->second.hops += hops;
                if (nodes) SetHolders(&it->second, std::move(*nodes));
                GetStep(id);
              },
              {get.confirming ? kWordsOfAbsence : 1, get.by_list, get.cost});
}

// One neighbour's list may skip whom it does not want to be asked: the table has its say as well.
void ChordEngine::Node::AddFromTable(const Key& key, std::vector<Peer>* nodes) const {
  if (table_whole_) AddFound(key, table_.Behind(key, config_.replicas), nodes);
}

// The owner first, then those of the other holders that answer soonest; behind them who may have become
// holders.
void ChordEngine::Node::SetHolders(Get* get, std::vector<Peer> nodes) {
  if (!get->by_list) AddFromTable(get->key, &nodes);
  std::erase_if(nodes, [&](const Peer& p) { return Buried(p) || get->holders.contains(p.id); });
  if (nodes.empty()) return;
  get->owner = nodes.front().id;
  const auto holders = nodes.begin() + std::min<ptrdiff_t>(config_.replicas, std::ssize(nodes));
  std::stable_sort(nodes.begin() + 1, holders,
                   [&](const Peer& a, const Peer& b) { return ExpectedRoundTrip(a) < ExpectedRoundTrip(b); });
  get->to_ask.insert(get->to_ask.end(), nodes.begin(), nodes.end());
  get->wanted = std::max<size_t>(get->wanted, config_.reads);
}

Duration ChordEngine::Node::ExpectedRoundTrip(const Peer& peer) const {
  if (peer.id == self_.id) return {};
  return rpcs_.RoundTripOf(peer.endpoint).value_or(config_.rto_initial);
}

// Asks as many as are wanted; with none left to wait for, the get is over, or goes on with others.
void ChordEngine::Node::GetStep(uint64_t id) {
  for (;;) {
    const auto it = gets_.find(id);
    if (it == gets_.end()) return;
    Get& get = it->second;
    if (Decided(get)) return FinishGet(id);
    if (get.holders.size() >= get.wanted || get.to_ask.empty()) break;
    const Peer peer = get.to_ask.front();
    get.to_ask.erase(get.to_ask.begin());
    if (Buried(peer) || get.holders.contains(peer.id)) continue;
    get.holders[peer.id] = {};
    peer.id == self_.id ? GetHere(&get) : GetFrom(id, peer, 0);
  }
  Get& get = gets_.at(id);
  const bool waiting = std::any_of(get.holders.begin(), get.holders.end(),
                                   [](const auto& h) { return h.second.state == Holder::kAsked; });
  if (waiting) return;
  if (!get.looked_up && Member() && !successors_.empty()) return LookUpHolders(id);
  const bool late = std::any_of(get.holders.begin(), get.holders.end(),
                                [](const auto& h) { return h.second.state == Holder::kLate; });
  if (!late) FinishGet(id);  // else they answer yet, or are given up
}

// Two that say the same are enough; else everybody that was asked and is not late has to have answered.
bool ChordEngine::Node::Decided(const Get& get) const {
  size_t asked = 0, said = 0;
  bool owner = !get.by_list;
  const std::set<Bytes>* first = nullptr;
  for (const auto& [id, holder] : get.holders) {
    asked += holder.state == Holder::kAsked ? 1 : 0;
    owner |= holder.owner;
    if (holder.state != Holder::kSure || holder.values.empty()) continue;
    if (first != nullptr && *first == holder.values) return true;
    if (first == nullptr) first = &holder.values;
    ++said;
  }
  if (asked > 0) return false;
  if (said > 0) return true;
  const bool enough = get.to_ask.empty() || get.holders.size() >= kSureOfAbsence;
  return owner && enough && SureOfAbsence(get);
}

// Some say so, and who is silent may say otherwise unless they are many: absent and could-not-ask differ.
bool ChordEngine::Node::SureOfAbsence(const Get& get) const {
  size_t sure = 0, silent = 0;
  for (const auto& [id, holder] : get.holders) {
    const bool answered = holder.state == Holder::kSure || holder.state == Holder::kUnsure;
    sure += holder.state == Holder::kSure ? 1 : 0;
    silent += answered ? 0 : 1;
  }
  return sure >= kSureOfAbsence || (sure > 0 && silent == 0);
}

void ChordEngine::Node::GetHere(Get* get) {
  Holder& holder = get->holders.at(self_.id);
  for (const Bytes& value : store_.Get(get->key)) TakeValue(get, &holder, value);
  get->overflowed |= store_.Overflowed(get->key);
  holder.state = incomplete_ || CutOff() ? Holder::kUnsure : Holder::kSure;
  holder.owner = OwnsKey(get->key);
}

// One that keeps us waiting does not hold the answer up: the next is asked, and the others decide.
void ChordEngine::Node::GetFrom(uint64_t id, const Peer& peer, uint32_t cursor) {
  Get& get = gets_.at(id);
  Message request = Make(MessageType::kGet);
  request.key = get.key;
  request.cursor = cursor;
  const auto late = [this, id, holder = peer.id] {
    const auto it = gets_.find(id);
    if (it == gets_.end()) return;
    const auto asked = it->second.holders.find(holder);
    if (asked == it->second.holders.end() || asked->second.state != Holder::kAsked) return;
    asked->second.state = Holder::kLate;
    ++it->second.wanted;
    GetStep(id);
  };
  Call(peer, std::move(request), [this, id, peer](const Message* reply) { OnValues(id, peer, reply); },
       {0, late, get.cost});
}

void ChordEngine::Node::OnValues(uint64_t id, const Peer& asked, const Message* reply) {
  if (reply == nullptr) Bury(asked, false);
  const auto it = gets_.find(id);
  if (it == gets_.end()) return;
  Get& get = it->second;
  const auto known = get.holders.find(asked.id);
  if (known == get.holders.end()) return;  // of a round that is over
  Holder& holder = known->second;
  if (reply == nullptr) {
    if (holder.state == Holder::kAsked) ++get.wanted;
    holder.state = Holder::kSilent;
    return GetStep(id);
  }
  TakeValues(&get, &holder, reply->entries);
  get.overflowed |= (reply->flags & kOverflowed) != 0;
  const bool more = (reply->flags & kMore) != 0 && !reply->entries.empty() && ++holder.pages < kMaxPages;
  const bool others = more && holder.pages == 1 && Paging(get) > kPaging;  // they read it to its end
  if (more && !others) return GetFrom(id, asked, reply->cursor);
  const bool unsure = (reply->flags & kIncomplete) != 0;
  holder.state = unsure ? Holder::kUnsure : Holder::kSure;
  holder.owner = (reply->flags & kOwner) != 0;
  if (others) holder.state = Holder::kUnsure;
  if (unsure) ++get.wanted;
  // Somebody has come in before the one that was the owner, and the key is its now.
  const std::optional<Peer>& newer = reply->predecessor;
  const bool moved = asked.id == get.owner && (reply->flags & kOwner) == 0 && newer &&
                     Owns(asked.id, get.key, newer->id) && !get.holders.contains(newer->id);
  if (moved) {
    holder.state = Holder::kUnsure;
    get.owner = newer->id;
    get.to_ask.insert(get.to_ask.begin(), *newer);
    ++get.wanted;
    ++get.hops;
  }
  GetStep(id);
}

// This one included.
int ChordEngine::Node::Paging(const Get& get) const {
  return static_cast<int>(std::count_if(get.holders.begin(), get.holders.end(), [](const auto& h) {
    return h.second.pages > 0 && (h.second.state == Holder::kAsked || h.second.state == Holder::kSure);
  }));
}

void ChordEngine::Node::TakeValues(Get* get, Holder* holder,
                                   const std::vector<std::pair<Key, Bytes>>& entries) {
  for (const auto& [key, value] : entries) {
    if (key != get->key || !TakeValue(get, holder, value)) Count("bad_value");
  }
}

// Each is checked once, however many holders have it.
bool ChordEngine::Node::TakeValue(Get* get, Holder* holder, const Bytes& value) {
  if (!get->values.contains(value)) {
    const auto info = config_.checker ? config_.checker(get->key, value, now_) : std::nullopt;
    if (!info) return false;
    get->values[value] = {info->owner, info->sequence};
  }
  holder->values.insert(value);
  return true;
}

// Of each owner the newest: a holder may not have heard of it yet.
std::vector<Bytes> ChordEngine::Node::Newest(const Get& get) {
  std::map<Bytes, uint64_t> newest;
  for (const auto& [value, claim] : get.values)
    newest[claim.owner] = std::max(newest[claim.owner], claim.sequence);
  std::vector<Bytes> out;
  for (const auto& [value, claim] : get.values) {
    if (claim.sequence == newest[claim.owner]) out.push_back(value);
  }
  return out;
}

// Alone, or with those that don't answer, though it knows of others: what it does not have, they may.
bool ChordEngine::Node::CutOff() const {
  if (successors_.empty()) return !ContactEndpoints().empty();
  return std::all_of(successors_.begin(), successors_.end(), [&](const Peer& p) { return Buried(p); });
}

// Nobody answered who would know: the neighbours of one that died may know more in a moment, and so may one
// that is still fetching.
bool ChordEngine::Node::GetAgain(Get* get) {
  if (SureOfAbsence(*get) || !get->values.empty() || get->rounds >= kRounds || !Member() ||
      successors_.empty())
    return false;
  ++get->rounds;
  get->again = now_ + kRoundPause;
  if (get->again >= get->deadline) return false;
  get->ForgetHolders();
  get->looked_up = false;
  return true;
}

// Without a table one liar on the way names its friends as the holders, who have nothing; a way of its own
// for each word, and the right holders are among those that are asked.
bool ChordEngine::Node::ToConfirm(const Get& get) const {
  return mode_ == Mode::kRing && !table_whole_ && !get.confirming && !successors_.empty() &&
         get.values.empty() && SureOfAbsence(get) && get.deadline > now_;
}

void ChordEngine::Node::FinishGet(uint64_t id) {
  if (ToConfirm(gets_.at(id))) {
    gets_.at(id).confirming = true;
    return LookUpHolders(id);
  }
  if (GetAgain(&gets_.at(id))) return;
  auto node = gets_.extract(id);
  const Get& get = node.mapped();
  GetOutput output;
  output.id = get.id;
  output.values = Newest(get);
  output.overflowed = get.overflowed;
  output.messages = get.cost->messages;
  output.bytes = get.cost->bytes;
  const bool asked = std::any_of(get.holders.begin(), get.holders.end(),
                                 [&](const auto& holder) { return holder.first != self_.id; });
  output.hops = get.hops + (asked ? 1 : 0);
  if (SureOfAbsence(get)) output.outcome = GetOutcome::kAbsent;
  if (!get.values.empty()) output.outcome = GetOutcome::kFound;
  if (output.outcome == GetOutcome::kUnreachable) Count("get_unreachable");
  outputs_.push_back(std::move(output));
}

void ChordEngine::Node::HandleGet(const Message& request, size_t size) {
  if (!Member() && mode_ != Mode::kLeaving) return Count("not_a_member");
  Message reply = Make(MessageType::kValues);
  if (incomplete_) reply.flags |= kIncomplete;
  if (store_.Overflowed(*request.key)) reply.flags |= kOverflowed;
  NameOwner(*request.key, &reply);
  const std::vector<Bytes> values = store_.Get(*request.key);
  size_t room = Room(reply);
  uint32_t next = std::min<uint32_t>(request.cursor, values.size());
  for (; next < values.size() && EntrySize(values[next].size()) <= room; ++next) {
    reply.entries.emplace_back(*request.key, values[next]);
    room -= EntrySize(values[next].size());
  }
  if (next < values.size()) reply.flags |= kMore;
  reply.cursor = next;
  Answer(request, size, std::move(reply));
}

}  // namespace ov6::chord
