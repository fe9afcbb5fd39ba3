// SPDX-License-Identifier: Apache-2.0
// Bytes that come at the end and go at the front, always in one piece of memory, so that a system call can
// put them there and take them from there. What is in it moves only when the room behind it is used up.
#ifndef OV6_USERSPACE_BASE_BYTE_QUEUE_H
#define OV6_USERSPACE_BASE_BYTE_QUEUE_H

#include <algorithm>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>

namespace ov6 {

class ByteQueue {
 public:
  size_t size() const { return end_ - begin_; }
  bool empty() const { return begin_ == end_; }
  std::span<const uint8_t> bytes() const { return {memory_.get() + begin_, size()}; }

  // At least `size` bytes behind what is in it, of any value, until the next call of anything that changes
  // it.
  std::span<uint8_t> Room(size_t size) {
    if (capacity_ - end_ < size) MakeRoom(size);
    return {memory_.get() + end_, capacity_ - end_};
  }
  // The first `size` bytes of the room are in it now.
  void Commit(size_t size) { end_ += size; }

  void Append(std::span<const uint8_t> bytes) {
    if (bytes.empty()) return;
    std::memcpy(Room(bytes.size()).data(), bytes.data(), bytes.size());
    Commit(bytes.size());
  }
  // As many as there are and go in; how many that is.
  size_t Take(std::span<uint8_t> out) {
    const size_t size = std::min(out.size(), this->size());
    if (size != 0) std::memcpy(out.data(), memory_.get() + begin_, size);
    Consume(size);
    return size;
  }
  void Consume(size_t size) {
    begin_ += size;
    if (empty()) Clear();
  }
  void Clear() { begin_ = end_ = 0; }

 private:
  static constexpr size_t kLeast = 4096;

  // Moved to the front if that at least doubles the room, and costs no more than was taken out since: else to
  // twice the memory.
  void MakeRoom(size_t size) {
    if (begin_ >= this->size() && capacity_ - this->size() >= size) {
      std::memmove(memory_.get(), memory_.get() + begin_, this->size());
    } else {
      capacity_ = std::max({kLeast, 2 * this->size(), this->size() + size});
      auto memory = std::make_unique_for_overwrite<uint8_t[]>(capacity_);
      if (!empty()) std::memcpy(memory.get(), memory_.get() + begin_, this->size());
      memory_ = std::move(memory);
    }
    end_ -= begin_;
    begin_ = 0;
  }

  std::unique_ptr<uint8_t[]> memory_;
  size_t capacity_ = 0, begin_ = 0, end_ = 0;
};

}  // namespace ov6

#endif
