// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/node_key.h"

#include <algorithm>
#include <string>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

// The bytes in a file of hex digits, made by `make` if there is no file.
template <typename Make>
absl::StatusOr<std::string> LoadOrMake(const std::filesystem::path& path, size_t size, const Make& make) {
  auto text = ReadFile(path);
  if (absl::IsNotFound(text.status())) {
    text = ToHex(make()) + "\n";
    if (absl::Status status = WriteFileAtomically(path, *text, 0600); !status.ok()) return status;
  }
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

}  // namespace

absl::StatusOr<NodeKey> LoadOrMakeNodeKey(const std::filesystem::path& state) {
  if (absl::Status status = MakeDirectory(state, 0700); !status.ok()) return status;
  const auto seed = LoadOrMake(state / "key", 32, [] { return PrivateKey::Generate().Seed(); });
  if (!seed.ok()) return seed.status();
  const auto modifier = LoadOrMake(state / "modifier", sizeof(Modifier), [] {
    Modifier fresh;
    FillRandom(fresh);
    return fresh;
  });
  if (!modifier.ok()) return modifier.status();
  auto key = PrivateKey::FromSeed({reinterpret_cast<const uint8_t*>(seed->data()), seed->size()});
  if (!key.ok()) return key.status();
  NodeKey node{*std::move(key), {}};
  std::copy(modifier->begin(), modifier->end(), node.modifier.begin());
  return node;
}

}  // namespace ov6
