# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every benchmark begins with: NAME [ROUNDS [SECONDS]]. Rounds are interleaved: each measures everything once, so that what
# drifts (a neighbour on the machine, its clock) meets all alike. Samples are lines of JSON in the file $OV6_BENCH_SAMPLES,
# or on stdout; scripts/bench makes medians and ratios of them.
. "$(dirname "${BASH_SOURCE[0]}")/../../netns/lib.sh"

TOOL=$BUILD/tests/bench_datapath
rounds=${1:-3}
seconds=${2:-0.4}
warm=$(awk -v s="$seconds" 'BEGIN { print s / 4 }')
round=0
# Where nothing is to be measured but that it can be, a hundredth of the sites will do.
less=$(awk -v s="$seconds" 'BEGIN { print s < 0.1 ? 100 : 1 }')
[ -x "$TOOL" ] || skip "there is no $TOOL"

# sample NAME VALUE UNIT
sample() {
  [ -n "$2" ] || die "no value for $1"
  printf '{"name": "%s", "value": %s, "unit": "%s", "round": %d}\n' "$1" "$2" "$3" "$round" >>"${OV6_BENCH_SAMPLES:-/dev/stdout}"
}

# interleaved FUNCTION: once a round
interleaved() {
  for round in $(seq "$rounds"); do
    step "round $round of $rounds"
    "$1"
  done
}
