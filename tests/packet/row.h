// SPDX-License-Identifier: Apache-2.0
// A row of the packet tables, and how it is run.
#ifndef OV6_TESTS_PACKET_ROW_H
#define OV6_TESTS_PACKET_ROW_H

#include <functional>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

#include "tests/packet/packet_builder.h"
#include "tests/packet/world.h"

namespace ov6::packet {

enum class Hook { kXdp, kTc };
enum class Hooks { kBoth, kXdp, kTc };

// Where a frame ends.
enum class End { kForward, kPunt, kStack, kDrop };

struct Row {
  std::string name;
  std::string door;    // site, underlay, port, far
  std::string device;  // where it arrives
  // Called when the devices exist, before the frame is made.
  std::function<void()> tables;
  std::function<Bytes()> frame;
  End end;
  ov6_verdict verdict;
  std::function<Bytes()> expected = nullptr;  // not given: as it came, or of no interest (a drop)
  Hooks hooks = Hooks::kBoth;
  // The front never answers, though it is forwarded: why.
  const char* past_front = nullptr;
  const char* past_hit = nullptr;  // at XDP doors
  bool carried = false;            // at XDP doors: into a port by the front's word
  bool flow_port = false;          // the outer UDP source port is any of 49152-65535
  std::optional<std::pair<uint32_t, uint32_t>> gso = std::nullopt;  // segments, payload of each (TC)
};
std::ostream& operator<<(std::ostream& out, const Row& row);
Row Carried(Row row);
Row ByXdp(Row row);

const std::vector<Row>& SiteRows();
const std::vector<Row>& UnderlayRows();
const std::vector<Row>& Icmp4Rows();
const std::vector<Row>& PortRows();
std::vector<Row> AllRows();

bool RunsIn(const Row& row, Hook hook);

struct Outcome {
  uint32_t code;
  Bytes bytes;  // without XDP metadata
  Bytes metadata;
};
Outcome RunProgram(Hook hook, const std::string& door, const std::string& device, const Bytes& frame,
                   std::optional<std::pair<uint32_t, uint32_t>> gso = std::nullopt);

}  // namespace ov6::packet

#endif
