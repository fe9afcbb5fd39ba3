// SPDX-License-Identifier: Apache-2.0
// The slaves that were added while the daemon ran (`ov6ctl slave add`): each what one would write as a
// [[slave]], checked in the same way. Kept in the state directory; the configuration file stays the
// operator's own.
#ifndef OV6_USERSPACE_OV6D_SLAVE_STORE_H
#define OV6_USERSPACE_OV6D_SLAVE_STORE_H

#include <boost/json/object.hpp>
#include <filesystem>
#include <map>
#include <string>

#include "absl/status/statusor.h"
#include "userspace/ov6d/config.h"

namespace ov6 {

class SlaveStore {
 public:
  static constexpr size_t kMost = 16;

  explicit SlaveStore(const std::filesystem::path& state) : file_(state / "slaves.json") {}

  // Puts them behind the slaves of the file; those that the file has no room for any more are left out. One
  // that can't be read is an error.
  absl::Status Load(Config* config);

  // {"name", "kind", ... as the keys of a [[slave]]}. It is in the file when this returns it.
  absl::StatusOr<SlaveConfig> Add(const Config& config, const boost::json::object& body);
  // NotFound: it was not added.
  absl::Status Remove(const std::string& name);
  bool Has(const std::string& name) const { return added_.contains(name); }

 private:
  using Added = std::map<std::string, boost::json::object>;

  absl::Status Save(Added added);

  std::filesystem::path file_;
  Added added_;  // by name
};

}  // namespace ov6

#endif
