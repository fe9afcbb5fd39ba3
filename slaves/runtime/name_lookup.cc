// SPDX-License-Identifier: Apache-2.0
#include "slaves/runtime/name_lookup.h"

#include <netdb.h>
#include <netinet/in.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstring>
#include <mutex>
#include <thread>
#include <utility>

#include "userspace/base/unique_fd.h"

namespace ov6 {
namespace {

absl::StatusOr<std::vector<Ipv4>> Ask(const std::string& host) {
  addrinfo hints{};
  hints.ai_family = AF_INET;
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  if (const int error = ::getaddrinfo(host.c_str(), nullptr, &hints, &list); error != 0) {
    const char* why = error == EAI_SYSTEM ? std::strerror(errno) : ::gai_strerror(error);
    return absl::UnavailableError("no IPv4 address of " + host + " is known: " + why);
  }
  std::vector<Ipv4> addresses;
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next)
    addresses.push_back(Ipv4::FromBe(reinterpret_cast<const sockaddr_in*>(entry->ai_addr)->sin_addr.s_addr));
  ::freeaddrinfo(list);
  return addresses;
}

}  // namespace

// The thread's share of it outlives the NameLookup and the loop.
struct NameLookup::Question {
  UniqueFd answered{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  std::mutex mutex;
  absl::StatusOr<std::vector<Ipv4>> answer;

  void Answer(absl::StatusOr<std::vector<Ipv4>> addresses) {
    const std::lock_guard lock(mutex);
    answer = std::move(addresses);
    ::eventfd_write(answered.get(), 1);
  }
};

NameLookup::NameLookup(Loop& loop, const std::string& host, Done done)
    : question_(std::make_shared<Question>()),
      descriptor_(std::make_unique<Descriptor>(loop, question_->answered.get())),
      done_(std::move(done)) {
  descriptor_->WhenReadable([this] { OnAnswer(); });
  if (const auto address = Ipv4::Parse(host)) {
    question_->Answer(std::vector{*address});
  } else {
    std::thread([question = question_, host] { question->Answer(Ask(host)); }).detach();
  }
}

NameLookup::~NameLookup() = default;

void NameLookup::OnAnswer() {
  std::unique_lock lock(question_->mutex);
  auto answer = std::move(question_->answer);
  lock.unlock();
  const Done done = std::move(done_);
  done(std::move(answer));
}

}  // namespace ov6
