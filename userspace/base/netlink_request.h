// SPDX-License-Identifier: Apache-2.0
// One question to the kernel by netlink and what comes back: what the netlink*.cc files
// here share, for nobody else.
#ifndef OV6_USERSPACE_BASE_NETLINK_REQUEST_H
#define OV6_USERSPACE_BASE_NETLINK_REQUEST_H

#include <libmnl/libmnl.h>
#include <linux/neighbour.h>
#include <sys/socket.h>

#include <cerrno>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"

namespace ov6::netlink {

constexpr uint32_t kSequence = 1;  // a socket carries one request
// States of a neighbour in which the kernel sends to its link-layer address.
constexpr uint16_t kUsable = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT | NUD_NOARP;

inline absl::Status Errno(int error, const std::string& what) { return absl::ErrnoToStatus(error, what); }

using Handler = std::function<void(const nlmsghdr*)>;

inline int CallHandler(const nlmsghdr* message, void* handler) {
  (*static_cast<const Handler*>(handler))(message);
  return MNL_CB_OK;
}

// One request: its buffer, and what comes back.
class Request {
 public:
  Request(uint16_t type, uint16_t flags) {
    header_ = mnl_nlmsg_put_header(buffer_);
    header_->nlmsg_type = type;
    header_->nlmsg_flags = NLM_F_REQUEST | flags;
    header_->nlmsg_seq = kSequence;
  }

  nlmsghdr* get() { return header_; }
  template <typename T>
  T* Extra() {
    return static_cast<T*>(mnl_nlmsg_put_extra_header(header_, sizeof(T)));
  }

  // 0, or an errno. Calls `handler` for each message of the answer, once all of it is there: a listing during
  // which something has changed may lack what did not (NLM_F_DUMP_INTR), and is asked for again.
  int Send(
      int bus, const Handler& handler = [](const nlmsghdr*) {}) {
    std::vector<std::vector<char>> messages;
    int error = EINTR;
    for (int tries = 0; error == EINTR && tries < kMostTries; ++tries) {
      messages.clear();
      error = SendOnce(bus, [&](const nlmsghdr* message) {
        const auto* begin = reinterpret_cast<const char*>(message);
        messages.emplace_back(begin, begin + message->nlmsg_len);
      });
    }
    for (const auto& message : messages) handler(reinterpret_cast<const nlmsghdr*>(message.data()));
    return error;
  }

 private:
  static constexpr int kMostTries = 100;

  int SendOnce(int bus, const Handler& handler) {
    const std::unique_ptr<mnl_socket, int (*)(mnl_socket*)> socket(mnl_socket_open2(bus, SOCK_CLOEXEC),
                                                                   mnl_socket_close);
    if (!socket || mnl_socket_bind(socket.get(), 0, MNL_SOCKET_AUTOPID) < 0 ||
        mnl_socket_sendto(socket.get(), header_, header_->nlmsg_len) < 0) {
      return errno;
    }
    const unsigned port = mnl_socket_get_portid(socket.get());
    std::vector<char> answer(32768);
    for (;;) {
      const ssize_t size = mnl_socket_recvfrom(socket.get(), answer.data(), answer.size());
      if (size < 0 && errno == EINTR) continue;
      if (size < 0) return errno;
      const int result = mnl_cb_run(answer.data(), static_cast<size_t>(size), kSequence, port, CallHandler,
                                    const_cast<Handler*>(&handler));
      if (result < 0) return errno;
      if (result == MNL_CB_STOP) return 0;
    }
  }

  alignas(nlmsghdr) char buffer_[2048] = {};
  nlmsghdr* header_;
};

inline absl::Status Ask(
    Request& request, const std::string& what, const Handler& handler = [](const nlmsghdr*) {}) {
  const int error = request.Send(NETLINK_ROUTE, handler);
  return error == 0 ? absl::OkStatus() : Errno(error, what);
}

// libmnl's own loops don't compile as C++.
template <typename Visit>
void EachAttribute(const void* begin, const void* end, const Visit& visit) {
  const auto* attribute = static_cast<const nlattr*>(begin);
  while (mnl_attr_ok(attribute, static_cast<int>(static_cast<const char*>(end) -
                                                 reinterpret_cast<const char*>(attribute)))) {
    visit(attribute);
    attribute = mnl_attr_next(attribute);
  }
}

template <typename Visit>
void EachAttribute(const nlmsghdr* message, size_t header, const Visit& visit) {
  EachAttribute(mnl_nlmsg_get_payload_offset(message, header), mnl_nlmsg_get_payload_tail(message), visit);
}

}  // namespace ov6::netlink

#endif
