// SPDX-License-Identifier: Apache-2.0
// The inside of ChordEngine. One class, since every part of the protocol reads and
// changes the same neighbourhood; one file for each part:
//   node.cc         in and out: datagrams, timers, requests to peers, who counts as dead
//   node_mesh.cc    coming in, the full mesh below r+1 nodes, and the step to the ring and back
//   node_ring.cc    Zave's join, stabilize, rectify; fingers
//   node_lookup.cc  iterative lookups, and put
//   node_forward.cc recursive lookups
//   node_get.cc     reading from several holders
//   node_table.cc   the table of all members
//   node_store.cc   what is stored for others: taking it in, fetching, handing over
//   node_sync.cc    holders of one arc compare what they hold; peers to remember
//   node_twin.cc    another node of the same place
//   node_state.cc   what it says of itself
#ifndef OV6_SLAVES_ENGINE_CHORD_NODE_H
#define OV6_SLAVES_ENGINE_CHORD_NODE_H

#include <array>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/container/flat_hash_map.h"
#include "slaves/engine/chord/chord_engine.h"
#include "slaves/engine/chord/codec.h"
#include "slaves/engine/chord/cookies.h"
#include "slaves/engine/chord/fingers.h"
#include "slaves/engine/chord/rpc.h"
#include "slaves/engine/chord/sightings.h"
#include "slaves/engine/chord/source_budget.h"
#include "slaves/engine/chord/store.h"

namespace ov6::chord {

class ChordEngine::Node {
 public:
  explicit Node(ChordConfig config);

  void Remember(std::vector<Endpoint> peers) { before_restart_ = std::move(peers); }
  void Start(BootTime now);
  void OnMessage(BootTime now, const Endpoint& from, std::span<const uint8_t> bytes);
  void OnTimer(BootTime now);
  BootTime NextDeadline() const;
  void Submit(BootTime now, Request request);
  std::optional<Output> NextOutput();
  std::string StateJson(BootTime now) const;
  bool Left() const { return mode_ == Mode::kLeft; }
  uint64_t Version() const { return version_; }
  ChordView View() const { return {self_, mode_, predecessor_, successors_, version_}; }
  uint64_t Counter(const std::string& name) const;
  size_t StoredValues() const { return store_.size(); }

 private:
  using Done = std::function<void(const Message*)>;  // nullptr: no answer
  enum Timer {
    kContact,
    kStabilize,
    kMesh,
    kFingers,
    kPublish,
    kReplicate,
    kPull,
    kLeave,
    kTable,
    kGossip,
    kSweep,
    kSync,
    kGiveBack,
    kPeers,
    kPump,
    kTimers
  };

  // --- node.cc
  void Count(std::string_view name);
  void Arm(Timer timer, Duration after);
  void ArmSooner(Timer timer, Duration after);
  Duration Jitter(Duration d);
  void Fire(Timer timer);
  void OnRequest(const Message& request, size_t size);
  void TellMisplaced(const Message& request, size_t size);
  void NoteSeen(const Message& reply);
  Message Make(MessageType type) const;
  void Call(const Peer& to, Message request, Done done, Rpcs::Options options = {});
  void Answer(const Message& request, size_t request_size, Message reply);
  void Challenge(const Message& request);
  void OnChallenge(const Message& challenge);
  void SendOneWay(const Peer& to, Message message);
  void Bury(const Peer& peer, bool goodbye);  // it did not answer, or said goodbye
  static std::pair<Key, uint16_t> GraveOf(const Peer& peer) { return {peer.id, peer.endpoint.port}; }
  bool Buried(const Peer& peer) const;
  void Revive(const Peer& peer);  // it has just spoken
  void RememberLost(const Endpoint& member);
  void AnsweredInPlace(const Peer& peer);
  bool Member() const { return mode_ == Mode::kMesh || mode_ == Mode::kRing; }
  void NeighboursChanged(const std::optional<Peer>& old_predecessor, const std::vector<Peer>& old_successors);
  void SetNeighbours(std::optional<Peer> predecessor, std::vector<Peer> successors);
  void SetMode(Mode mode);
  void Joined();

