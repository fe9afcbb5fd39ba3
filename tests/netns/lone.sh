# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A network that an experiment lays by itself, with one router that ov6d runs in it. Sourced after lib.sh.

LAB=$NAME
lone_pid=

# lone_router NODE PREFIX: ov6d in NODE, underlay eth0, site eth1 with PREFIX (a /64); alone in its ring.
lone_router() {
  local dir=$TMP/$1
  mkdir -p "$dir/bpf" "$dir/state"
  chmod 711 "$TMP"
  mount -t bpf bpf "$dir/bpf"
  cat >"$dir/ov6.toml" <<END
[node]
state = "$dir/state"
run = "$dir"
group = "$(uid_base 1)"
uid_base = $(uid_base 1)
${LAB_NODE-}
[[underlay]]
interface = "eth0"
attach = "$LAB_ATTACH"
[[domain]]
name = "chord"
prefix = "fd00::/8"
trust = "open"
[[site]]
interface = "eth1"
attach = "$LAB_ATTACH"
prefixes = ["chord:$2"]
[[slave]]
name = "chord"
kind = "dht"
domain = "chord"
${LAB_TABLES-}
END
  nsenter --net="/run/netns/$LAB-$1" -- ${LAB_APART-} "$LAB_BIN/ov6d" --config "$dir/ov6.toml" >"$dir/log" 2>&1 </dev/null &
  lone_pid=$! lone_dir=$dir
  disown
  expect_within 20 "ov6d of $1 answers" ctl status
  routes_stand() { ctl route get 2001:db8::1 && ctl route get fd00:7777::1; }
  expect_within 20 "the slaves of $1 have their routes" routes_stand
}
ctl() { "$LAB_BIN/ov6ctl" -R "$lone_dir" "$@"; }
# count VERDICT: packets
count() { ctl -j counter show -a | jq --arg name "$1" '[.[] | select(.name == $name) | .packets] | add // 0'; }

# Everything of this experiment's own, whatever stands of it.
lone_down() {
  local status=$?
  set +e
  trap - EXIT
  if [ $status != 0 ] && [ $status != 77 ] && [ -n "$lone_pid" ]; then tail -n 12 "$lone_dir/log" >&2; fi
  [ -z "$(declare -F before_down)" ] || before_down
  if [ -n "$lone_pid" ]; then
    kill_pids TERM "$lone_pid"
    wait_for 5 gone "$lone_pid" || kill_pids KILL "$lone_pid"
  fi
  remove_namespaces
  [ -z "$lone_pid" ] || ! mountpoint -q "$lone_dir/bpf" || umount "$lone_dir/bpf"
  (exit $status)
  finish
}
trap lone_down EXIT
