// SPDX-License-Identifier: Apache-2.0
#include "slaves/gateway/nft.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "userspace/base/unique_fd.h"

namespace ov6 {
namespace {

constexpr int kNoProgram = 127;

// The rules as a file without a name, read from its start.
UniqueFd FileOf(const std::string& text) {
  UniqueFd file(::memfd_create("nft", MFD_CLOEXEC));
  if (file.ok() && ::pwrite(file.get(), text.data(), text.size(), 0) != static_cast<ssize_t>(text.size()))
    return UniqueFd();
  return file;
}

[[noreturn]] void Become(int in, int out) {
  ::dup2(in, STDIN_FILENO);
  ::dup2(out, STDOUT_FILENO);
  ::dup2(out, STDERR_FILENO);
  for (const char* path : {"/usr/sbin/nft", "/sbin/nft", "/usr/local/sbin/nft"})
    ::execl(path, "nft", "-f", "-", nullptr);
  ::execlp("nft", "nft", "-f", "-", nullptr);
  ::_exit(kNoProgram);
}

std::string FirstLine(int file) {
  std::array<char, 512> text;
  const ssize_t size = ::pread(file, text.data(), text.size(), 0);
  const std::string all(text.data(), size > 0 ? static_cast<size_t>(size) : 0);
  return all.substr(0, all.find('\n'));
}

}  // namespace

absl::Status RunNft(const std::string& rules) {
  const UniqueFd in = FileOf(rules), out = FileOf("");
  if (!in.ok() || !out.ok()) return absl::ErrnoToStatus(errno, "making a file for nft failed");
  const pid_t child = ::fork();
  if (child < 0) return absl::ErrnoToStatus(errno, "starting nft failed");
  if (child == 0) Become(in.get(), out.get());
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return absl::OkStatus();
  if (WIFEXITED(status) && WEXITSTATUS(status) == kNoProgram)
    return absl::UnavailableError("there is no nft (package nftables)");
  return absl::UnavailableError("nft does not take the rules: " + FirstLine(out.get()));
}

}  // namespace ov6
