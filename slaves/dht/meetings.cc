// SPDX-License-Identifier: Apache-2.0
#include "slaves/dht/meetings.h"

#include <algorithm>
#include <boost/json.hpp>
#include <utility>

#include "slaves/runtime/slave_main.h"
#include "userspace/base/bytes.h"
#include "userspace/base/hmac.h"
#include "userspace/base/text.h"

namespace ov6 {
namespace {

namespace json = boost::json;

std::string Secret(const std::function<uint64_t()>& nonce) {
  const Bytes bytes = ByteWriter().U64(nonce()).U64(nonce()).Take();
  return {bytes.begin(), bytes.end()};
}

// Nothing: it is no list of at most 8 endpoints with ports.
std::optional<std::vector<Endpoint>> CandidatesIn(const json::object& object) {
  const auto texts = StringListField(object, "candidates");
  if (!texts.ok() || texts->size() > kMostCandidates) return std::nullopt;
  std::vector<Endpoint> candidates;
  for (const std::string& text : *texts) {
    const auto place = Endpoint::Parse(text);
    if (!place || place->port == 0) return std::nullopt;
    candidates.push_back(*place);
  }
  return candidates;
}

// What ov6d wants to be said of itself or of a router behind it; nothing: it can't be said.
std::optional<Meeting> MeetingIn(const std::string& answer) {
  const auto object = ObjectIn("the master's answer", answer);
  if (!object.ok()) return std::nullopt;
  Meeting meeting{.user = TextIn(*object, "user"), .password = TextIn(*object, "password")};
  if (const json::value* port = object->if_contains("port"))
    meeting.port = port->is_int64() ? static_cast<uint16_t>(port->get_int64()) : 0;
  else
    meeting.candidates = CandidatesIn(*object).value_or(std::vector<Endpoint>());
  const bool somewhere = meeting.port != 0 || !meeting.candidates.empty();
  return somewhere && AreWords(meeting.user, meeting.password) ? std::optional(meeting) : std::nullopt;
}

// A member of the ring can have checks sent to its own address; of other places there is only its word.
std::string Description(const Endpoint& from, const Meeting& meeting) {
  json::object description{{"user", meeting.user}, {"password", meeting.password}};
  if (meeting.port != 0) {
    description["candidates"] = {Endpoint{from.address, meeting.port}.ToString()};
  } else {
    description["candidates"] = Strings(meeting.candidates);
    description["ring"] = true;
  }
  return json::serialize(description);
}

// In no more bytes than the question. What a router behind NAT says of itself comes first: where it is seen
// outside serves more.
std::optional<Bytes> Fitting(PeeringMessage answer, const PeeringMessage& question) {
  const size_t most = EncodePeering(question).size();
  Bytes bytes = EncodePeering(answer);
  for (auto& candidates = answer.meeting.candidates; bytes.size() > most; bytes = EncodePeering(answer)) {
    if (candidates.size() < 2) return std::nullopt;
    candidates.erase(candidates.begin());
  }
  return bytes;
}

// Whether he is at one of its locators, and the control port.
bool IsPlaceOf(const Record& record, const Endpoint& from) {
  return record.control_port == from.port &&
         std::any_of(record.locators.begin(), record.locators.end(), [&](const Locator& locator) {
           return locator.address == from.address && locator.priority != kAcceptOnly;
         });
}

}  // namespace

Meetings::Meetings(Parts parts) : parts_(std::move(parts)), secret_(Secret(parts_.nonce)) {}

// --- at the master of the router behind NAT ---------------------------------------

void Meetings::OnCall(const std::string& argument, Respond respond) {
  auto message = QuestionIn(argument);
  if (!message.ok()) return respond(message.status());
  const auto place = PlaceOf(message->meeting.to);
  if (!place && Find(message->meeting.to))
    return respond(absl::UnavailableError("who has " + message->meeting.to.ToString() + " is looked up"));
  if (!place) return respond(absl::ResourceExhaustedError("too many prefixes are looked up at once"));
  if (questions_.size() >= kMost)
    return respond(absl::ResourceExhaustedError("too many meetings are arranged"));
  ++counters_.asked;
  message->nonce = parts_.nonce();
  const uint64_t nonce = message->nonce;
  Question& question = questions_[nonce];
  question = {*place, *std::move(message), std::move(respond)};
  Say(question);
}

// Only for what this router registers, so that others may believe it.
absl::StatusOr<PeeringMessage> Meetings::QuestionIn(const std::string& argument) const {
  const auto object = ObjectIn("the argument", argument);
  if (!object.ok()) return object.status();
  const auto prefix = Prefix::Parse(TextIn(*object, "prefix")), to = Prefix::Parse(TextIn(*object, "to"));
  if (!prefix || !to) return absl::InvalidArgumentError("\"prefix\" and \"to\" should be IPv6 prefixes");
  if (!parts_.registrar.ServesAround(*prefix))
    return absl::PermissionDeniedError(prefix->ToString() + " is not registered by this router");
  PeeringMessage message{PeeringType::kMeet, false, 0, *prefix};
  const auto candidates = CandidatesIn(*object);
  if (!candidates)
    return absl::InvalidArgumentError("\"candidates\" should be a list of at most 8 endpoints");
  message.meeting = {0, *to, TextIn(*object, "user"), TextIn(*object, "password"), 0, *candidates};
  if (!AreWords(message.meeting.user, message.meeting.password))
    return absl::InvalidArgumentError(
        "\"user\" and \"password\" should be 12 and 36 to 64 letters and digits");
  return message;
}

std::optional<Endpoint> Meetings::PlaceOf(const Prefix& prefix) const {
  const BootTime now = parts_.clock.boot();
  const Record* record = parts_.slave.resolver().Around(now, prefix);
  if (record == nullptr || record->control_port == 0) return std::nullopt;
  for (const Locator& locator : record->locators) {
    const bool proven =
        parts_.prover == nullptr || parts_.prover->Proven(now, record->prefix, locator.address);
    if (proven && locator.priority != kAcceptOnly) return Endpoint{locator.address, record->control_port};
  }
  return std::nullopt;
}

// After a restart the kernel still has mappings whose records nobody here has seen.
bool Meetings::Find(const Prefix& prefix) {
  if (!find_budget_.Take(parts_.clock.boot())) return false;
  parts_.slave.OnRefresh(std::vector{prefix.address});
  return true;
}

void Meetings::Say(Question& question) {
  parts_.send(question.to, EncodePeering(question.message), std::nullopt);
  question.next = parts_.clock.boot() + kFirstWait * (1 << question.sent++);
}

void Meetings::OnAnswer(const Endpoint& from, const PeeringMessage& message) {
  const auto found = questions_.find(message.nonce);
  if (found == questions_.end() || found->second.to != from ||
      found->second.message.prefix != message.prefix) {
    ++counters_.unexpected;
    return;
  }
  Question& question = found->second;
  if (!message.yes && message.meeting.cookie != 0 && question.message.meeting.cookie == 0) {
    question.message.meeting.cookie = message.meeting.cookie;
    question.sent = 0;
    return Say(question);
  }
  const Respond respond = std::move(question.respond);
  const Prefix to = question.message.meeting.to;
  questions_.erase(found);
  if (!message.yes) return respond(absl::NotFoundError("who has " + to.ToString() + " wants no direct path"));
  ++counters_.agreed;
  respond(Description(from, message.meeting));
}

void Meetings::OnTimer() {
  const BootTime now = parts_.clock.boot();
  std::vector<Respond> given_up;
  for (auto at = questions_.begin(); at != questions_.end();) {
    const auto found = at++;
    if (found->second.next > now) continue;
    if (found->second.sent < kTries) {
      Say(found->second);
      continue;
    }
    given_up.push_back(std::move(found->second.respond));
    questions_.erase(found);
  }
  for (const Respond& respond : given_up) {
    ++counters_.unanswered;
    respond(absl::DeadlineExceededError("the other router does not answer"));
  }
}

BootTime Meetings::NextDeadline() const {
  BootTime deadline = BootTime::max();
  for (const auto& [nonce, question] : questions_) deadline = std::min(deadline, question.next);
  return deadline;
}

// --- at the correspondent ---------------------------------------------------------

void Meetings::OnMessage(const Endpoint& from, Ipv4 at, const PeeringMessage& message) {
  message.type == PeeringType::kMeet ? OnQuestion(from, at, message) : OnAnswer(from, message);
}

// RFC 6347 section 4.2.1: nothing is remembered of it.
uint64_t Meetings::Cookie(const Endpoint& from, const Prefix& prefix, int64_t turn) const {
  ByteWriter text;
  text.U32(from.address.value).U16(from.port).U8(static_cast<uint8_t>(prefix.length));
  text.Raw(prefix.address.bytes).U64(static_cast<uint64_t>(turn));
  const auto digest = HmacSha1(secret_, text.Take());
  return ByteReader(digest).U64() | 1;  // 0 is none
}

void Meetings::OnQuestion(const Endpoint& from, Ipv4 at, const PeeringMessage& message) {
  const uint64_t good = Cookie(from, message.prefix, Turn());
  const uint64_t cookie = message.meeting.cookie;
  if (cookie != good && cookie != Cookie(from, message.prefix, Turn() - 1)) {
    ++counters_.challenged;
    return SayNo(from, at, message, good);
  }
  // Not known yet: he says it again.
  const Record* record = parts_.slave.resolver().Around(parts_.clock.boot(), message.prefix);
  if (record == nullptr) {
    ++counters_.unknown;
    Find(message.prefix);
    return;
  }
  if (!IsPlaceOf(*record, from)) {
    ++counters_.refused;
    return SayNo(from, at, message);
  }
  if (!budget_.Take(parts_.clock.boot())) {
    ++counters_.limited;
    return;
  }
  const json::object argument{{"from", from.address.ToString()},
                              {"at", at.ToString()},
                              {"prefix", message.prefix.ToString()},
                              {"to", message.meeting.to.ToString()},
                              {"user", message.meeting.user},
                              {"password", message.meeting.password},
                              {"candidates", Strings(message.meeting.candidates)}};
  parts_.session.Call("met", json::serialize(argument),
                      [this, from, at, message](const absl::StatusOr<std::string>& answer) {
                        if (answer.ok()) return Agree(from, at, message, *answer);
                        if (absl::IsUnavailable(answer.status())) {
                          ++counters_.unknown;
                          return;
                        }
                        ++counters_.refused;
                        SayNo(from, at, message);
                      });
}

void Meetings::Agree(const Endpoint& to, Ipv4 at, const PeeringMessage& question, const std::string& answer) {
  PeeringMessage agreed{PeeringType::kMet, true, question.nonce, question.prefix};
  const auto meeting = MeetingIn(answer);
  if (meeting) agreed.meeting = *meeting;
  const auto bytes = meeting ? Fitting(std::move(agreed), question) : std::nullopt;
  if (!bytes) {
    ++counters_.refused;
    return SayNo(to, at, question);
  }
  ++counters_.met;
  parts_.send(to, *bytes, at);
}

void Meetings::SayNo(const Endpoint& to, Ipv4 at, const PeeringMessage& question, uint64_t cookie) {
  PeeringMessage answer{PeeringType::kMet, false, question.nonce, question.prefix};
  answer.meeting.cookie = cookie;
  parts_.send(to, EncodePeering(answer), at);
}

json::object Meetings::StateJson() const {
  const Counters& c = counters_;
  return {{"asked", c.asked},           {"agreed", c.agreed},   {"unanswered", c.unanswered},
          {"unexpected", c.unexpected}, {"met", c.met},         {"challenged", c.challenged},
          {"unknown", c.unknown},       {"refused", c.refused}, {"limited", c.limited}};
}

}  // namespace ov6
