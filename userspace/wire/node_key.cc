// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/node_key.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <string>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

constexpr mode_t kPrivate = 0600;

absl::Status WriteHex(const std::filesystem::path& path, std::span<const uint8_t> bytes) {
  return WriteFileAtomically(path, ToHex(bytes) + "\n", kPrivate);
}

// The bytes in a file of hex digits; NotFound: there is no file.
absl::StatusOr<std::string> LoadHex(const std::filesystem::path& path, size_t size) {
  auto text = ReadFile(path);
  if (!text.ok()) return text.status();
  if (text->ends_with('\n')) text->pop_back();
  auto bytes = FromHex(*text);
  if (!bytes.ok() || bytes->size() != size) {
    return absl::DataLossError(
        path.string() + ": it should hold " + std::to_string(2 * size) +
        " hex digits; restore it from a copy, or remove it to get a new one and with it "
        "new prefixes");
  }
  return bytes;
}

Modifier RandomModifier() {
  Modifier modifier;
  FillRandom(modifier);
  return modifier;
}

absl::StatusOr<PrivateKey> LoadKey(const std::filesystem::path& path) {
  const auto seed = LoadHex(path, 32);
  if (!seed.ok()) return seed.status();
  return PrivateKey::FromSeed({reinterpret_cast<const uint8_t*>(seed->data()), seed->size()});
}

absl::StatusOr<Modifier> LoadModifier(const std::filesystem::path& path) {
  const auto bytes = LoadHex(path, sizeof(Modifier));
  if (!bytes.ok()) return bytes.status();
  Modifier modifier;
  std::copy(bytes->begin(), bytes->end(), modifier.begin());
  return modifier;
}

absl::StatusOr<PrivateKey> LoadOrMakeKey(const std::filesystem::path& path) {
  auto key = LoadKey(path);
  if (!absl::IsNotFound(key.status())) return key;
  PrivateKey fresh = PrivateKey::Generate();
  if (absl::Status status = WriteHex(path, fresh.Seed()); !status.ok()) return status;
  return fresh;
}

absl::StatusOr<Modifier> SeekModifier(const std::filesystem::path& path, const PublicKey& key,
                                      uint32_t security, uint32_t most) {
  if (security <= most) return FindModifier(key, security, RandomModifier());
  return absl::FailedPreconditionError(
      path.string() + ": a modifier of security " + std::to_string(security) + " takes 2^" +
      std::to_string(16 * security) + " hashes to find; `ov6ctl key new " + path.parent_path().string() +
      " security " + std::to_string(security) + "` should be run before, and takes its time");
}

// One that is too weak gives way: the domain's other nodes refuse its records.
absl::StatusOr<Modifier> LoadOrMakeModifier(const std::filesystem::path& path, const PublicKey& key,
                                            uint32_t security, uint32_t most) {
  const auto former = LoadModifier(path);
  const bool none = absl::IsNotFound(former.status());
  if (!none && (!former.ok() || SecurityOf(key, *former) >= security)) return former;
  const auto found = SeekModifier(path, key, security, most);
  if (!found.ok()) return found;
  const std::string old = path.string() + ".old";
  absl::Status status = none ? absl::OkStatus() : WriteHex(old, *former);
  if (status.ok()) status = WriteHex(path, *found);
  if (!status.ok()) return status;
  if (none) return found;
  const uint32_t had = SecurityOf(key, *former);
  spdlog::warn(
      "{}: it had the security {}, and {} is wanted: a new one was made, and what the key owns is another "
      "prefix now; the former is kept in {}, and with security = {} in the domain it would do",
      path.string(), had, security, old, had);
  return found;
}

}  // namespace

absl::StatusOr<NodeKey> LoadOrMakeNodeKey(const std::filesystem::path& state, uint32_t security,
                                          uint32_t most) {
  if (absl::Status status = MakeDirectory(state, 0700); !status.ok()) return status;
  auto key = LoadOrMakeKey(state / "key");
  if (!key.ok()) return key.status();
  const auto modifier = LoadOrMakeModifier(state / "modifier", key->public_key(), security, most);
  if (!modifier.ok()) return modifier.status();
  return NodeKey{*std::move(key), *modifier};
}

absl::StatusOr<NodeKey> LoadNodeKey(const std::filesystem::path& state) {
  auto key = LoadKey(state / "key");
  if (!key.ok()) return key.status();
  const auto modifier = LoadModifier(state / "modifier");
  if (!modifier.ok()) return modifier.status();
  return NodeKey{*std::move(key), *modifier};
}

}  // namespace ov6
