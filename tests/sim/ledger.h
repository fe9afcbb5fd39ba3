// SPDX-License-Identifier: Apache-2.0
// The history of a simulation, and what it says about an answer: a mapping is right if it covers nothing
// but its owner's prefix and names what the owner had signed, within the lifetime that it signed.
#ifndef OV6_TESTS_SIM_LEDGER_H
#define OV6_TESTS_SIM_LEDGER_H

#include <map>
#include <string>
#include <vector>

#include "ov6/capsule.h"
#include "userspace/wire/record.h"

namespace ov6::sim {

class Ledger {
 public:
  struct Counts {
    uint64_t right = 0, wrong = 0;
    uint64_t outdated = 0;     // right, and another record had been signed since
    uint64_t absent = 0;       // negatives that cover nobody
    uint64_t lost = 0;         // "not there", while the owner had it registered
    uint64_t unreachable = 0;  // "could not be asked"
  };

  // The owner of `record.prefix` has signed it.
  void Signed(const Record& record);
  void Judge(const std::string& who, UnixTime now, const MappingAdd& add);
  void Judge(const MappingNegative& negative);

  const Counts& counts() const { return counts_; }
  const std::vector<std::string>& wrongs() const { return wrongs_; }  // the first few, as sentences

 private:
  std::string Wrong(UnixTime now, const MappingAdd& add);

  std::map<Prefix, std::vector<Record>> signed_;  // in the order of their signing
  Counts counts_;
  std::vector<std::string> wrongs_;
};

}  // namespace ov6::sim

#endif
