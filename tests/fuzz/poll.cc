// SPDX-License-Identifier: Apache-2.0
// A long poll's requests and answers: a request that is taken is written and taken again; an answer is the
// same however it comes in pieces.
#include "tests/fuzz/must.h"
#include "tests/fuzz/smuggling.h"
#include "userspace/wire/poll_answer.h"
#include "userspace/wire/poll_request.h"

namespace {

using namespace ov6;

void CheckRequest(std::string_view text) {
  const auto parsed = ParsePollRequest(text);
  if (!parsed) return;
  fuzz::Must(parsed->request || !parsed->refusal.sentence.empty(), "a refusal without a sentence");
  if (!parsed->request) return;
  const PollRequest& request = *parsed->request;
  const std::string_view head = text.substr(0, parsed->head);
  fuzz::Must(parsed->head <= text.size(), "a head is longer than what came");
  fuzz::Must(request.body <= kMaxPollBody, "a body is over the limit");
  fuzz::Must(head.find('\0') == head.npos, "a request with a NUL is taken");
  fuzz::Must(request.body == 0 || smuggling::HasBody(head), "a body comes of nothing");
  fuzz::Must(IsPollRequest(head), "what is taken is no poll");
  const auto again = ParsePollRequest(FormatPollRequest(request, "x"));
  fuzz::Must(again && again->request == request, "a request is not what it was");
}

std::optional<PollAnswer> Read(std::span<const uint8_t> bytes, size_t piece) {
  PollAnswerReader reader;
  while (!bytes.empty()) {
    const auto part = bytes.first(std::min(piece, bytes.size()));
    bytes = bytes.subspan(part.size());
    auto answer = reader.Ingest(part);
    if (!answer.ok()) return std::nullopt;
    if (*answer) return bytes.empty() ? *std::move(answer) : std::nullopt;
  }
  return std::nullopt;
}

}  // namespace

int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  CheckRequest({reinterpret_cast<const char*>(data), size});
  const auto whole = Read({data, size}, size), pieces = Read({data, size}, 7);
  fuzz::Must(whole.has_value() == pieces.has_value(), "an answer depends on its pieces");
  if (!whole) return 0;
  fuzz::Must(whole->body == pieces->body && whole->sequence == pieces->sequence, "pieces change an answer");
  fuzz::Must(whole->body.size() <= kMaxPollBody, "an answer is over the limit");
  return 0;
}
