// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/bytes.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

namespace ov6 {
namespace {

using Bytes = std::vector<uint8_t>;

// RFC 9000 appendix A.1, and the borders of each size.
const struct {
  uint64_t value;
  Bytes bytes;
} kVarints[] = {
    {151288809941952652, {0xc2, 0x19, 0x7c, 0x5e, 0xff, 0x14, 0xe8, 0x8c}},
    {494878333, {0x9d, 0x7f, 0x3e, 0x7d}},
    {15293, {0x7b, 0xbd}},
    {37, {0x25}},
    {0, {0x00}},
    {63, {0x3f}},
    {64, {0x40, 0x40}},
    {16383, {0x7f, 0xff}},
    {16384, {0x80, 0x00, 0x40, 0x00}},
    {1073741823, {0xbf, 0xff, 0xff, 0xff}},
    {1073741824, {0xc0, 0, 0, 0, 0x40, 0, 0, 0}},
    {4611686018427387903, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}},
};

TEST(Varint, Rfc9000Vectors) {
  for (const auto& row : kVarints) {
    EXPECT_EQ(ByteWriter().Varint(row.value).bytes(), row.bytes) << row.value;
    ByteReader in(row.bytes);
    EXPECT_EQ(in.Varint(), row.value);
    EXPECT_TRUE(in.ok() && in.AtEnd());
  }
}

TEST(Varint, LongerFormsAreRead) {
  const Bytes bytes = {0x40, 0x25};  // RFC 9000: 37 in two bytes
  EXPECT_EQ(ByteReader(bytes).Varint(), 37u);
}

TEST(Varint, EveryTruncationFails) {
  for (const auto& row : kVarints) {
    for (size_t size = 0; size < row.bytes.size(); ++size) {
      ByteReader in(std::span<const uint8_t>(row.bytes).first(size));
      EXPECT_EQ(in.Varint(), 0u);
      EXPECT_FALSE(in.ok());
    }
  }
}

TEST(ByteReader, StaysFailed) {
  const Bytes bytes = {1, 2, 3};
  ByteReader in(bytes);
  EXPECT_EQ(in.U32(), 0u);
  EXPECT_EQ(in.U8(), 0u);
  EXPECT_FALSE(in.ok());
}

TEST(ByteReader, BlockLongerThanTheRest) {
  const Bytes bytes = {4, 1, 2, 3};
  ByteReader in(bytes);
  EXPECT_TRUE(in.Block().empty());
  EXPECT_FALSE(in.ok());
}

TEST(ByteWriter, NetworkOrder) {
  EXPECT_EQ(ByteWriter().U8(1).U16(0x0203).U32(0x04050607).U64(0x08090a0b0c0d0e0f).bytes(),
            (Bytes{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15}));
}

TEST(Bytes, RoundTrip) {
  EXPECT_TRUE(rc::check([](uint8_t a, uint16_t b, uint32_t c, uint64_t d, const std::string& text) {
    const Bytes bytes = ByteWriter().U8(a).U16(b).U32(c).U64(d).Varint(d >> 2).String(text).Take();
    ByteReader in(bytes);
    RC_ASSERT(in.U8() == a && in.U16() == b && in.U32() == c && in.U64() == d && in.Varint() == d >> 2);
    RC_ASSERT(in.String() == text);
    RC_ASSERT(in.ok() && in.AtEnd());
  }));
}

}  // namespace
}  // namespace ov6
