// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/slave_memory.h"

#include <spdlog/spdlog.h>

#include <boost/json.hpp>

#include "userspace/base/files.h"

namespace ov6 {
namespace {

bool IsDocument(const std::string& text) {
  boost::system::error_code error;
  const auto value = boost::json::parse(text, error);
  return !error && value.is_object() && text.size() <= SlaveMemory::kMaxSize;
}

}  // namespace

absl::Status SlaveMemory::Save(BootTime now, const std::string& name, const std::string& document) {
  if (!IsDocument(document)) {
    return absl::InvalidArgumentError("what a slave saves is one JSON object of at most " +
                                      std::to_string(kMaxSize) + " bytes, not these " +
                                      std::to_string(document.size()) + " bytes");
  }
  Kept& kept = kept_[name];
  if (kept.document == document) return absl::OkStatus();
  if (!kept.budget.Take(now)) {
    return absl::ResourceExhaustedError("a slave may save " + std::to_string(static_cast<int>(kBurst)) +
                                        " times, then once in " +
                                        std::to_string(static_cast<int>(1 / kRate)) + " s");
  }
  absl::Status status = WriteFileAtomically(PathOf(name), document, 0600);
  if (status.ok()) kept.document = document;
  return status;
}

absl::StatusOr<std::string> SlaveMemory::Load(const std::string& name) {
  const std::filesystem::path path = PathOf(name);
  auto text = ReadFile(path);
  if (absl::IsNotFound(text.status())) return std::string("{}");
  if (!text.ok()) return text.status();
  if (IsDocument(*text)) return kept_[name].document = *std::move(text);
  std::error_code error;
  std::filesystem::rename(path, path.string() + ".damaged", error);
  spdlog::warn("{} holds no JSON object; it is now {}.damaged, and slave {} starts without its memory",
               path.string(), path.string(), name);
  return std::string("{}");
}

void SlaveMemory::Forget(const std::string& name) {
  kept_.erase(name);
  std::error_code error;
  std::filesystem::remove(PathOf(name), error);
  if (error) spdlog::warn("{} can't be removed: {}", PathOf(name).string(), error.message());
}

}  // namespace ov6
