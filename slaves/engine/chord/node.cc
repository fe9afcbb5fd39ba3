// SPDX-License-Identifier: Apache-2.0
#include "slaves/engine/chord/node.h"

#include <algorithm>

#include "slaves/engine/chord/evict.h"
#include "slaves/engine/chord/ring.h"

namespace ov6::chord {
namespace {

constexpr auto kGraveLifetime = std::chrono::seconds(30);
constexpr size_t kMaxGraves = 256;
constexpr size_t kMaxRemembered = 16;
constexpr auto kMergeInterval = std::chrono::seconds(10);
constexpr int kEagerRounds = 8;
// EVENTS that are read: who lies least sends two a second to somebody, and each gets as many, from all of
// them.
constexpr double kEventsASecond = 10, kEventsOfOne = 1;
constexpr double kBudgetSaved = 3600;  // seconds of the table's budget that may be spent at once
constexpr auto kReplicateDelay = std::chrono::milliseconds(200);

RpcConfig RpcsOf(const ChordConfig& config) {
  return {config.rto_initial, config.rto_min, config.rto_max, config.tries, config.max_rpcs};
}

// What these ask for is done only for who proves its address. The others change nothing that is not proven
// otherwise; they may be asked by anybody, and get at most threefold what they sent.
bool NeedsCookie(MessageType type) {
  switch (type) {
    case MessageType::kNotify:
    case MessageType::kMesh:
    case MessageType::kContact:
    case MessageType::kPut:
    case MessageType::kLeave:
    case MessageType::kEvents:
    case MessageType::kForward:
      return true;
    default:
      return false;
  }
}

// Taking these in makes the sender, or what it tells, a part of the ring.
bool MakesMember(MessageType type) {
  return type == MessageType::kNotify || type == MessageType::kMesh || type == MessageType::kContact ||
         type == MessageType::kEvents || type == MessageType::kLeave || type == MessageType::kHint;
}

// Answers to these may be longer than the question.
bool Padded(MessageType type) {
  return !IsReply(type) && type != MessageType::kHint && type != MessageType::kLeave &&
         type != MessageType::kEvents && type != MessageType::kCompare;
}

bool Brief(const Message& request) {
  return request.type == MessageType::kQuery && (request.flags & kBrief) != 0;
}

// What answers a FORWARD goes to an address that proved itself to another node.
size_t LeastSize(MessageType type) { return type == MessageType::kForward ? kPaddedRequest : 0; }

}  // namespace

ChordEngine::Node::Node(ChordConfig config)
    : config_(std::move(config)),
      self_(PeerAt(config_.self, config_.slot, config_.incarnation)),
      seen_at_(config_.self),
      network_(NetworkHash(config_.network)),
      random_(config_.seed),
      cookies_(config_.secret),
      rpcs_(RpcsOf(config_),
            [this](const Endpoint& to, const Bytes& bytes) {
              outputs_.push_back(SendOutput{to, bytes});
            }),
      fingers_(self_.id),
      table_(self_, {config_.table_members, config_.routing_per_24}),
      table_allowance_(static_cast<double>(config_.table_budget),
                       kBudgetSaved * static_cast<double>(config_.table_budget)),
      store_({.values_per_key = config_.max_values_per_key,
              .values = config_.max_values,
              .bytes = config_.max_bytes}),
      events_budget_(kEventsASecond, kEventsOfOne, random_()),
      put_budget_(config_.checks, config_.checks_per_source, random_()) {
  timers_.fill(BootTime::max());
}

void ChordEngine::Node::Start(BootTime now) {
  now_ = started_ = now;
  StartContacts();
}

void ChordEngine::Node::OnMessage(BootTime now, const Endpoint& from, std::span<const uint8_t> bytes) {
  now_ = std::max(now, now_);
  auto decoded = Decode(bytes, network_);
  if (const auto* error = std::get_if<DecodeError>(&decoded)) return Count(ToString(*error));
  Message& message = std::get<Message>(decoded);
  if (mode_ == Mode::kLeft) return Count("after_leave");
  // The address it came from is the one that works, and the one that its place follows from.
  message.said = message.sender.endpoint;
  if (from != message.said) message.sender = PeerAt(from, message.sender.slot, message.sender.incarnation);
  if (Reflected(message)) return Count("from_self");
  if (!IsReply(message.type)) {
    message.proven = cookies_.Right(now_, from, message.cookie);
    if (!message.proven && NeedsCookie(message.type)) return Challenge(message);
    if (message.sender.id == self_.id && !Misplaced(message)) return HandleTwin(message, bytes.size());
    if (Misplaced(message) && MakesMember(message.type)) return TellMisplaced(message, bytes.size());
    if (message.proven && message.type != MessageType::kLeave) Revive(message.sender);
    return OnRequest(message, bytes.size());
  }
  if (message.type == MessageType::kChallenge) return OnChallenge(message);
  switch (rpcs_.OnReply(now_, from, message, bytes.size())) {
    case Rpcs::Match::kUnsolicited:
      if (OnForwardFound(message, bytes.size())) return;
      return Count("unsolicited");
    case Rpcs::Match::kIdMismatch:
      return AnsweredInPlace(message.sender);
    case Rpcs::Match::kMatched:
      ChargeTable(message.type, bytes.size());
      cookies_.Learn(from, message.cookie);
      NoteSeen(message);
      if (static_cast<Mode>(message.mode) == Mode::kRing && !Misplaced(message)) Hear(message.sender);
      if (KeepsTable() && static_cast<Mode>(message.mode) == Mode::kRing) table_.Seen(message.sender);
      return;
  }
}

// It may ask and put, but nobody lists it: at its address another place would be computed for it than it has.
void ChordEngine::Node::TellMisplaced(const Message& request, size_t size) {
  Count("misplaced");
  if (request.type == MessageType::kEvents || request.type == MessageType::kHint) return;
  Answer(request, size, StateOf(ReplyTo(request.type)));
}

// While this node is not in, all that its bootstraps say is what there is.
void ChordEngine::Node::NoteSeen(const Message& reply) {
  sightings_.Add(reply.sender.endpoint.address, reply.seen.value_or(self_.endpoint));
  if (!reply.seen && seen_at_ == self_.endpoint) return;  // nothing new can follow from it
  std::set<uint32_t> networks;
  for (const Endpoint& contact : config_.bootstrap) networks.insert(contact.address.value >> 8);
  const size_t enough =
      Member() ? Sightings::kEnough : std::clamp<size_t>(networks.size(), 1, Sightings::kEnough);
  const auto agreed = sightings_.Agreed(enough);
  if (!agreed || agreed->address == seen_at_.address) return;
  seen_at_ = *agreed;
  Count("seen_moved");
  outputs_.push_back(SeenOutput{seen_at_, self_.endpoint});
}

void ChordEngine::Node::OnRequest(const Message& request, size_t size) {
  switch (request.type) {
    case MessageType::kQuery:
      return Answer(request, size, Brief(request) ? Make(MessageType::kState) : StateOf(MessageType::kState));
    case MessageType::kNotify:
      return HandleNotify(request, size);
    case MessageType::kMesh:
      return HandleMesh(request, size);
    case MessageType::kContact:
      return HandleContact(request, size);
    case MessageType::kFind:
      return HandleFind(request, size);
    case MessageType::kGet:
      return HandleGet(request, size);
    case MessageType::kPut:
      return HandlePut(request, size);
    case MessageType::kPull:
      return HandlePull(request, size);
    case MessageType::kLeave:
      return HandleLeave(request, size);
    case MessageType::kHint:
      return HandleHint(request);
    case MessageType::kEvents:
      return HandleEvents(request);
    case MessageType::kTable:
      return HandleTable(request, size);
    case MessageType::kCompare:
      return HandleCompare(request, size);
    case MessageType::kForward:
      return HandleForward(request, size);
    default:
      return Count("malformed");
  }
}

void ChordEngine::Node::OnTimer(BootTime now) {
  now_ = std::max(now, now_);
  if (mode_ == Mode::kLeft) return;
  rpcs_.OnTimer(now_);
  for (int t = 0; t < kTimers && mode_ != Mode::kLeft; ++t) {
    if (timers_[t] > now_) continue;
    timers_[t] = BootTime::max();
    Fire(static_cast<Timer>(t));
  }
  ExpireRequests();
  store_.Expire(now_);
}

void ChordEngine::Node::Fire(Timer timer) {
  switch (timer) {
    case kContact:
      return Contact();
    case kStabilize:
      return StabilizeTick();
    case kMesh:
      return MeshTick();
    case kFingers:
      return FixFinger();
    case kPublish:
      return PublishDue();
    case kReplicate:
      return Replicate();
    case kPull:
      return PullRound();
    case kLeave:
      return SetMode(Mode::kLeft);
    case kTable:
      return TableTick();
    case kGossip:
      return Gossip();
    case kSweep:
      return Sweep();
    case kSync:
      return SyncTick();
    case kGiveBack:
      return GiveBack();
    case kPeers:
      return TellPeers();
    case kPump:
      return PumpTransfers();
    case kTimers:
      return;
  }
}

BootTime ChordEngine::Node::NextDeadline() const {
  if (mode_ == Mode::kLeft) return BootTime::max();
  BootTime next = std::min(rpcs_.NextDeadline(), *std::min_element(timers_.begin(), timers_.end()));
  for (const auto& [id, lookup] : lookups_) next = std::min({next, lookup.deadline, lookup.fall_back});
  for (const auto& [id, get] : gets_) next = std::min({next, get.deadline, get.again});
  return std::min(next, store_.NextExpiry().value_or(BootTime::max()));
}

void ChordEngine::Node::Submit(BootTime now, Request request) {
  now_ = std::max(now, now_);
  if (const auto* put = std::get_if<PutRequest>(&request)) return SubmitPut(*put);
  if (const auto* remove = std::get_if<RemoveRequest>(&request)) return SubmitRemove(*remove);
  if (const auto* get = std::get_if<GetRequest>(&request)) return SubmitGet(*get);
  StartLeave();
}

std::optional<Output> ChordEngine::Node::NextOutput() {
  if (outputs_.empty()) return std::nullopt;
  std::optional<Output> output(std::move(outputs_.front()));
  outputs_.pop_front();
  return output;
}

void ChordEngine::Node::Count(std::string_view name) {
  const auto it = counters_.find(name);
  it == counters_.end() ? void(counters_.emplace(name, 1)) : void(++it->second);
}

void ChordEngine::Node::Arm(Timer timer, Duration after) { timers_[timer] = now_ + after; }

void ChordEngine::Node::ArmSooner(Timer timer, Duration after) {
  timers_[timer] = std::min(timers_[timer], now_ + after);
}

// Within a fifth of d, so that nodes don't fall into step.
Duration ChordEngine::Node::Jitter(Duration d) {
  const int64_t fifth = std::max<int64_t>(d.count() / 5, 1);
  return d + Duration(static_cast<int64_t>(random_() % (2 * fifth)) - fifth);
}

Message ChordEngine::Node::Make(MessageType type) const {
  Message message;
  message.type = type;
  message.sender = self_;
  message.mode = static_cast<uint32_t>(mode_ == Mode::kLeft ? Mode::kLeaving : mode_);
  if (mode_ == Mode::kJoining) message.mode = 0;
  return message;
}

void ChordEngine::Node::Call(const Peer& to, Message request, Done done, Rpcs::Options options) {
  request.rpc = cookies_.NextRpc();
  request.cookie = cookies_.Known(to.endpoint);
  const bool padded = request.cookie == 0 && Padded(request.type) && !Brief(request);
  Bytes bytes = Encode(request, network_, padded ? kPaddedRequest : LeastSize(request.type));
  ChargeTable(request.type, bytes.size());
  if (rpcs_.Start(now_, request.rpc, to, std::move(bytes), done, std::move(options))) return;
  Count("rpc_overflow");
  done(nullptr);
}

void ChordEngine::Node::Answer(const Message& request, size_t request_size, Message reply) {
  reply.rpc = request.rpc;
  reply.cookie = cookies_.For(now_, request.sender.endpoint);
  if (request.said != request.sender.endpoint) reply.seen = request.sender.endpoint;
  const Bytes bytes = Encode(reply, network_);
  if (bytes.size() > kMaxDatagram) return Count("reply_too_big");
  // A source address is easily forged: what is sent to it stays below what came from it, threefold.
  if (!request.proven && bytes.size() > 3 * request_size) return Challenge(request);
  outputs_.push_back(SendOutput{request.sender.endpoint, bytes});
}

// Shorter than any request.
void ChordEngine::Node::Challenge(const Message& request) {
  Count("challenged");
  Message reply = Make(MessageType::kChallenge);
  reply.rpc = request.rpc;
  reply.cookie = cookies_.For(now_, request.sender.endpoint);
  if (request.said != request.sender.endpoint) reply.seen = request.sender.endpoint;
  outputs_.push_back(SendOutput{request.sender.endpoint, Encode(reply, network_)});
}

void ChordEngine::Node::OnChallenge(const Message& challenge) {
  const Bytes* bytes = rpcs_.Challenged(challenge.rpc, challenge.sender.endpoint);
  if (bytes == nullptr) return Count("unsolicited");
  cookies_.Learn(challenge.sender.endpoint, challenge.cookie);
  NoteSeen(challenge);
  Message request = std::get<Message>(Decode(*bytes, network_));
  request.cookie = challenge.cookie;
  rpcs_.SendAgain(now_, challenge.rpc, Encode(request, network_, LeastSize(request.type)));
}

// To one whose cookie is not known, news goes as a request: what comes back is a challenge, and then it is.
void ChordEngine::Node::SendOneWay(const Peer& to, Message message) {
  message.cookie = cookies_.Known(to.endpoint);
  if (message.cookie == 0 && NeedsCookie(message.type))
    return Call(to, std::move(message), [](auto*) {}, {1});
  message.rpc = cookies_.NextRpc();
  Bytes bytes = Encode(message, network_);
  ChargeTable(message.type, bytes.size());
  outputs_.push_back(SendOutput{to.endpoint, std::move(bytes)});
}

void ChordEngine::Node::Bury(const Peer& peer, bool goodbye) {
  if (graves_.size() >= kMaxGraves) EvictLowest(&graves_);
  Grave& grave = graves_[GraveOf(peer)];
  if (grave.incarnation > peer.incarnation && grave.until > now_) return;
  grave = {peer.incarnation, goodbye, now_ + kGraveLifetime};
  Count(goodbye ? "peer_left" : "peer_dead");
  fingers_.Remove(peer.id);
  heard_.erase(peer.id);
  MemberWent(peer, peer == predecessor_ || (!successors_.empty() && peer == successors_.front()));
  if (!goodbye) RememberLost(peer.endpoint);
}

void ChordEngine::Node::RememberLost(const Endpoint& member) {
  if (std::count(remembered_.begin(), remembered_.end(), member) != 0) return;
  remembered_.push_back(member);
  if (remembered_.size() > kMaxRemembered) remembered_.pop_front();
}

bool ChordEngine::Node::Buried(const Peer& peer) const {
  const auto it = graves_.find(GraveOf(peer));
  return it != graves_.end() && it->second.until > now_ && it->second.incarnation >= peer.incarnation;
}

void ChordEngine::Node::Revive(const Peer& peer) {
  const auto it = graves_.find(GraveOf(peer));
  if (it == graves_.end() || it->second.incarnation > peer.incarnation) return;
  // Packets of one that said goodbye may still be on their way.
  if (it->second.goodbye && it->second.incarnation == peer.incarnation) return;
  graves_.erase(it);
}

// Another than was meant lives there: what was told of it is wrong, or old.
void ChordEngine::Node::AnsweredInPlace(const Peer& peer) {
  Count("id_mismatch");
  const auto it = graves_.find(GraveOf(peer));
  if (it != graves_.end() && !it->second.goodbye) graves_.erase(it);
}

void ChordEngine::Node::SetNeighbours(std::optional<Peer> predecessor, std::vector<Peer> successors) {
  if (predecessor == predecessor_ && successors == successors_) return;
  std::swap(predecessor_, predecessor);
  std::swap(successors_, successors);
  NeighboursChanged(predecessor, successors);
}

void ChordEngine::Node::NeighboursChanged(const std::optional<Peer>& old_predecessor,
                                          const std::vector<Peer>& old_successors) {
  ++version_;
  eager_ = kEagerRounds;
  if (mode_ == Mode::kRing) ArmSooner(kStabilize, config_.stabilize_eager);
  const size_t holders = std::min<size_t>(config_.replicas, successors_.size());
  const bool same_holders =
      old_successors.size() >= holders &&
      std::equal(successors_.begin(), successors_.begin() + holders, old_successors.begin());
  if (!same_holders) ArmSooner(kReplicate, kReplicateDelay);
  const bool more = Member() && predecessor_ && old_predecessor && predecessor_->id != old_predecessor->id &&
                    !Owns(old_predecessor->id, predecessor_->id, self_.id);
  if (more) StartPull();
  const bool fewer =
      Member() && predecessor_ && old_predecessor && predecessor_->id != old_predecessor->id && !more;
  if (fewer) GiveBackLater(old_predecessor->id);
  if (predecessor_ && predecessor_ != old_predecessor) NeighbourCame(*predecessor_);
  const bool head =
      !successors_.empty() && (old_successors.empty() || successors_.front() != old_successors.front());
  if (head) NeighbourCame(successors_.front());
}

void ChordEngine::Node::SetMode(Mode mode) {
  if (mode_ == mode) return;
  mode_ = mode;
  ++version_;
  Count("mode_" + std::string(ToString(mode)));
  eager_ = kEagerRounds;
  timers_[kStabilize] = timers_[kMesh] = timers_[kFingers] = BootTime::max();
  timers_[kTable] = timers_[kGossip] = timers_[kSweep] = timers_[kGiveBack] = BootTime::max();
  stabilizing_ = pinging_predecessor_ = false;
  ++stabilize_op_;
  if (mode == Mode::kRing) {
    Arm(kStabilize, Duration(0));
    Arm(kFingers, Jitter(config_.stabilize_eager));
    finger_rounds_ = 0;
    Arm(kContact, Jitter(kMergeInterval));
    StartTable();
  }
  if (mode == Mode::kMesh) {
    Arm(kMesh, Duration(0));
    fingers_.Clear();
    ArmSooner(kContact, Jitter(config_.stabilize));
  }
  if (mode == Mode::kLeft) rpcs_.Clear();
}

void ChordEngine::Node::Joined() {
  if (!joined_told_) outputs_.push_back(JoinedOutput{});
  joined_told_ = true;
  steps_ = 0;
  ArmPeers();
  PublishAllSoon(Duration(0));
  std::vector<uint64_t> waiting;
  for (const auto& [id, get] : gets_) {
    if (!get.started) waiting.push_back(id);
  }
  for (const uint64_t id : waiting) StartGet(id);
}

}  // namespace ov6::chord
