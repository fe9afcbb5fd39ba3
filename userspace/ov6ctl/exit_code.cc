// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/exit_code.h"

#include <utility>

#include "absl/strings/cord.h"

namespace ov6::ctl {
namespace {

constexpr char kWordPayload[] = "ov6/word";
constexpr char kPrintedPayload[] = "ov6/printed";

}  // namespace

absl::Status Usage(std::string sentence) { return absl::InvalidArgumentError(std::move(sentence)); }
absl::Status Refused(std::string sentence) { return absl::FailedPreconditionError(std::move(sentence)); }
absl::Status NotFound(std::string sentence) { return absl::NotFoundError(std::move(sentence)); }
absl::Status Different(std::string sentence) { return absl::DataLossError(std::move(sentence)); }
absl::Status Unreachable(std::string sentence) { return absl::UnavailableError(std::move(sentence)); }

absl::Status FromDaemon(int http_status, std::string_view code, std::string sentence) {
  absl::Status status = http_status == 404 ? NotFound(std::move(sentence)) : Refused(std::move(sentence));
  if (!code.empty()) status.SetPayload(kWordPayload, absl::Cord(std::string(code)));
  return status;
}

absl::Status WithJsonPrinted(absl::Status status) {
  if (!status.ok()) status.SetPayload(kPrintedPayload, absl::Cord());
  return status;
}

bool IsJsonPrinted(const absl::Status& status) { return status.GetPayload(kPrintedPayload).has_value(); }

ExitCode ToExitCode(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return kExitOk;
    case absl::StatusCode::kNotFound:
      return kExitNotFound;
    case absl::StatusCode::kDataLoss:
      return kExitDifference;
    case absl::StatusCode::kInvalidArgument:
      return kExitUsage;
    case absl::StatusCode::kUnavailable:
      return kExitUnreachable;
    default:
      return kExitRefused;
  }
}

std::string ToWord(const absl::Status& status) {
  if (const auto word = status.GetPayload(kWordPayload)) return std::string(*word);
  switch (ToExitCode(status)) {
    case kExitNotFound:
      return "not_found";
    case kExitDifference:
      return "different";
    case kExitUsage:
      return "usage";
    case kExitUnreachable:
      return "unreachable";
    default:
      return "refused";
  }
}

}  // namespace ov6::ctl
