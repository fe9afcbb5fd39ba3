// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/poll_server.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>

#include <array>
#include <cstring>
#include <utility>

#include "userspace/base/crypto.h"
#include "userspace/wire/poll_answer.h"

namespace ov6 {
namespace {

using boost::system::error_code;

// 128 bits that nobody guesses.
std::string NewSession() {
  std::array<uint8_t, kPollSessionSize / 2> bytes{};
  RAND_bytes(bytes.data(), bytes.size());
  return ToHex(bytes);
}

bool SameSecret(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

Refusal WrongNumber() { return {409, "This is not the number that follows, nor the last one again."}; }

Refusal Gone() { return {410, "There is no such session of this slave's, or none any more."}; }

}  // namespace

struct PollServer::Session {
  std::string token, peer;  // whose it is
  std::shared_ptr<PollChannel> channel;
  std::weak_ptr<PollConnection> waiting;   // for something to read
  std::weak_ptr<PollConnection> bringing;  // a body, not whole yet
  boost::asio::steady_timer beat;
};

PollServer::PollServer(boost::asio::io_context& io, Handlers handlers)
    : io_(io), handlers_(std::move(handlers)) {}

PollServer::~PollServer() {
  while (!connections_.empty()) (*connections_.begin())->Close();
}

void PollServer::Accept(std::unique_ptr<Stream> stream, const Endpoint& from,
                        std::shared_ptr<Crowd::Place> place, std::string read) {
  const auto connection = std::make_shared<PollConnection>(io_, std::move(stream), from);
  connections_.insert(connection);
  connection->place = std::move(place);
  if (connection->place) {
    connection->place->make_way = [weak = std::weak_ptr(connection)] {
      if (const auto crowded = weak.lock()) crowded->Close();
    };
  }
  connection->Start({[this](PollConnection& c, PollRequest& request) { return OnHead(c, request); },
                     [this](PollConnection& c, const PollRequest& request, std::span<const uint8_t> body) {
                       OnWhole(c, request, body);
                     },
                     [this](PollConnection& c) { OnIdle(c); }, [this](PollConnection& c) { OnClosed(c); }},
                    std::move(read));
}

// --- connections ---------------------------------------------------------------------

void PollServer::OnIdle(PollConnection& connection) {
  connection.place = idle_.Enter(connection.from().address);
  connection.place->make_way = [weak = connection.weak_from_this()] {
    if (const auto crowded = weak.lock()) crowded->Close();
  };
}

void PollServer::OnClosed(PollConnection& connection) { connections_.erase(connection.shared_from_this()); }

// --- requests ------------------------------------------------------------------------

PollServer::Session* PollServer::Find(const PollConnection& connection, const PollRequest& request) {
  const auto found = sessions_.find(request.session);
  if (found == sessions_.end()) return nullptr;
  Session& session = *found->second;
  const bool its = SameSecret(session.token, request.token) &&
                   (!session.token.empty() || session.peer == connection.stream().PeerName());
  return its ? &session : nullptr;
}

std::optional<Refusal> PollServer::OnHead(PollConnection& connection, PollRequest& request) {
  if (request.kind == PollRequest::Kind::kOpen) return Open(connection, request);
  Session* session = Find(connection, request);
  if (session == nullptr) return handlers_.refused(connection.from(), Gone());
  if (request.kind == PollRequest::Kind::kDown) return std::nullopt;
  if (session->channel->up().Of(request.sequence) == PollSequence::Place::kWrong) return WrongNumber();
  const auto before = std::exchange(session->bringing, connection.weak_from_this()).lock();
  if (before) before->Close();
  return std::nullopt;
}

std::optional<Refusal> PollServer::Open(PollConnection& connection, PollRequest& request) {
  const std::string id = NewSession();
  const std::string peer = connection.stream().PeerName();
  const bool tls = std::strcmp(connection.stream().Name(), "tls") == 0;
  const auto channel =
      std::make_shared<PollChannel>(BootClock::now, peer, tls, [this, id, alive = std::weak_ptr(alive_)] {
        if (!alive.expired()) OnSessionClosed(id);
      });
  sessions_[id].reset(
      new Session{request.slave.token, peer, channel, {}, {}, boost::asio::steady_timer(io_)});
  if (auto refusal = handlers_.open(request.slave, channel->MakeStream(), connection.from())) {
    sessions_.erase(id);
    return refusal;
  }
  request.session = id;
  return std::nullopt;
}

void PollServer::OnWhole(PollConnection& connection, const PollRequest& request,
                         std::span<const uint8_t> body) {
  if (request.kind == PollRequest::Kind::kOpen)
    return connection.Answer(FormatPollOpened(request.session, request.keep_alive), {});
  // It may have ended while the body came.
  Session* session = Find(connection, request);
  if (session == nullptr) return connection.Refuse(Gone());
  request.kind == PollRequest::Kind::kDown ? OnDown(*session, connection, request)
                                           : OnUp(*session, connection, request, body);
}

void PollServer::OnDown(Session& session, PollConnection& connection, const PollRequest& request) {
  if (session.channel->down().Of(request.sequence) == PollSequence::Place::kWrong)
    return connection.Refuse(WrongNumber());
  const auto weak = connection.weak_from_this();
  const auto before = std::exchange(session.waiting, weak).lock();
  if (before) before->Close();
  session.beat.expires_after(kBeat);
  session.beat.async_wait([channel = session.channel](error_code error) {
    if (!error) channel->Beat();
  });
  session.channel->Ask(request.sequence, [&session, weak, number = request.sequence,
                                          keep = request.keep_alive](std::span<const uint8_t> body) {
    session.waiting.reset();
    session.beat.cancel();
    if (const auto self = weak.lock()) self->Answer(FormatPollAnswer(number, body.size(), keep), body);
  });
}

void PollServer::OnUp(Session& session, PollConnection& connection, const PollRequest& request,
                      std::span<const uint8_t> body) {
  session.bringing.reset();
  if (session.channel->up().Of(request.sequence) == PollSequence::Place::kNext) session.channel->Take(body);
  connection.Answer(FormatPollAnswer(request.sequence, 0, request.keep_alive), {});
}

void PollServer::OnSessionClosed(const std::string& id) {
  const auto node = sessions_.extract(id);
  if (node.empty()) return;
  node.mapped()->beat.cancel();
  if (const auto waiting = node.mapped()->waiting.lock()) waiting->Refuse(Gone());
}

}  // namespace ov6
