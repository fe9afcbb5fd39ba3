// SPDX-License-Identifier: Apache-2.0
// A packet that must not get far, why, and the verdict it must end with.
#ifndef OV6_TESTS_HOSTILE_HOSTILE_H
#define OV6_TESTS_HOSTILE_HOSTILE_H

#include <functional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/packet/packet_builder.h"
#include "tests/packet/row.h"
#include "tests/packet/world.h"

namespace ov6::packet {

struct Hostile {
  std::string rfc;  // "RFC 4213 3.6"
  std::string name;
  std::string door;    // site, underlay, port
  std::string device;  // where it arrives
  ov6_verdict verdict;
  std::function<Bytes()> frame;
  std::function<void()> tables =
      nullptr;  // called before the frame is made; without it the tables are the world's
};
std::ostream& operator<<(std::ostream& out, const Hostile& row);

// What a host of the site sends; what comes from the IPv4 network.
Hostile FromSite(std::string rfc, std::string name, ov6_verdict verdict, const Frame& frame,
                 std::function<void()> tables = nullptr);
Hostile FromUnderlay(std::string rfc, std::string name, ov6_verdict verdict, const Frame& frame,
                     std::function<void()> tables = nullptr);

std::vector<Hostile> OuterHostiles();
std::vector<Hostile> Icmp4Hostiles();
std::vector<Hostile> InnerHostiles();
std::vector<Hostile> SiteHostiles();
std::vector<Hostile> PortHostiles();
const std::vector<Hostile>& AllHostiles();

std::string VerdictName(uint32_t verdict);
End EndOf(ov6_verdict verdict);

// Good packets: a site's that is tunnelled, a peer's that is delivered.
Bytes GoodFromSite();
Bytes GoodFromUnderlay();

}  // namespace ov6::packet

#endif
