// SPDX-License-Identifier: Apache-2.0
#include "tests/bench/datapath/verbs.h"

int main(int argc, char** argv) {
  CLI::App app("bench_datapath: the parts that scripts/bench measures with");
  app.require_subcommand(1);
  ov6::bench::AddSink(app);
  ov6::bench::AddSend(app);
  ov6::bench::AddStream(app);
  ov6::bench::AddMappings(app);
  ov6::bench::AddMillion(app);
  ov6::bench::AddTell(app);
  ov6::bench::AddMisses(app);
  ov6::bench::AddWrite(app);
  ov6::bench::AddLimit(app);
  ov6::bench::AddCost(app);
  ov6::bench::AddEcho(app);
  ov6::bench::AddRoundTrips(app);
  CLI11_PARSE(app, argc, argv);
  return 0;
}
