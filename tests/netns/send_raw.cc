// SPDX-License-Identifier: Apache-2.0
// Sends one made-up IPv4 packet, under any source address:
//   send_raw SOURCE DESTINATION PROTOCOL TOS FRAGMENT-FIELD PAYLOAD-HEX
// or prints an IPv6 address as hex digits, to build payloads from: send_raw --hex ADDRESS
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

int PrintHex(const char* address) {
  in6_addr a;
  if (inet_pton(AF_INET6, address, &a) != 1) return 2;
  for (uint8_t byte : a.s6_addr) std::printf("%02x", byte);
  std::puts("");
  return 0;
}

void AppendHex(const std::string& hex, std::vector<uint8_t>* out) {
  for (size_t i = 0; i + 1 < hex.size(); i += 2) {
    out->push_back(static_cast<uint8_t>(std::stoul(hex.substr(i, 2), nullptr, 16)));
  }
}

std::vector<uint8_t> Build(char** argv) {
  iphdr ip = {};
  ip.version = 4;
  ip.ihl = 5;
  ip.ttl = 64;
  ip.saddr = inet_addr(argv[1]);
  ip.daddr = inet_addr(argv[2]);
  ip.protocol = static_cast<uint8_t>(std::atoi(argv[3]));
  ip.tos = static_cast<uint8_t>(std::atoi(argv[4]));
  ip.frag_off = htons(static_cast<uint16_t>(std::atoi(argv[5])));
  std::vector<uint8_t> packet(sizeof ip);
  std::memcpy(packet.data(), &ip, sizeof ip);  // length and checksum are the kernel's
  AppendHex(argv[6], &packet);
  return packet;
}

int Send(const std::vector<uint8_t>& packet, const char* destination) {
  const int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
  if (fd < 0) return perror("a raw socket"), 1;
  sockaddr_in to = {};
  to.sin_family = AF_INET;
  to.sin_addr.s_addr = inet_addr(destination);
  const ssize_t sent =
      sendto(fd, packet.data(), packet.size(), 0, reinterpret_cast<sockaddr*>(&to), sizeof to);
  if (sent < 0) perror("sendto");
  close(fd);
  return sent < 0 ? 1 : 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc == 3 && std::string(argv[1]) == "--hex") return PrintHex(argv[2]);
  if (argc == 7) return Send(Build(argv), argv[2]);
  std::fputs("usage: send_raw SOURCE DESTINATION PROTOCOL TOS FRAGMENT-FIELD PAYLOAD-HEX | --hex ADDRESS\n",
             stderr);
  return 2;
}
