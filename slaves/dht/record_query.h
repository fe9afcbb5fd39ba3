// SPDX-License-Identifier: Apache-2.0
// What the DHT holds for a prefix, or for everything around an address: for the slave itself, and for the
// call `record` with each record's chain and every check spelled out (docs/slave-protocol.md section 6).
#ifndef OV6_SLAVES_DHT_RECORD_QUERY_H
#define OV6_SLAVES_DHT_RECORD_QUERY_H

#include <boost/json/fwd.hpp>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "slaves/dht/dht_clock.h"
#include "userspace/wire/record.h"

namespace ov6 {

class RecordQuery {
 public:
  // Ids of its GetRequests count up from here; the resolver's lie far below.
  static constexpr uint64_t kFirstRequest = uint64_t{1} << 48;
  static constexpr size_t kMostAtOnce = 16;
  using Respond = std::function<void(absl::StatusOr<std::string>)>;

  RecordQuery(const Domain& domain, SubmitRequest submit, DhtClock clock)
      : domain_(domain), submit_(std::move(submit)), clock_(std::move(clock)) {}

  // All values that the DHT holds for just this prefix, signed and not checked.
  using Found = std::function<void(const std::set<Bytes>& values)>;
  void Find(const Prefix& prefix, Found found);
  // `argument`: {"prefix": PREFIX} or {"address": ADDRESS}.
  void OnCall(const std::string& argument, Respond respond);
  bool OnGet(const GetOutput& output);  // false: not one of its own

 private:
  struct Query {
    std::function<bool(const Prefix&)> wanted;
    std::set<uint64_t> gets;  // that have not answered
    std::set<Bytes> values;   // each once
    size_t asked = 0, unanswered = 0;
    std::function<void(const Query&)> done;
  };

  void Start(const std::vector<Prefix>& places, Query query);
  std::string Answer(const Query& query) const;

  const Domain domain_;
  SubmitRequest submit_;
  DhtClock clock_;
  uint64_t next_query_ = 1, next_get_ = kFirstRequest;
  std::map<uint64_t, Query> queries_;
  std::map<uint64_t, uint64_t> query_of_;  // get -> query
};

// One record as the call answers it: its fields, its claim's root, who signed what until when, and the
// checks.
boost::json::object RecordJson(std::span<const uint8_t> value, const Domain& domain, UnixTime now);

}  // namespace ov6

#endif
