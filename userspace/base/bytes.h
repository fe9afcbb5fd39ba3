// SPDX-License-Identifier: Apache-2.0
// Reads and writes network byte order and RFC 9000 varints. A reader that ran short
// stays failed and answers zeros, so that a caller checks ok() once at the end.
#ifndef OV6_USERSPACE_BASE_BYTES_H
#define OV6_USERSPACE_BASE_BYTES_H

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ov6 {

class ByteReader {
 public:
  explicit ByteReader(std::span<const uint8_t> bytes) : rest_(bytes) {}

  uint8_t U8() { return static_cast<uint8_t>(Big(1)); }
  uint16_t U16() { return static_cast<uint16_t>(Big(2)); }
  uint32_t U32() { return static_cast<uint32_t>(Big(4)); }
  uint64_t U64() { return Big(8); }

  uint64_t Varint() {
    if (rest_.empty()) return Fail();
    const size_t size = size_t{1} << (rest_[0] >> 6);
    const uint64_t raw = Big(size);
    return size == 8 ? raw & 0x3fffffffffffffff : raw & ((uint64_t{1} << (8 * size - 2)) - 1);
  }

  std::span<const uint8_t> Take(size_t size) {
    if (size > rest_.size()) {
      Fail();
      return {};
    }
    const auto taken = rest_.first(size);
    rest_ = rest_.subspan(size);
    return taken;
  }

  // A varint length and that many bytes.
  std::span<const uint8_t> Block() {
    const uint64_t size = Varint();
    return size > rest_.size() ? (Fail(), std::span<const uint8_t>{}) : Take(size);
  }
  std::string String() { return ToString(Block()); }
  std::string RestAsString() { return ToString(Take(rest_.size())); }

  bool ok() const { return ok_; }
  size_t size() const { return rest_.size(); }
  bool AtEnd() const { return rest_.empty(); }

 private:
  static std::string ToString(std::span<const uint8_t> bytes) { return {bytes.begin(), bytes.end()}; }
  uint64_t Fail() {
    ok_ = false;
    rest_ = {};
    return 0;
  }
  uint64_t Big(size_t size) {
    if (size > rest_.size()) return Fail();
    uint64_t value = 0;
    for (size_t i = 0; i < size; ++i) value = value << 8 | rest_[i];
    rest_ = rest_.subspan(size);
    return value;
  }

  std::span<const uint8_t> rest_;
  bool ok_ = true;
};

// RFC 9000 section 16, shortest form, at most 8 bytes; v below 2^62. Returns how many.
inline size_t WriteVarint(uint64_t v, uint8_t* out) {
  const int form = v < 1u << 6 ? 0 : v < 1u << 14 ? 1 : v < 1u << 30 ? 2 : 3;
  const size_t size = size_t{1} << form;
  for (size_t i = 0; i < size; ++i) out[i] = static_cast<uint8_t>(v >> 8 * (size - 1 - i));
  out[0] |= static_cast<uint8_t>(form << 6);
  return size;
}

class ByteWriter {
 public:
  ByteWriter& U8(uint8_t v) { return Big(v, 1); }
  ByteWriter& U16(uint16_t v) { return Big(v, 2); }
  ByteWriter& U32(uint32_t v) { return Big(v, 4); }
  ByteWriter& U64(uint64_t v) { return Big(v, 8); }

  // Shortest form; v below 2^62.
  ByteWriter& Varint(uint64_t v) {
    std::array<uint8_t, 8> out;
    const size_t size = WriteVarint(v, out.data());
    return Raw(std::span<const uint8_t>(out).first(size));
  }

  ByteWriter& Raw(std::span<const uint8_t> bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteWriter& Raw(std::string_view text) {
    bytes_.insert(bytes_.end(), text.begin(), text.end());
    return *this;
  }
  ByteWriter& Block(std::span<const uint8_t> bytes) { return Varint(bytes.size()).Raw(bytes); }
  ByteWriter& String(std::string_view text) { return Varint(text.size()).Raw(text); }

  size_t size() const { return bytes_.size(); }
  const std::vector<uint8_t>& bytes() const { return bytes_; }
  std::vector<uint8_t> Take() { return std::move(bytes_); }

 private:
  ByteWriter& Big(uint64_t v, int size) {
    std::array<uint8_t, 8> big;
    for (int i = 0; i < size; ++i) big[i] = static_cast<uint8_t>(v >> 8 * (size - 1 - i));
    bytes_.insert(bytes_.end(), big.begin(), big.begin() + size);
    return *this;
  }

  std::vector<uint8_t> bytes_;
};

}  // namespace ov6

#endif
