// SPDX-License-Identifier: Apache-2.0
// What is to happen, by time and, at one time, in the order it was asked for. A heap of small entries; the
// events themselves stay where they are.
#ifndef OV6_TESTS_SIM_EVENT_QUEUE_H
#define OV6_TESTS_SIM_EVENT_QUEUE_H

#include <algorithm>
#include <cstdint>
#include <utility>
#include <vector>

#include "ov6/time.h"

namespace ov6::sim {

template <typename Event>
class EventQueue {
 public:
  bool empty() const { return heap_.empty(); }
  size_t size() const { return heap_.size(); }
  BootTime next() const { return heap_.front().at; }

  void Push(BootTime at, Event event) {
    heap_.push_back({at, sequence_++, Place(std::move(event))});
    std::push_heap(heap_.begin(), heap_.end(), Later);
  }
  Event Pop() {
    std::pop_heap(heap_.begin(), heap_.end(), Later);
    const uint32_t place = heap_.back().place;
    heap_.pop_back();
    free_.push_back(place);
    return std::move(events_[place]);
  }

 private:
  struct Entry {
    BootTime at;
    uint64_t sequence;
    uint32_t place;
  };
  static bool Later(const Entry& a, const Entry& b) {
    return a.at != b.at ? a.at > b.at : a.sequence > b.sequence;
  }
  uint32_t Place(Event event) {
    if (free_.empty()) {
      events_.push_back(std::move(event));
      return static_cast<uint32_t>(events_.size() - 1);
    }
    const uint32_t place = free_.back();
    free_.pop_back();
    events_[place] = std::move(event);
    return place;
  }

  std::vector<Entry> heap_;
  std::vector<Event> events_;
  std::vector<uint32_t> free_;
  uint64_t sequence_ = 0;
};

}  // namespace ov6::sim

#endif
