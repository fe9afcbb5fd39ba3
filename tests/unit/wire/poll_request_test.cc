// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/poll_request.h"

#include <gtest/gtest.h>

#include "tests/fuzz/smuggling.h"
#include "userspace/wire/poll_answer.h"

namespace ov6 {
namespace {

constexpr char kSession[] = "00112233445566778899aabbccddeeff";

const PollRequest kOpen{.kind = PollRequest::Kind::kOpen,
                        .slave = {SlaveKind::kGateway, "home", {}, "ov6-abc", false, true},
                        .token = "ov6-abc"};
const PollRequest kDown{
    .kind = PollRequest::Kind::kDown, .session = kSession, .sequence = 7, .token = "ov6-abc"};
const PollRequest kUp{
    .kind = PollRequest::Kind::kUp, .session = kSession, .sequence = 41, .token = "ov6-abc", .body = 12};

// As in docs/slave-protocol.md section 9.
constexpr char kOpenHead[] =
    "POST /.well-known/masque/ip/*/*/?poll=open&kind=gateway&name=home&segments=1 HTTP/1.1\r\n"
    "Host: master.example\r\n"
    "Ov6-Version: 1\r\n"
    "Authorization: Bearer ov6-abc\r\n"
    "Content-Type: application/octet-stream\r\n"
    "Content-Length: 0\r\n"
    "Cache-Control: no-store\r\n"
    "\r\n";
constexpr char kDownHead[] =
    "GET /.well-known/masque/ip/*/*/?poll=down&sequence=7 HTTP/1.1\r\n"
    "Host: master.example\r\n"
    "Ov6-Version: 1\r\n"
    "Ov6-Session: 00112233445566778899aabbccddeeff\r\n"
    "Authorization: Bearer ov6-abc\r\n"
    "Cache-Control: no-store\r\n"
    "\r\n";
constexpr char kUpHead[] =
    "POST /.well-known/masque/ip/*/*/?poll=up&sequence=41 HTTP/1.1\r\n"
    "Host: master.example\r\n"
    "Ov6-Version: 1\r\n"
    "Ov6-Session: 00112233445566778899aabbccddeeff\r\n"
    "Authorization: Bearer ov6-abc\r\n"
    "Content-Type: application/octet-stream\r\n"
    "Content-Length: 12\r\n"
    "Cache-Control: no-store\r\n"
    "\r\n";

TEST(PollRequestTest, BytesBothWays) {
  for (const auto& [request, head] : {std::pair{kOpen, kOpenHead}, {kDown, kDownHead}, {kUp, kUpHead}}) {
    EXPECT_EQ(FormatPollRequest(request, "master.example"), head);
    EXPECT_TRUE(IsPollRequest(head));
    const auto parsed = ParsePollRequest(std::string(head) + "twelve bytes");
    ASSERT_TRUE(parsed && parsed->request) << parsed->refusal.sentence;
    EXPECT_EQ(*parsed->request, request);
    EXPECT_EQ(parsed->head, std::string(head).size());
    for (size_t size = 0; size < std::string(head).size(); ++size)
      EXPECT_FALSE(ParsePollRequest(std::string(head).substr(0, size))) << size;
  }
}

TEST(PollRequestTest, AsAForwardProxyTakesIt) {
  const std::string head = FormatPollRequest(kDown, "master.example", "http://master.example",
                                             "Proxy-Authorization: Basic YTpi\r\n");
  EXPECT_TRUE(head.starts_with("GET http://master.example/.well-known/masque/ip/*/*/?poll=down&sequence=7 "));
  EXPECT_NE(head.find("\r\nProxy-Authorization: Basic YTpi\r\n"), head.npos);
  EXPECT_EQ(*ParsePollRequest(head)->request, kDown);
}

TEST(PollRequestTest, AsAReverseProxySendsItOn) {
  std::string head = kDownHead;
  head.replace(head.find("HTTP/1.1"), 8, "HTTP/1.0");
  EXPECT_FALSE(ParsePollRequest(head)->request->keep_alive);
  head = kDownHead;
  head.insert(head.find("Host:"), "Connection: close\r\n");
  EXPECT_FALSE(ParsePollRequest(head)->request->keep_alive);
}

TEST(PollRequestTest, AnUpgradeIsNoPoll) {
  const std::string upgrade = FormatUpgradeRequest(kOpen.slave);
  EXPECT_FALSE(IsPollRequest(upgrade));
  EXPECT_EQ(ParsePollRequest(upgrade)->refusal.status, 400);
  EXPECT_EQ(ParseUpgradeRequest(kDownHead)->refusal.status, 426);
}

TEST(PollRequestTest, Refusals) {
  const auto with = [](std::string head, const std::string& from, const std::string& to) {
    const size_t at = head.find(from);
    EXPECT_NE(at, head.npos) << from;
    return head.replace(at, from.size(), to);
  };
  const struct {
    const char* name;
    std::string head;
    int status;
    const char* sentence;
  } rows[] = {
      {"no such kind", with(kDownHead, "poll=down", "poll=side"), 400, "'poll' is 'side'"},
      {"GET brings", with(with(kUpHead, "POST", "GET"), "x", "x"), 400, "not POST"},
      {"POST fetches", with(kDownHead, "GET", "POST"), 400, "not GET"},
      {"PUT", with(kUpHead, "POST", "PUT"), 400, "not POST"},
      {"no version", with(kUpHead, "Ov6-Version: 1\r\n", ""), 400, "Ov6-Version is ''"},
      {"another version", with(kUpHead, "Ov6-Version: 1", "Ov6-Version: 2"), 400, "Ov6-Version is '2'"},
      {"two versions", with(kUpHead, "Ov6-Version: 1", "Ov6-Version: 1\r\nOv6-Version: 1"), 400, "Version"},
      {"no session", with(kUpHead, "Ov6-Session", "Session"), 400, "Ov6-Session"},
      {"two sessions",
       with(kUpHead, "Ov6-Version", "Ov6-Session: 00112233445566778899aabbccddeeff\r\nOv6-Version"), 400,
       "exactly one Ov6-Session"},
      {"short session", with(kUpHead, "00112233", "0011223"), 400, "Ov6-Session"},
      {"session in capitals", with(kUpHead, "aabb", "AABB"), 400, "Ov6-Session"},
      {"no sequence", with(kUpHead, "&sequence=41", ""), 400, "'sequence'"},
      {"sequence 0", with(kUpHead, "sequence=41", "sequence=0"), 400, "'sequence'"},
      {"sequence with a sign", with(kUpHead, "sequence=41", "sequence=%2B41"), 400, "'sequence'"},
      {"sequence with a zero", with(kUpHead, "sequence=41", "sequence=041"), 400, "'sequence'"},
      {"sequence of 2^64", with(kUpHead, "sequence=41", "sequence=18446744073709551616"), 400, "'sequence'"},
      {"empty sequence", with(kUpHead, "sequence=41", "sequence="), 400, "'sequence'"},
      {"no length", with(kUpHead, "Content-Length: 12\r\n", ""), 400, "Content-Length"},
      {"chunked", with(kUpHead, "Content-Length: 12", "Transfer-Encoding: chunked"), 400,
       "Transfer-Encoding"},
      {"too long", with(kUpHead, "Length: 12", "Length: 524289"), 413,
       "524289 bytes long; it may have 524288"},
      {"a GET with a body", with(kDownHead, "Ov6-Version", "Content-Length: 1\r\nOv6-Version"), 413,
       "may have 0"},
      {"an opening with a body", with(kOpenHead, "Length: 0", "Length: 1"), 413, "may have 0"},
      {"no kind", with(kOpenHead, "kind=gateway&", ""), 400, "lacks 'kind'"},
      {"no name", with(kOpenHead, "name=home&", ""), 400, "lacks 'name'"},
      {"another path", with(kOpenHead, "/ip/", "/udp/"), 400, "The path is"},
      {"HTTP/1.2", with(kOpenHead, "HTTP/1.1", "HTTP/1.2"), 400, ""},
      {"head over the limit",
       with(kOpenHead, "Ov6-Version", "X: " + std::string(8192, 'x') + "\r\nOv6-Version"), 400, "over 8192"},
  };
  for (const auto& row : rows) {
    const auto parsed = ParsePollRequest(row.head);
    ASSERT_TRUE(parsed) << row.name;
    EXPECT_FALSE(parsed->request) << row.name;
    EXPECT_EQ(parsed->refusal.status, row.status) << row.name << ": " << parsed->refusal.sentence;
    EXPECT_NE(parsed->refusal.sentence.find(row.sentence), std::string::npos)
        << row.name << ": " << parsed->refusal.sentence;
  }
}

TEST(PollRequestTest, WhatTwoParsersMayReadInTwoWaysIsRefused) {
  for (const auto& [name, request] : smuggling::PollRequests()) {
    const auto parsed = ParsePollRequest(request);
    EXPECT_FALSE(parsed && parsed->request) << name;
  }
}

TEST(PollSequenceTest, EachNumberComesOnceOrAgain) {
  using Place = PollSequence::Place;
  PollSequence sequence;
  EXPECT_EQ(sequence.Of(0), Place::kWrong);
  EXPECT_EQ(sequence.Of(1), Place::kNext);
  EXPECT_EQ(sequence.Of(2), Place::kWrong);
  sequence.Take();
  EXPECT_EQ(sequence.Of(1), Place::kAgain);
  EXPECT_EQ(sequence.Of(2), Place::kNext);
  sequence.Take();
  EXPECT_EQ(sequence.Of(1), Place::kWrong) << "its answer has come: the next one says so";
  EXPECT_EQ(sequence.Of(2), Place::kAgain);
}

// --- answers -----------------------------------------------------------------------

absl::StatusOr<std::optional<PollAnswer>> Read(std::string_view text, size_t piece = 65536) {
  PollAnswerReader reader;
  absl::StatusOr<std::optional<PollAnswer>> answer = std::optional<PollAnswer>();
  for (; !text.empty() && answer.ok() && !*answer; text.remove_prefix(std::min(piece, text.size()))) {
    const std::string_view part = text.substr(0, piece);
    answer = reader.Ingest({reinterpret_cast<const uint8_t*>(part.data()), part.size()});
  }
  return answer;
}

TEST(PollAnswerTest, BytesBothWays) {
  const std::string opened = FormatPollOpened(kSession, true);
  EXPECT_EQ(opened,
            "HTTP/1.1 200 OK\r\n"
            "Ov6-Session: 00112233445566778899aabbccddeeff\r\n"
            "Content-Type: application/octet-stream\r\n"
            "Cache-Control: no-store, no-transform\r\n"
            "Content-Length: 0\r\n"
            "\r\n");
  const auto first = Read(opened);
  ASSERT_TRUE(first.ok() && *first);
  EXPECT_EQ((*first)->session, kSession);
  EXPECT_EQ((*first)->sequence, 0u);
  EXPECT_TRUE((*first)->keep_alive);
  const std::string text = FormatPollAnswer(7, 5, false) + "hello";
  EXPECT_EQ(text,
            "HTTP/1.1 200 OK\r\n"
            "Ov6-Sequence: 7\r\n"
            "Content-Type: application/octet-stream\r\n"
            "Cache-Control: no-store, no-transform\r\n"
            "Content-Length: 5\r\n"
            "Connection: close\r\n"
            "\r\n"
            "hello");
  for (const size_t piece : {1, 2, 7, 100, 1000}) {
    const auto answer = Read(text, piece);
    ASSERT_TRUE(answer.ok() && *answer) << piece;
    EXPECT_EQ((*answer)->sequence, 7u);
    EXPECT_EQ((*answer)->body, (Bytes{'h', 'e', 'l', 'l', 'o'}));
    EXPECT_FALSE((*answer)->keep_alive);
  }
}

TEST(PollAnswerTest, OfALongBodyInPieces) {
  const std::string body(kMaxPollBody, 'x');
  const auto answer = Read(FormatPollAnswer(1, body.size(), true) + body, 10'000);
  ASSERT_TRUE(answer.ok() && *answer);
  EXPECT_EQ((*answer)->body.size(), kMaxPollBody);
}

TEST(PollAnswerTest, WhatIsOnTheWayMayPutItInChunks) {
  const std::string text =
      "HTTP/1.1 200 OK\r\nOv6-Sequence: 9\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
  for (const size_t piece : {1, 5, 1000}) {
    const auto answer = Read(text, piece);
    ASSERT_TRUE(answer.ok() && *answer) << piece << ": " << answer.status();
    EXPECT_EQ((*answer)->body, (Bytes{'h', 'e', 'l', 'l', 'o'}));
  }
}

TEST(PollAnswerTest, AnAnswerThatIsCutIsNone) {
  const std::string text = FormatPollAnswer(7, 5, true) + "hell";
  const auto answer = Read(text);
  ASSERT_TRUE(answer.ok());
  EXPECT_FALSE(*answer);
}

TEST(PollAnswerTest, WhatIsNotTaken) {
  const std::string head = "HTTP/1.1 200 OK\r\nOv6-Sequence: 7\r\n";
  const struct {
    const char* name;
    std::string text;
  } rows[] = {
      {"no HTTP", "SSH-2.0-OpenSSH_9.2\r\n\r\n"},
      {"it ends with the connection", head + "\r\nhello"},
      {"two lengths", head + "Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello"},
      {"length and chunks", head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"},
      {"over the limit", head + "Content-Length: 524289\r\n\r\n"},
      {"more than it says", head + "Content-Length: 5\r\n\r\nhelloHTTP/1.1 200 OK\r\n"},
      {"chunks over the limit",
       head + "Transfer-Encoding: chunked\r\n\r\n80001\r\n" + std::string(0x80001, 'x')},
      {"a head over the limit", head + "X: " + std::string(9000, 'x') + "\r\n\r\n"},
  };
  for (const auto& row : rows) EXPECT_FALSE(Read(row.text).ok()) << row.name;
}

}  // namespace
}  // namespace ov6
