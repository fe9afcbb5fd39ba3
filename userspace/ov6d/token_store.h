// SPDX-License-Identifier: Apache-2.0
// Who may connect as a slave from elsewhere: a name, what it may be, and the SHA-256 of its token, which is
// shown once when it is made. Kept in the state directory.
#ifndef OV6_USERSPACE_OV6D_TOKEN_STORE_H
#define OV6_USERSPACE_OV6D_TOKEN_STORE_H

#include <boost/json/array.hpp>
#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "ov6/mapping.h"
#include "userspace/wire/record.h"

namespace ov6 {

struct RemoteToken {
  std::string name;  // the slave's, 1 to 11 characters of [a-z0-9-]
  SlaveKind kind = SlaveKind::kGateway;
  std::string domain;
  Prefix prefix;  // gateway: the site's /64; ::/0 if it brings one of its own key. dht: what it resolves
  bool replace = false;  // a second session takes the place of the first
  bool own() const { return kind == SlaveKind::kGateway && prefix == Prefix{}; }
  std::string hash;  // of the token, 64 hexadecimal digits
  UnixTime made{};
  bool operator==(const RemoteToken&) const = default;
};

class TokenStore {
 public:
  static constexpr size_t kMost = 256;
  static constexpr std::string_view kStart = "ov6-token-";  // of every token; 64 hexadecimal digits follow

  explicit TokenStore(const std::filesystem::path& state) : file_(state / "tokens.json") {}

  // No file: there are none. One that can't be read is an error.
  absl::Status Load();
  // Whether one more token, of this name, may be made.
  absl::Status CheckRoom(const std::string& name) const;
  // Fills in the hash; returns the token, a new one unless `secret` is one that another master made.
  // AlreadyExists: the name is taken, or somebody has the token.
  absl::StatusOr<std::string> Add(RemoteToken token, std::string secret = {});
  absl::Status Remove(const std::string& name);

  // nullptr: nobody has it.
  const RemoteToken* FindBySecret(const std::string& secret) const;
  const RemoteToken* FindByName(const std::string& name) const;
  const std::vector<RemoteToken>& tokens() const { return tokens_; }
  boost::json::array Json() const;  // without the hashes

 private:
  absl::Status Save(std::vector<RemoteToken> tokens);

  std::filesystem::path file_;
  std::vector<RemoteToken> tokens_;
};

}  // namespace ov6

#endif
