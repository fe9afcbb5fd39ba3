// SPDX-License-Identifier: Apache-2.0
// What bench_datapath can do: each adds a subcommand. Results are one line of JSON on stdout.
#ifndef OV6_TESTS_BENCH_DATAPATH_VERBS_H
#define OV6_TESTS_BENCH_DATAPATH_VERBS_H

#include "CLI/CLI.hpp"

namespace ov6::bench {

void AddSink(CLI::App& app);        // counts and drops what comes to devices
void AddSend(CLI::App& app);        // live frames for some seconds
void AddStream(CLI::App& app);      // live frames until it is killed
void AddMappings(CLI::App& app);    // makes the map-cache hold as many sites
void AddMisses(CLI::App& app);      // a packet to each of many destinations
void AddMillion(CLI::App& app);     // more sites than ov6d's map holds
void AddTell(CLI::App& app);        // does for the front what ov6d would that is held still
void AddWrite(CLI::App& app);       // rewrites mappings at a rate
void AddLimit(CLI::App& app);       // the limit's program in place of a door's, and back
void AddCost(CLI::App& app);        // nanoseconds a packet of a program, by test-run
void AddEcho(CLI::App& app);        // answers UDP
void AddRoundTrips(CLI::App& app);  // asks it

}  // namespace ov6::bench

#endif
