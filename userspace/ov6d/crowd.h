// SPDX-License-Identifier: Apache-2.0
// Connections of whom nobody knows yet who they are: so many in all, and so many of one address. Who comes is
// let in; where there is no room the oldest one of the address that has most makes way. A crowd that only
// waits makes room by itself, and who knows what to say is through before being the oldest.
#ifndef OV6_USERSPACE_OV6D_CROWD_H
#define OV6_USERSPACE_OV6D_CROWD_H

#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>

#include "ov6/address.h"

namespace ov6 {

class Crowd {
  struct State;

 public:
  // Held by whoever is in it; given back when it goes.
  class Place {
   public:
    ~Place();
    // Called at most once, out of the Enter() of another one; it counts no more then.
    std::function<void()> make_way;

   private:
    friend class Crowd;
    std::shared_ptr<State> state_;
    std::list<std::pair<Ipv4, Place*>>::iterator at_;
  };

  Crowd(size_t most, size_t most_of_one);
  std::shared_ptr<Place> Enter(const Ipv4& address);

  size_t size() const;
  size_t CountOf(const Ipv4& address) const;
  uint64_t full() const;         // had to go since there were too many in all
  uint64_t full_of_one() const;  // too many of one address

 private:
  std::shared_ptr<State> state_;
};

}  // namespace ov6

#endif