  // --- node_mesh.cc
  struct MeshMember {
    Peer peer;
    uint64_t view = 0;  // digest of the members it last said it has
    bool asked = false;
  };
  void StartContacts();
  void Contact();
  std::vector<Endpoint> ContactEndpoints() const;
  void OnContactState(const Message* reply);
  bool Lists(const std::vector<Peer>& members) const;
  void HandleContact(const Message& request, size_t size);
  bool Admits(const Peer& peer) const;
  void FoundRing();
  void MeshTick();
  void HandleMesh(const Message& request, size_t size);
  void OnMeshState(const Peer& asked, const Message* reply);
  void LearnFromMesh(const Message& message);
  bool AddMember(const Peer& peer);
  bool MergeMembers(const std::vector<Peer>& peers);
  void RemoveMember(const Key& id);
  void MembersChanged();
  void MeshNeighbours();
  bool MeshAgrees() const;
  void MaybePromote();
  void Promote();
  void MeetRing(const Message& state);
  bool MaybeDemote(const std::vector<Peer>& others);
  std::vector<Peer> Members() const;
  Message StateOf(MessageType type) const;
  size_t MinimumRing() const { return static_cast<size_t>(config_.successors) + 1; }

  // --- node_ring.cc
  void StartRingJoin(const Peer& via);
  void OnJoinFound(const Peer& before, const std::vector<Peer>& successors);
  void StabilizeTick();
  void StabilizeFromSuccessor();
  void OnSuccessorState(const Peer& head, const Message* reply);
  void SuccessorDead(const Peer& head);
  void StabilizeFromPredecessor(const Peer& head, const Peer& candidate);
  void NotifySuccessor();
  void EndStabilize();
  std::vector<Peer> ListBehind(const Peer& head, const Message& state) const;
  void WithHeard(const Peer& head, std::vector<Peer>* list) const;
  void Hear(const Peer& member);
  void CheckList();
  void AskBefore(const Peer& peer, int steps);
  bool Wraps(const Message& state) const;
  std::vector<Peer> SuccessorsIn(const Message& state) const;
  void HandleNotify(const Message& request, size_t size);
  void Rectify(const Peer& candidate);
  void AdoptPredecessor(const Peer& peer);
  void HandleLeave(const Message& request, size_t size);
  void HandleHint(const Message& request);
  void LostEveryone();
  void FixFinger();
  Peer FingerAmong(int index, const std::vector<Peer>& nodes) const;
  void Merge();

