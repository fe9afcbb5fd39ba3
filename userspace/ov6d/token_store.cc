// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/token_store.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <optional>
#include <utility>

#include "userspace/base/crypto.h"
#include "userspace/base/files.h"
#include "userspace/base/text.h"
#include "userspace/wire/upgrade.h"

namespace ov6 {
namespace {

namespace json = boost::json;

std::string HashOf(const std::string& secret) {
  return ToHex(Sha256({reinterpret_cast<const uint8_t*>(secret.data()), secret.size()}));
}

constexpr int kSiteLength = 64;
const char* const kOwn = "own";

bool IsDigits(const std::string& text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == text.npos;
}

json::object ToJson(const RemoteToken& token) {
  return {{"name", token.name},       {"kind", std::string(ToString(token.kind))},
          {"domain", token.domain},   {"prefix", token.own() ? kOwn : token.prefix.ToString()},
          {"replace", token.replace}, {"made", token.made.time_since_epoch().count()}};
}

std::optional<RemoteToken> FromJson(const json::value& value) {
  if (!value.is_object()) return std::nullopt;
  const json::object& object = value.get_object();
  const auto kind = ParseSlaveKind(TextIn(object, "kind"));
  const std::string text = TextIn(object, "prefix");
  const auto prefix = text == kOwn ? Prefix{} : Prefix::Parse(text);
  const auto* replace = object.if_contains("replace");
  const auto* made = object.if_contains("made");
  if (!kind || !prefix || replace == nullptr || !replace->is_bool() || made == nullptr || !made->is_int64())
    return std::nullopt;
  RemoteToken token{TextIn(object, "name"),
                    *kind,
                    TextIn(object, "domain"),
                    *prefix,
                    replace->get_bool(),
                    TextIn(object, "hash"),
                    UnixTime(std::chrono::seconds(made->get_int64()))};
  const bool site = token.kind == SlaveKind::kGateway && (token.own() || token.prefix.length == kSiteLength);
  const bool whole = IsSlaveName(token.name) && !token.domain.empty() && IsDigits(token.hash) &&
                     (site || token.kind == SlaveKind::kDht);
  return whole ? std::optional(token) : std::nullopt;
}

}  // namespace

absl::Status TokenStore::CheckRoom(const std::string& name) const {
  if (FindByName(name) != nullptr)
    return absl::AlreadyExistsError("there is a token for \"" + name + "\" already");
  if (tokens_.size() < kMost) return absl::OkStatus();
  return absl::ResourceExhaustedError("no more than " + std::to_string(kMost) + " tokens can be made");
}

absl::Status TokenStore::Load() {
  const auto text = ReadFile(file_);
  if (absl::IsNotFound(text.status())) return absl::OkStatus();
  if (!text.ok()) return text.status();
  boost::system::error_code error;
  const json::value value = json::parse(*text, error);
  const auto damaged = [this] {
    return absl::DataLossError(file_.string() +
                               " is damaged: it should be a list of tokens; without it slaves from elsewhere "
                               "are not known, so put a copy back or take it away");
  };
  if (error || !value.is_array()) return damaged();
  for (const json::value& item : value.get_array()) {
    auto token = FromJson(item);
    if (!token || !CheckRoom(token->name).ok()) return damaged();
    tokens_.push_back(*std::move(token));
  }
  return absl::OkStatus();
}

absl::Status TokenStore::Save(std::vector<RemoteToken> tokens) {
  json::array list;
  for (const RemoteToken& token : tokens) {
    json::object object = ToJson(token);
    object["hash"] = token.hash;
    list.push_back(std::move(object));
  }
  absl::Status status = WriteFileAtomically(file_, json::serialize(list) + "\n", 0600);
  if (status.ok()) tokens_ = std::move(tokens);
  return status;
}

absl::StatusOr<std::string> TokenStore::Add(RemoteToken token, std::string secret) {
  if (absl::Status status = CheckRoom(token.name); !status.ok()) return status;
  if (secret.empty()) {
    std::array<uint8_t, 32> random;
    FillRandom(random);
    secret = std::string(kStart) + ToHex(random);
  }
  if (!secret.starts_with(kStart) || !IsDigits(secret.substr(kStart.size())))
    return absl::InvalidArgumentError("what is given is no token: \"" + std::string(kStart) +
                                      "\" and 64 hexadecimal digits");
  if (const RemoteToken* other = FindBySecret(secret))
    return absl::AlreadyExistsError("the token is that of \"" + other->name + "\"");
  token.hash = HashOf(secret);
  auto tokens = tokens_;
  tokens.push_back(std::move(token));
  if (absl::Status status = Save(std::move(tokens)); !status.ok()) return status;
  return secret;
}

absl::Status TokenStore::Remove(const std::string& name) {
  auto tokens = tokens_;
  if (std::erase_if(tokens, [&](const RemoteToken& t) { return t.name == name; }) == 0)
    return absl::NotFoundError("there is no token for \"" + name + "\"");
  return Save(std::move(tokens));
}

// What is compared is a hash: how long it takes tells nothing about a token.
const RemoteToken* TokenStore::FindBySecret(const std::string& secret) const {
  if (!secret.starts_with(kStart)) return nullptr;
  const std::string hash = HashOf(secret);
  const auto found =
      std::find_if(tokens_.begin(), tokens_.end(), [&](const RemoteToken& t) { return t.hash == hash; });
  return found == tokens_.end() ? nullptr : &*found;
}

const RemoteToken* TokenStore::FindByName(const std::string& name) const {
  const auto found =
      std::find_if(tokens_.begin(), tokens_.end(), [&](const RemoteToken& t) { return t.name == name; });
  return found == tokens_.end() ? nullptr : &*found;
}

json::array TokenStore::Json() const {
  json::array list;
  for (const RemoteToken& token : tokens_) list.push_back(ToJson(token));
  return list;
}

}  // namespace ov6
