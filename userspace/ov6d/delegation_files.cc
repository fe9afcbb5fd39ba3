// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/delegation_files.h"

#include <spdlog/spdlog.h>

#include <string>

#include "userspace/base/files.h"
#include "userspace/wire/ownership.h"

namespace ov6 {
namespace {

absl::Status ReadTokens(const std::string& text, const DelegationFile& file, Config* config) {
  for (const auto& [number, line] : TokenLines(text)) {
    auto token = DecodeToken(line);
    if (!token.ok()) return ConfigError(file.path.string(), number, std::string(token.status().message()));
    if (!file.domain.empty() && token->domain != file.domain) {
      return ConfigError(file.path.string(), number,
                         "this delegation is of the domain \"" + token->domain + "\"; it should be of \"" +
                             file.domain + "\"");
    }
    config->delegations.push_back(*std::move(token));
  }
  return absl::OkStatus();
}

absl::Status Refuse(const DelegationToken& token, const std::string& why) {
  return absl::InvalidArgumentError("the delegation of " + token.chain.back().prefix.ToString() +
                                    " in the domain \"" + token.domain + "\" is refused: " + why);
}

}  // namespace

absl::Status ReadDelegations(Config* config) {
  for (const DelegationFile& file : config->delegation_files) {
    const auto text = ReadFile(file.path);
    if (!text.ok()) {
      return ConfigError(config->file, file.line,
                         "the delegation can't be read: " + std::string(text.status().message()));
    }
    if (absl::Status status = ReadTokens(*text, file, config); !status.ok()) return status;
  }
  return absl::OkStatus();
}

absl::Status CheckDelegations(const Config& config, const PublicKey& subject, UnixTime now) {
  for (const DelegationToken& token : config.delegations) {
    const Domain* domain = config.FindDomain(token.domain);
    if (domain == nullptr) return Refuse(token, "no [[domain]] of the configuration has this name");
    if (token.chain.back().subject != subject) continue;
    const absl::Status status = CheckToken(token, subject, *domain, now);
    if (absl::IsFailedPrecondition(status)) {
      spdlog::warn("{}; nothing can be registered by it", std::string(status.message()));
    } else if (!status.ok()) {
      return Refuse(token, std::string(status.message()));
    }
  }
  return absl::OkStatus();
}

}  // namespace ov6