  // --- node_lookup.cc
  struct Lookup {
    uint64_t id = 0;
    Key key{};
    bool want_predecessor = false;
    std::vector<Peer> candidates;  // nearest before the key last
    std::set<Key> seen;            // asked, or among the candidates
    size_t asked = 0;
    int in_flight = 0;
    std::set<Key> late;          // of those in flight
    std::optional<Key> nearest;  // how far the nearest one that has answered is before the key
    int hops = 0;
    BootTime deadline{};
    // owner and the nodes behind it; or, if the predecessor is wanted, it and then its successors
    std::function<void(std::optional<std::vector<Peer>>, int hops)> done;
    std::shared_ptr<Rpcs::Cost> cost = nullptr;
    uint64_t forwarded = 0;                // the id under which it is under way by others; 0: it is not
    BootTime fall_back = BootTime::max();  // when to go on alone
    size_t words = 1;                      // of how many that say who the holders are
    std::vector<Peer> found;               // what those have said so far
    bool by_list = false;                  // holders as somebody's list has them will do
    int doubts = 0;                        // answers too sparse to be believed
    std::vector<Peer> doubted;             // what they named: better than nothing
  };
  struct Holder {
    // Late: others decide; its answer, if it still comes, counts. Unsure: it may not have all that it should.
    enum State { kAsked, kLate, kSilent, kUnsure, kSure } state = kAsked;
    bool owner = false;  // says that the key is its own
    int pages = 0;
    std::set<Bytes> values;
  };
  struct Get {
    uint64_t id = 0;
    Key key{};
    Key owner{};                    // who is taken for it
    std::vector<Peer> to_ask;       // the next one first
    std::map<Key, Holder> holders;  // that were asked
    size_t wanted = 0;              // how many are to be asked in all
    struct Claim {
      Bytes owner;
      uint64_t sequence = 0;
    };
    std::map<Bytes, Claim> values;  // of all of them, checked
    int hops = 0;
    bool started = false;
    bool by_list = false;  // to_ask comes from the table or a list: only an owner's word counts for absence
    bool looked_up = false;
    bool confirming = false;  // absence, by the word of more than one way
    bool overflowed = false;
    int rounds = 1;
    std::shared_ptr<Rpcs::Cost> cost = std::make_shared<Rpcs::Cost>();
    BootTime again = BootTime::max();  // when to start over, if nobody answered
    BootTime deadline{};
    void ForgetHolders() {  // what they said is kept
      holders.clear();
      to_ask.clear();
      wanted = 0;
    }
  };
  struct Publication {
    Key key{};
    Bytes owner;
    Bytes value;
    uint64_t sequence = 0;
    BootTime expiry{};
    Duration half_life{};
    BootTime due{};
    BootTime give_up{};  // on telling `waiting` that it is stored
    Duration backoff{};
    bool busy = false;
    std::vector<uint64_t> waiting;  // PutRequests without their PutOutput
    Key at{};                       // `key`, or where that one, being full, has sent it on to
    bool handed_on = false;         // another's: put once
  };
  struct Looking {
    size_t words = 1;
    bool by_list = false;
    std::shared_ptr<Rpcs::Cost> cost = nullptr;
  };
  using LookupDone = std::function<void(std::optional<std::vector<Peer>>, int)>;
  void StartLookup(const Key& key, bool want_predecessor, std::vector<Peer> start, LookupDone done,
                   Looking how);
  static void NoteBehind(Lookup* lookup, const Message& reply);
  static void AddFound(const Key& key, const std::vector<Peer>& nodes, std::vector<Peer>* found);
  void Holders(std::vector<Peer>* nodes) const;
  void OnWord(uint64_t id, std::vector<Peer> nodes);
  void LookupStep(uint64_t id);
  bool Plausible(const Key& key, const std::vector<Peer>& nodes) const;
  void NoteGap(const Key& key, const std::vector<Peer>& nodes);
  void OnDoubted(uint64_t id, const std::vector<Peer>& nodes);
  size_t WordsOfPut() const;
  static bool OnlyNamed(const Lookup& lookup);
  void OnLate(uint64_t id, const Key& asked);
  void LookupAsk(uint64_t id, const Peer& peer);
  void OnFound(uint64_t id, const Peer& asked, const Message* reply);
  void FinishLookup(uint64_t id, std::optional<std::vector<Peer>> nodes);
  void AddCandidates(Lookup* lookup, const std::vector<Peer>& peers);
  void HandleFind(const Message& request, size_t size);
  bool KnowsOwner(const Key& key, std::vector<Peer>* nodes) const;
  std::vector<Peer> ClosestBefore(const Key& key, size_t count) const;
  std::vector<Peer> BehindByList(const Key& key) const;
  void AnswerByList(const Key& key, std::vector<Peer>* nodes, Message* reply) const;
  bool HoldersByList(const Key& key, std::vector<Peer>* nodes) const;
  std::vector<Peer> Nearest(const Key& key) const;
  void ExpireRequests();

  // --- node_forward.cc
  void ForwardLookup(uint64_t id);
  std::vector<Peer> NextOnTheWay(const Key& key) const;
  void Forward(Message message, std::vector<Peer> ways, std::shared_ptr<Rpcs::Cost> cost);
  void HandleForward(const Message& request, size_t size);
  void TellOrigin(const Message& request, size_t size, std::vector<Peer> nodes);
  bool OnForwardFound(const Message& found, size_t size);
  void FallBack();

  // --- node_get.cc
  void SubmitGet(const GetRequest& request);
  void StartGet(uint64_t id);
  void LookUpHolders(uint64_t id);
  void AddFromTable(const Key& key, std::vector<Peer>* nodes) const;
  void SetHolders(Get* get, std::vector<Peer> nodes);
  Duration ExpectedRoundTrip(const Peer& peer) const;
  void GetStep(uint64_t id);
  bool Decided(const Get& get) const;
  void GetHere(Get* get);
  void GetFrom(uint64_t id, const Peer& peer, uint32_t cursor);
  void OnValues(uint64_t id, const Peer& asked, const Message* reply);
  void TakeValues(Get* get, Holder* holder, const std::vector<std::pair<Key, Bytes>>& entries);
  int Paging(const Get& get) const;
  bool SureOfAbsence(const Get& get) const;
  bool TakeValue(Get* get, Holder* holder, const Bytes& value);
  static std::vector<Bytes> Newest(const Get& get);
  bool CutOff() const;
  bool ToConfirm(const Get& get) const;
  bool GetAgain(Get* get);
  void FinishGet(uint64_t id);
  void HandleGet(const Message& request, size_t size);

  bool OwnsKey(const Key& key) const;
  void NameOwner(const Key& key, Message* reply) const;

