// SPDX-License-Identifier: Apache-2.0
#include "userspace/base/crypto.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

namespace ov6 {
namespace {

std::vector<uint8_t> Hex(std::string_view text) {
  const std::string bytes = *FromHex(text);
  return {bytes.begin(), bytes.end()};
}

// RFC 8032 section 7.1, tests 1 to 3.
const struct {
  const char *seed, *public_key, *message, *signature;
} kVectors[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46bd25bf5f"
     "0595bbe"
     "24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da085ac1e43e15996e458f3613d0f11d8c387b2ea"
     "eb4302a"
     "eeb00d291612bb0c00"},
    {"c5aa8df43f9f837bedb7442f31dcb7b166d38535076f094b85ce3a2e0b4458f7",
     "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025", "af82",
     "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac18ff9b538d16f290ae67f760984dc6594a7c15e"
     "9716ed2"
     "8dc027beceea1ec40a"},
};

TEST(Ed25519, Rfc8032Vectors) {
  for (const auto& row : kVectors) {
    const auto key = PrivateKey::FromSeed(Hex(row.seed));
    ASSERT_TRUE(key.ok());
    EXPECT_EQ(ToHex(key->public_key()), row.public_key);
    EXPECT_EQ(ToHex(key->Seed()), row.seed);
    const Signature signature = key->Sign(Hex(row.message));
    EXPECT_EQ(ToHex(signature), row.signature);
    EXPECT_TRUE(VerifySignature(key->public_key(), Hex(row.message), signature));
  }
}

TEST(Ed25519, AnyChangedBitFails) {
  const auto key = PrivateKey::Generate();
  const std::vector<uint8_t> message = {1, 2, 3};
  const Signature right = key.Sign(message);
  for (size_t bit = 0; bit < 8 * right.size(); bit += 7) {
    Signature wrong = right;
    wrong[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(VerifySignature(key.public_key(), message, wrong)) << bit;
  }
  EXPECT_FALSE(VerifySignature(key.public_key(), std::vector<uint8_t>{1, 2, 4}, right));
  EXPECT_FALSE(VerifySignature(PrivateKey::Generate().public_key(), message, right));
}

TEST(Ed25519, ASeedHas32Bytes) {
  EXPECT_FALSE(PrivateKey::FromSeed(std::vector<uint8_t>(31)).ok());
  EXPECT_FALSE(PrivateKey::FromSeed(std::vector<uint8_t>(33)).ok());
}

// FIPS 180-4's example, and the empty message.
TEST(Hash, KnownAnswers) {
  const std::vector<uint8_t> abc = {'a', 'b', 'c'};
  EXPECT_EQ(ToHex(Sha1(abc)), "a9993e364706816aba3e25717850c26c9cd0d89d");
  EXPECT_EQ(ToHex(Sha1({})), "da39a3ee5e6b4b0d3255bfef95601890afd80709");
  EXPECT_EQ(ToHex(Sha256(abc)), "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
}

TEST(Hex, BothWays) {
  EXPECT_EQ(ToHex(std::vector<uint8_t>{0x00, 0xff, 0x1a}), "00ff1a");
  EXPECT_EQ(*FromHex("00fF1a"), std::string("\0\xff\x1a", 3));
  EXPECT_EQ(*FromHex(""), "");
  for (const char* text : {"0", "0g", "x0", " 0"}) EXPECT_FALSE(FromHex(text).ok()) << text;
}

TEST(Random, FillsEveryByteSooner) {
  std::array<uint8_t, 64> seen{};
  for (int i = 0; i < 16; ++i) {
    std::array<uint8_t, 64> bytes{};
    FillRandom(bytes);
    for (size_t at = 0; at < bytes.size(); ++at) seen[at] |= bytes[at];
  }
  EXPECT_EQ(std::count(seen.begin(), seen.end(), 0), 0);
}

}  // namespace
}  // namespace ov6
