// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/solicitation.h"

namespace ov6 {
namespace {

constexpr uint8_t kRouterSolicitation = 133;
constexpr uint8_t kSourceLinkLayerAddress = 1;
constexpr size_t kHeaderSize = 8;

SolicitationCheck CheckOptions(std::span<const uint8_t> options, bool source_unspecified) {
  while (!options.empty()) {
    const size_t size = options.size() < 2 ? 0 : options[1] * size_t{8};
    if (size == 0 || size > options.size()) return SolicitationCheck::kBadOption;
    if (options[0] == kSourceLinkLayerAddress && source_unspecified)
      return SolicitationCheck::kUnspecifiedWithAddress;
    options = options.subspan(size);
  }
  return SolicitationCheck::kGood;
}

}  // namespace

std::string_view CounterName(SolicitationCheck check) {
  static constexpr std::string_view kNames[] = {
#define OV6_SOLICITATION_COUNTER(name, counter, sentence) counter,
      OV6_SOLICITATIONS(OV6_SOLICITATION_COUNTER)
#undef OV6_SOLICITATION_COUNTER
  };
  return kNames[static_cast<size_t>(check)];
}

std::string_view Sentence(SolicitationCheck check) {
  static constexpr std::string_view kSentences[] = {
#define OV6_SOLICITATION_SENTENCE(name, counter, sentence) sentence,
      OV6_SOLICITATIONS(OV6_SOLICITATION_SENTENCE)
#undef OV6_SOLICITATION_SENTENCE
  };
  return kSentences[static_cast<size_t>(check)];
}

SolicitationCheck CheckSolicitation(std::span<const uint8_t> message, const Ipv6& source, int hop_limit) {
  if (message.empty() || message[0] != kRouterSolicitation) return SolicitationCheck::kOtherType;
  if (hop_limit != 255) return SolicitationCheck::kBadHopLimit;
  if (message.size() < kHeaderSize) return SolicitationCheck::kTooShort;
  if (message[1] != 0) return SolicitationCheck::kBadCode;
  return CheckOptions(message.subspan(kHeaderSize), source.IsZero());
}

}  // namespace ov6
