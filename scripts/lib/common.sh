# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What every script here needs: words for people, failing with a sentence, waiting for a condition.

OV6_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
# Root's tools must be found even when the caller's PATH is a user's.
PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin

say() { printf '%s\n' "$*"; }
warn() { printf '%s: %s\n' "${0##*/}" "$*" >&2; }
fail() { warn "$*"; exit 1; }

need_root() {
  [ "$(id -u)" = 0 ] || fail "this needs root: it makes network namespaces and loads BPF programs; run it as: sudo $0"
}

# wait_for SECONDS COMMAND...: runs COMMAND every 100 ms until it succeeds; fails after SECONDS.
wait_for() {
  local end=$((${EPOCHREALTIME/[.,]/} + $1 * 1000000)); shift
  until "$@" >/dev/null 2>&1; do
    [ "${EPOCHREALTIME/[.,]/}" -lt "$end" ] || return 1
    sleep 0.1
  done
}

# build_jobs: as many compilers as there are CPUs and gigabytes (one file needs more than one).
build_jobs() {
  local cpus gigabytes
  cpus=$(nproc)
  gigabytes=$(awk '/^MemAvailable:/ { print int($2 / 1200000) }' /proc/meminfo)
  [ "${gigabytes:-0}" -ge 1 ] || gigabytes=1
  echo $((cpus < gigabytes ? cpus : gigabytes))
}

# build_preset PRESET [DIR]: configures and builds; ninja prints the progress.
build_preset() {
  local dir=${2:-$OV6_ROOT/build/$1}
  mkdir -p "${dir%/*}"
  (cd "$OV6_ROOT" && cmake --preset "$1" -B "$dir" >"$dir.configure.log" 2>&1) ||
    { tail -n 30 "$dir.configure.log" >&2; fail "cmake could not configure preset $1 (whole log: $dir.configure.log)"; }
  cmake --build "$dir" -j "$(build_jobs)" || fail "preset $1 did not build"
}
