// SPDX-License-Identifier: Apache-2.0
#include "userspace/ov6ctl/context.h"

#include <boost/json/serialize.hpp>

#include "userspace/ov6ctl/json_text.h"

namespace ov6::ctl {

void Context::PrintJson(const boost::json::value& value) {
  out << (options.pretty ? ToPrettyJson(value) : boost::json::serialize(value)) << "\n";
}

void Context::PrintKernelHead() {
  if (!options.json) out << "# kernel maps at " << (options.Bpffs() / "maps").native() << "\n";
}

}  // namespace ov6::ctl
