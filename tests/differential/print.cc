// SPDX-License-Identifier: Apache-2.0
#include "tests/differential/print.h"

#include <arpa/inet.h>

#include <sstream>

#include "tests/differential/compare.h"

namespace ov6::differential {
namespace {

void Print(std::ostream& out, const Prefix& prefix, const ov6_mapping& mapping) {
  out << "mapping " << prefix.ToString() << " soft " << mapping.soft_expiry << " hard " << mapping.hard_expiry
      << " flags " << int{mapping.flags};
  for (int i = 0; i < mapping.locator_count; i++) {
    const ov6_locator& l = mapping.locators[i];
    out << " [" << Ipv4::FromBe(l.address).ToString() << (l.encapsulation != 0 ? " udp " : " 6in4 ")
        << ntohs(l.port) << " priority " << int{l.priority} << " mtu " << l.mtu << "]";
  }
  out << "\n";
}

void Print(std::ostream& out, uint32_t ifindex, const ov6_device& device) {
  out << "device " << ifindex << " role " << int{device.role} << " flags " << int{device.flags} << " mtu "
      << device.mtu << " address " << Ipv4::FromBe(device.address).ToString() << " port "
      << ntohs(device.udp_port) << " slot " << device.slot << "\n";
}

}  // namespace

std::string Describe(const model::Arrival& arrival) {
  const char* const doors[] = {"site", "underlay", "port", "far"};
  return std::string("door ") + doors[int(arrival.door)] + ", device " + std::to_string(arrival.device) +
         "\nframe " + Hex(arrival.frame) + "\n";
}

std::string Describe(const model::Tables& tables) {
  std::ostringstream out;
  const ov6_config& c = tables.config;
  out << "config flags " << c.flags << " icmp " << c.icmp_rate << "/" << c.icmp_burst << " punt "
      << c.punt_rate << "/" << c.punt_burst << " source " << c.punt_source_rate << "/" << c.punt_source_burst
      << "\n";
  for (const auto& [ifindex, device] : tables.devices) Print(out, ifindex, device);
  for (const auto& [prefix, route] : tables.routes)
    out << "route " << prefix.ToString() << " action " << int{route.action} << " flags " << int{route.flags}
        << "\n";
  for (const auto& [prefix, mapping] : tables.mappings) Print(out, prefix, mapping);
  for (const auto& [prefix, negative] : tables.negatives)
    out << "negative " << prefix.ToString() << " code " << int{negative.icmp_code} << " expiry "
        << negative.expiry << "\n";
  for (const auto& [peer, path] : tables.paths)
    out << "path " << peer.ToString() << " mtu " << path.mtu << " expiry " << path.mtu_expiry << "\n";
  for (const auto& [key, bucket] : tables.buckets)
    out << "bucket " << key.source.ToString() << " purpose " << key.purpose << " tokens " << bucket.tokens
        << "\n";
  for (const auto& [id, slave] : tables.slaves)
    out << "slave " << id << " port " << slave.port << " prefixes " << slave.prefix_count << "\n";
  return out.str();
}

}  // namespace ov6::differential
