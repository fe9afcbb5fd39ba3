// SPDX-License-Identifier: Apache-2.0
#include "userspace/wire/stun.h"

#include <gtest/gtest.h>

#include "userspace/base/bytes.h"
#include "userspace/base/crypto.h"

namespace ov6 {
namespace {

std::vector<uint8_t> Hex(std::string_view text) {
  const std::string bytes = FromHex(text).value();
  return {bytes.begin(), bytes.end()};
}

// RFC 5769 section 2: written by others.
constexpr char kPassword[] = "VOkJxbRl1RmTxUk/WvJxBt";
const std::vector<uint8_t> kSampleRequest = Hex(
    "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff80290008"
    "932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004"
    "e57a3bcf");
const std::vector<uint8_t> kSampleResponse =
    Hex("0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a6430008"
        "00142b"
        "91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96");

StunMessage Request() {
  StunMessage request;
  for (size_t i = 0; i < request.transaction.size(); ++i) request.transaction[i] = static_cast<uint8_t>(i);
  return request;
}

TEST(Stun, Rfc5769SampleRequest) {
  const auto message = ParseStun(kSampleRequest);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, StunMessage::Kind::kRequest);
  EXPECT_EQ(message->username, "evtj:h6vY");
  EXPECT_FALSE(message->unknown);
  EXPECT_TRUE(HasIntegrity(kSampleRequest, *message, kPassword));
  EXPECT_FALSE(HasIntegrity(kSampleRequest, *message, "another"));
}

TEST(Stun, Rfc5769SampleIpv4Response) {
  const auto message = ParseStun(kSampleResponse);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->kind, StunMessage::Kind::kSuccess);
  EXPECT_EQ(message->mapped, Endpoint::Parse("192.0.2.1:32853"));
  EXPECT_TRUE(HasIntegrity(kSampleResponse, *message, kPassword));
}

TEST(Stun, BytesOfAnAnswer) {
  StunMessage answer = Request();
  answer.kind = StunMessage::Kind::kSuccess;
  answer.mapped = Endpoint::Parse("192.0.2.1:32853");
  const auto bytes = WriteStun(answer);
  EXPECT_EQ(ToHex(std::span(bytes).first(32)),
            "010100142112a442000102030405060708090a0b002000080001a147e112a643");
  EXPECT_EQ(bytes.size(), 40u);
  EXPECT_EQ(ParseStun(bytes), answer);
}

TEST(Stun, WhatIsWrittenIsRead) {
  StunMessage message = Request();
  message.username = "0123456789ab:cdef";
  message.error = 420;
  const auto bytes = WriteStun(message, "secret");
  const auto read = ParseStun(bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(HasIntegrity(bytes, *read, "secret"));
  EXPECT_NE(read->integrity_at, 0u);
  message.integrity_at = read->integrity_at;
  EXPECT_EQ(*read, message);
}

// RFC 8489 section 14.5: all in front of MESSAGE-INTEGRITY is under it, and so is the length by FINGERPRINT.
TEST(Stun, OneWrongBitIsNoticed) {
  for (size_t bit = 0; bit < (kSampleRequest.size() - 8) * 8; ++bit) {
    auto bytes = kSampleRequest;
    bytes[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    const auto message = ParseStun(bytes);
    EXPECT_FALSE(message && HasIntegrity(bytes, *message, kPassword)) << "bit " << bit;
  }
}

// Without FINGERPRINT the header's length ends with MESSAGE-INTEGRITY.
TEST(Stun, IntegrityWithoutFingerprint) {
  StunMessage message = Request();
  auto bytes = WriteStun(message, "secret");
  bytes.resize(bytes.size() - 8);
  bytes[3] = static_cast<uint8_t>(bytes.size() - kStunHeader);
  const auto read = ParseStun(bytes);
  ASSERT_TRUE(read);
  EXPECT_TRUE(HasIntegrity(bytes, *read, "secret"));
}

struct Row {
  const char* name;
  const char* hex;
};
TEST(Stun, Refused) {
  const Row rows[] = {
      {"nothing", ""},
      {"a header cut short", "000100002112a442000102030405060708090a"},
      {"another cookie", "000100002112a443000102030405060708090a0b"},
      {"the first bits set", "400100002112a442000102030405060708090a0b"},
      {"another method", "000300002112a442000102030405060708090a0b"},
      {"a length that is not there", "000100042112a442000102030405060708090a0b"},
      {"bytes behind the length", "000100002112a442000102030405060708090a0b00000000"},
      {"a length that is no multiple of 4", "000100022112a442000102030405060708090a0b8022"},
      {"an attribute longer than the message", "000100042112a442000102030405060708090a0b80220004"},
      {"an integrity of another size", "000100082112a442000102030405060708090a0b0008000400000000"},
      {"a mapped address cut short", "010100082112a442000102030405060708090a0b002000040001a147"},
      {"an error code of 200", "011100082112a442000102030405060708090a0b0009000400000200"},
      {"a wrong fingerprint", "000100082112a442000102030405060708090a0b8028000400000000"},
  };
  for (const Row& row : rows) EXPECT_FALSE(ParseStun(Hex(row.hex))) << row.name;
}

TEST(Stun, AttributesThatAreNotUnderstood) {
  EXPECT_FALSE(ParseStun(Hex("000100042112a442000102030405060708090a0b80220000"))->unknown);
  EXPECT_EQ(ParseStun(Hex("000100042112a442000102030405060708090a0b00030000"))->unknown, 3);
}

// Section 14.5: nothing but FINGERPRINT counts behind it.
TEST(Stun, BehindTheIntegrityNothingCounts) {
  StunMessage message = Request();
  auto bytes = WriteStun(message, "secret");
  bytes.resize(bytes.size() - 8);
  const auto name = Hex("000600046d696e65");
  bytes.insert(bytes.end(), name.begin(), name.end());
  bytes[3] = static_cast<uint8_t>(bytes.size() - kStunHeader);
  const auto read = ParseStun(bytes);
  ASSERT_TRUE(read);
  EXPECT_FALSE(read->username);
}

}  // namespace
}  // namespace ov6
