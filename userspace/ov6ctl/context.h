// SPDX-License-Identifier: Apache-2.0
// What a command works with: options, the two views (kernel, daemon), the time, and where it
// prints. Tests hand in their own.
#ifndef OV6_USERSPACE_OV6CTL_CONTEXT_H
#define OV6_USERSPACE_OV6CTL_CONTEXT_H

#include <boost/json/value.hpp>
#include <ostream>
#include <string_view>

#include "ov6/time.h"
#include "userspace/ov6ctl/daemon_client.h"
#include "userspace/ov6ctl/kernel_view.h"
#include "userspace/ov6ctl/options.h"
#include "userspace/ov6ctl/waiter.h"

namespace ov6::ctl {

struct Context {
  const Options& options;
  KernelView& kernel;
  Daemon& daemon;
  BootTime now;
  std::ostream& out;
  std::ostream& err;
  Waiter& waiter;

  void PrintJson(const boost::json::value& value);
  // The line that says that what follows comes from the maps; nothing with -j.
  void PrintKernelHead();
};

}  // namespace ov6::ctl

#endif