  void SubmitPut(const PutRequest& request);
  void SubmitRemove(const RemoveRequest& request);
  void PublishDue();
  void Publish(uint64_t id);
  void PutAt(uint64_t id);
  void Overflow(uint64_t id);
  void HandOn(const Key& full, const Bytes& value);
  struct Tally {
    size_t open = 0;
    int stored = 0;
    bool owner = false;
    bool bounced = false;  // the owner has no room for it
    std::set<Key> asked;
    std::optional<Peer> newer;  // came in before one that was the owner
  };
  void PutTo(uint64_t id, std::vector<Peer> nodes);
  void PutToAll(uint64_t id, const std::vector<Peer>& nodes, const std::shared_ptr<Tally>& tally);
  void PutAnswered(uint64_t id, const std::shared_ptr<Tally>& tally);
  void TellPut(Publication* publication, int replicas);
  void Published(uint64_t id, int replicas, bool owner);
  void PublishAllSoon(Duration after);
  void ArmPublish();

  // --- node_table.cc
  struct Hot {
    MemberEvent event;
    int tellings = 0;  // left
  };
  static constexpr size_t kEventSize = 36;  // bytes of one in a message, at most
  bool TableHolders(const Key& key, std::vector<Peer>* holders) const;
  void StartTable();
  void ForgetTable(const char* why_none);
  void StopTable(const char* why);
  bool KeepsTable() const;
  void TableTick();
  double RingSize() const;
  void FetchArc(const MemberTable::Arc& arc, std::optional<Key> after, const Peer& from);
  void OnTablePart(const MemberTable::Arc& arc, const Peer& from, const Message& part);
  void TableFetched();
  void HandleTable(const Message& request, size_t size);
  void Tell(const MemberEvent& event);
  void NeighbourCame(const Peer& peer);
  void MemberWent(const Peer& peer, bool neighbour);
  void Gossip();
  void HandleEvents(const Message& news);
  void Check(const MemberEvent& event);
  void CheckNews();
  void Checked(const MemberEvent& event, const Message* reply);
  void Ping(const Peer& peer, Done done);
  void Sweep();
  void CompareTables();
  void CompareArc(const MemberTable::Arc& arc, const Peer& with);
  void OnCompared(const MemberTable::Arc& arc, const Peer& with, uint32_t differ);
  void HandleCompare(const Message& request, size_t size);
  void ChargeTable(MessageType type, size_t bytes);

  // --- node_store.cc
  struct Transfer {
    Peer to;
    std::vector<std::pair<Key, Bytes>> entries;
    int busy = 0;  // times that the other had too much to do
  };
  enum class Kept { kNo, kYes, kKeyFull, kBusy };
  Kept StoreValue(const Key& key, const Bytes& value, std::optional<Ipv4> source = std::nullopt);
  bool Neighbour(const Peer& peer) const;
  void HandlePut(const Message& request, size_t size);
  void HandlePull(const Message& request, size_t size);
  void StartPull();
  void PullRound();
  void PullRoundOver();
  void PullNext(size_t source);
  void PullDone();
  void OnRange(size_t source, const Message* reply);
  void FillEntries(const Key& start, const Key& end, std::optional<Store::Cursor> from, uint32_t parts,
                   Message* reply) const;
  void Enqueue(const Peer& to, const Key& start, const Key& end, uint32_t parts = Store::kAllParts);
  void PumpTransfers();
  void OnTransferred(Transfer transfer, const Message* reply);
  void StartLeave();
  void MaybeLeft();
  void SayGoodbye();
  size_t Room(const Message& message) const;

  // --- node_sync.cc
  struct Sync {
    Peer with;
    Key start{}, end{};
    std::optional<Store::Cursor> cursor = std::nullopt;
    uint32_t differ = 0;  // parts
    int pages = 0;
  };
  std::vector<Peer> OtherHolders() const;
  void Replicate();
  void SyncTick();
  void SyncWith(const Peer& with, const Key& start, const Key& end);
  void SyncStep(Sync sync);
  void OnSynced(Sync sync, const Message* reply);
  void GiveBackLater(const Key& old_start);
  void GiveBack();
  void GiveBackNext(const Key& start, const Key& end);
  std::vector<Endpoint> SomePeers() const;
  void TellPeers();
  void ArmPeers();

