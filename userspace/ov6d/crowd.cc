// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6d/crowd.h"

#include <algorithm>
#include <utility>

namespace ov6 {

struct Crowd::State {
  using Rows = std::list<std::pair<Ipv4, Place*>>;

  void Leave(Rows::iterator row) {
    const auto count = of_one.find(row->first);
    if (--count->second == 0) of_one.erase(count);
    rows.erase(row);
  }
  Rows::iterator OldestOf(const Ipv4& address) {
    return std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == address; });
  }
  Rows::iterator OldestOfMost() {
    return std::max_element(rows.begin(), rows.end(), [this](const auto& a, const auto& b) {
      return of_one.at(a.first) < of_one.at(b.first);
    });
  }
  void MakeRoom(Rows::iterator row) {
    Place* place = row->second;
    Leave(row);
    place->state_.reset();
    if (const auto make_way = std::exchange(place->make_way, nullptr)) make_way();
  }

  size_t most, most_of_one;
  Rows rows{};  // the oldest first
  std::map<Ipv4, size_t> of_one{};
  uint64_t full = 0, full_of_one = 0;
};

Crowd::Place::~Place() {
  if (state_) state_->Leave(at_);
}

Crowd::Crowd(size_t most, size_t most_of_one) : state_(new State{most, most_of_one}) {}

std::shared_ptr<Crowd::Place> Crowd::Enter(const Ipv4& address) {
  const auto count = state_->of_one.find(address);
  if (count != state_->of_one.end() && count->second >= state_->most_of_one) {
    ++state_->full_of_one;
    state_->MakeRoom(state_->OldestOf(address));
  } else if (state_->rows.size() >= state_->most) {
    ++state_->full;
    state_->MakeRoom(state_->OldestOfMost());
  }
  auto place = std::make_shared<Place>();
  place->state_ = state_;
  place->at_ = state_->rows.insert(state_->rows.end(), {address, place.get()});
  ++state_->of_one[address];
  return place;
}

size_t Crowd::CountOf(const Ipv4& address) const {
  const auto count = state_->of_one.find(address);
  return count == state_->of_one.end() ? 0 : count->second;
}

size_t Crowd::size() const { return state_->rows.size(); }
uint64_t Crowd::full() const { return state_->full; }
uint64_t Crowd::full_of_one() const { return state_->full_of_one; }

}  // namespace ov6
