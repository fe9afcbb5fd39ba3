// SPDX-License-Identifier: Apache-2.0
// What is refused before a ring is touched. The rings themselves need a kernel that makes
// AF_XDP sockets: tests/datapath has them.
#include "userspace/port/port_rings.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <functional>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace ov6 {
namespace {

using ::testing::HasSubstr;

const PortCapsule kGood{1, 7, 1564, 2048, 64, 32, 32, 32, 32};

int Memory(size_t size) {
  const int fd = memfd_create("test", MFD_CLOEXEC);
  EXPECT_EQ(ftruncate(fd, static_cast<off_t>(size)), 0);
  return fd;
}

struct Row {
  const char* name;
  std::function<void(PortCapsule&)> spoil;
  const char* says;
};

const Row kRows[] = {
    {"a ring that is no power of two", [](PortCapsule& g) { g.rx_size = 33; }, "33 is not a power of two"},
    {"no ring", [](PortCapsule& g) { g.fill_size = 0; }, "0 is not a power of two"},
    {"a small chunk", [](PortCapsule& g) { g.frame_size = 1024; }, "neither 2048 nor 4096"},
    {"no chunks", [](PortCapsule& g) { g.frame_count = 0; }, "0 chunks"},
    {"too many chunks", [](PortCapsule& g) { g.frame_count = 1u << 30; }, "chunks are not between"},
    {"a frame bigger than its chunk", [](PortCapsule& g) { g.mtu = 1800; }, "does not fit a chunk"},
    {"more chunks than memory", [](PortCapsule& g) { g.frame_count = 65; }, "instead of 133120"},
};

TEST(PortRings, RefusesAnUnusableGeometry) {
  for (const Row& row : kRows) {
    PortCapsule geometry = kGood;
    row.spoil(geometry);
    const auto rings = PortRings::Map(geometry, open("/dev/null", O_RDWR | O_CLOEXEC), Memory(64 * 2048));
    EXPECT_TRUE(absl::IsInvalidArgument(rings.status())) << row.name;
    EXPECT_THAT(std::string(rings.status().message()), HasSubstr(row.says)) << row.name;
  }
}

TEST(PortRings, RefusesWhatIsNoSocketAndClosesIt) {
  const int null = open("/dev/null", O_RDWR | O_CLOEXEC);
  const int memory = Memory(64 * 2048);
  const auto rings = PortRings::Map(kGood, null, memory);
  EXPECT_THAT(std::string(rings.status().message()), HasSubstr("not an AF_XDP socket"));
  EXPECT_EQ(fcntl(null, F_GETFD), -1);
  EXPECT_EQ(fcntl(memory, F_GETFD), -1);
}

}  // namespace
}  // namespace ov6