  // --- node_twin.cc
  bool Reflected(const Message& message) const;
  bool MayBeTwin(const Peer& listed) const;
  void HandleTwin(const Message& request, size_t size);
  bool LookForTwin(const std::vector<Peer>& listed);
  void AskTwin(const Peer& listed);
  void TwinSilent(const Peer& twin);
  void MeetTwin(const Message& message);
  void StepAside(const Endpoint& twin);
  void EndRequests();

  ChordConfig config_;
  Peer self_;
  Endpoint seen_at_;  // where others agree that this node is
  Sightings sightings_;
  uint64_t network_ = 0;
  BootTime now_{};
  std::mt19937_64 random_;
  Cookies cookies_;
  Mode mode_ = Mode::kJoining;
  bool joined_told_ = false;
  uint64_t version_ = 0;
  std::array<BootTime, kTimers> timers_;
  std::deque<Output> outputs_;
  std::map<std::string, uint64_t, std::less<>> counters_;
  Rpcs rpcs_;

  std::optional<Peer> predecessor_;
  std::vector<Peer> successors_;
  Fingers fingers_;
  MemberTable table_;
  bool table_whole_ = false;  // fetched; lookups may rely on it
  bool table_busy_ = false;   // a part is being fetched
  std::string table_off_;     // why there is none
  size_t table_source_ = 0;
  std::deque<Hot> hot_;           // events still to be told
  std::deque<MemberEvent> news_;  // told, still to be checked
  std::set<Key> checking_;        // whose members are being asked
  Key swept_{};                   // the last one asked in turn
  uint64_t table_bytes_ = 0;      // since table_since_
  double table_rate_ = 0;         // bytes a second, of the last full minute
  BootTime table_since_{};
  TokenBucket table_allowance_;
  struct Grave {
    uint64_t incarnation = 0;
    bool goodbye = false;
    BootTime until{};
  };
  absl::flat_hash_map<std::pair<Key, uint16_t>, Grave> graves_;  // by id and port, as silent_ in the table

  std::map<Key, MeshMember> members_;  // in a ring: those it was formed of
  std::vector<Endpoint> before_restart_;
  Key mesh_asked_{};                 // the last one
  std::deque<Endpoint> remembered_;  // lost members, asked again while few are left
  BootTime started_{};
  BootTime members_heard_{};  // when a contact that is in last answered
  Duration contact_backoff_{};
  size_t contact_next_ = 0;
  bool ring_join_ = false;

  bool asking_twin_ = false;
  struct SilentTwin {
    Peer peer;
    BootTime since{}, last{};  // asked and not heard
  } silent_twin_;
  unsigned steps_ = 0;  // to other slots, since it was in

  bool stabilizing_ = false;  // one operation in flight
  uint64_t stabilize_op_ = 0;
  bool pinging_predecessor_ = false;
  std::optional<Peer> rectify_candidate_;
  unsigned rounds_ = 0;  // of stabilising
  struct Heard {
    Peer peer;
    BootTime at{};
  };
  std::map<Key, Heard> heard_;  // members that have answered, and that the successor's word leaves out
  int eager_ = 0;               // rounds left at the eager interval
  bool finger_busy_ = false;
  int finger_rounds_ = 0;

  uint64_t next_id_ = 1;
  std::map<uint64_t, Lookup> lookups_;
  std::deque<double> gaps_;                 // between nodes behind a key, means of the last answers
  std::map<uint64_t, uint64_t> forwarded_;  // by the answer's id: the lookup
  std::map<uint64_t, Get> gets_;
  std::map<uint64_t, Publication> publications_;

  Store store_;
  SourceBudget events_budget_;  // datagrams of news
  SourceBudget put_budget_;
  std::set<Key> syncing_;  // with whom an arc is being compared
  size_t sync_next_ = 0;
  std::optional<Key> lost_from_;  // of an arc that was this node's until lately, up to its predecessor
  std::vector<Endpoint> told_peers_;
  bool incomplete_ = false;
  std::optional<Store::Cursor> pull_cursor_;
  std::optional<uint32_t> pull_heard_;  // least rounds of the incomplete sources of this round
  uint32_t pull_level_ = 0;
  uint32_t pull_differ_ = 0;  // parts of what is being pulled that the source has otherwise
  uint64_t pull_op_ = 0;
  std::set<Key> replicated_to_;
  std::deque<Transfer> transfers_;
  int transfers_busy_ = 0;
  int goodbyes_ = 0;
  bool goodbye_said_ = false;
};

}  // namespace ov6::chord

#endif
