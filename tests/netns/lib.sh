# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# What the experiments share. A test sources this, calls `lab TOPOLOGY [up's options]`, then steps and
# expectations; the first that fails ends it with 1 and the routers' logs. Everything is taken down at the end.

set -euo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/../../scripts/lib/sites.sh"

BUILD=$(realpath -m "${OV6_BUILD:-$OV6_ROOT/build/dev}")
LAB_BIN=$BUILD/bin
TEST=${0##*/}
NAME=t$$
TMP=$(mktemp -d "/tmp/ov6-$TEST.XXXXXX")
lab_topology=
logs=()  # patterns of files in $TMP, whose ends are shown if the test fails

step() { printf '%(%H:%M:%S)T %s\n' -1 "$*"; }
skip() { echo "SKIPPED: $TEST: $*"; exit 77; }
die() { echo "FAILED: $*" >&2; exit 1; }

# expect SENTENCE COMMAND...
expect() {
  local sentence=$1; shift
  "$@" >"$TMP/expect" 2>&1 || { tail -n 20 "$TMP/expect" >&2; die "$sentence ($*)"; }
}
# expect_within SECONDS SENTENCE COMMAND...
expect_within() {
  local seconds=$1 sentence=$2; shift 2
  wait_for "$seconds" "$@" || die "$sentence: not within $seconds s ($*)"
}
# expect_equal SENTENCE WANT GOT
expect_equal() { [ "$2" = "$3" ] || die "$1: wanted '$2', got '$3'"; }
expect_at_least() { [ "$3" -ge "$2" ] || die "$1: wanted at least $2, got '$3'"; }
expect_at_most() { [ "$3" -le "$2" ] || die "$1: wanted at most $2, got '$3'"; }
expect_says() { grep -qE -- "$2" "$3" || { tail -n 5 "$3" >&2; die "$1: nothing in it matches '$2'"; }; }

# make_certificate ADDRESS: $TMP/cert.pem, which trusts itself, and $TMP/key.pem
make_certificate() { certificate_in "$TMP" "$1"; }

# second_home HOST ROUTER: the host also at that router's switch, by eth1, with the address it has; eth1 is down
second_home() {
  local host=$1 switch=$2sw address
  address=$(host_address "$host")
  ip -n "$LAB-$host" link add eth1 type veth peer name "$host" netns "$LAB-$switch"
  set_node "$host" ipv6.conf.eth1.accept_ra=0 ipv6.conf.eth1.keep_addr_on_down=1
  ip -n "$LAB-$switch" link set "$host" master lan up
  ip -n "$LAB-$host" addr add "$address/128" dev eth1 nodad
}

# lengthen_wire HOST TARGET: r1's wire becomes 10 ms long, each way. $rtt: ms from HOST, at r1, to TARGET.
lengthen_wire() {
  local far=${NET[r1]}.1 end
  on r1 ethtool -K eth0 tx off tso off gso off gro off >/dev/null
  in_node core ip link add long type veth peer name longer
  for end in long longer r1; do in_node core ethtool -K $end tx off tso off gso off gro off >/dev/null; done
  set_node core ipv4.conf.r1.arp_ignore=1  # the wire's end does not answer for the core
  in_node core ip addr del "$far/24" dev r1
  in_node core ip addr add "$far/24" dev long
  in_node core ip link set long up
  in_node core ip link set longer up
  nsenter --net="/run/netns/$LAB-core" -- timeout 110 "$BUILD/tests/delay" r1 longer 10 &
  delay=$!
  disown $delay
  on r1 ip neigh flush dev eth0
  in_node core ip neigh flush all
  expect_within 5 "r1 hears from the core" on r1 ping -c 1 -W 1 "$far"
  expect_within 30 "$1 reaches $2" ping_once "$1" "$2"
  start_ping far "$1" "$2" -i 0.01 -c 20 -W 1
  await_ping far
  rtt=$(sed -n 's#^rtt [^=]*= [0-9.]*/\([0-9]*\).*#\1#p' "$TMP/ping-far")
  [ "$rtt" -ge 20 ] && [ "$rtt" -le 30 ] || die "the round trip is $rtt ms, not 20 and a little"
}

# What stands of this test's namespaces, the topology's or its own, and whatever runs in them.
remove_namespaces() {
  local node
  for node in $(ip netns list | awk -v name="$NAME-" 'index($1, name) == 1 { print $1 }'); do
    kill_pids KILL $(ip netns pids "$node")
    ip netns del "$node"
  done
}

finish() {
  local status=$? r
  trap - EXIT
  if [ $status != 0 ] && [ $status != 77 ] && [ ${#logs[@]} != 0 ]; then
    (cd "$TMP" && tail -n 12 -- ${logs[@]} >&2) || true
  fi
  if [ $status != 0 ] && [ $status != 77 ] && [ -n "$lab_topology" ]; then
    for r in "${ROUTERS[@]}" "${SITES[@]/#/gw}"; do
      [ ! -s "$LAB_DIR/$r/log" ] || { echo "--- the end of the log of $r" >&2; tail -n 12 "$LAB_DIR/$r/log" >&2; }
    done
  fi
  if [ $status != 0 ] && [ -n "${OV6_KEEP-}" ]; then
    echo "left standing: namespaces $NAME-*${lab_topology:+, scripts/lab down $lab_topology --name $NAME}; files in $TMP" >&2
    exit $status
  fi
  if [ -n "$lab_topology" ]; then "$OV6_ROOT/scripts/lab" down "$lab_topology" --name "$NAME" || status=1; fi
  remove_namespaces || status=1
  rm -rf "$TMP"
  exit $status
}
trap finish EXIT
trap 'exit 143' TERM INT

[ "$(id -u)" = 0 ] || skip "this needs root"
[ -x "$LAB_BIN/ov6d" ] || skip "there is no $LAB_BIN/ov6d"

# lab TOPOLOGY [OPTIONS of scripts/lab up]
lab() {
  lab_topology=$1; shift
  read_topology "$lab_topology" "$NAME"
  "$OV6_ROOT/scripts/lab" up "$lab_topology" --name "$NAME" --build "$BUILD" "$@" || die "the lab did not come up"
  . "$LAB_DIR/settings"
}

on() { in_node "$@"; }

# ping_once FROM ADDRESS: one packet, delivered and answered.
ping_once() { on "$1" ping -6 -n -c 1 -W 3 "$2" >/dev/null; }

# verdict ROUTER PATTERN: packets counted under the verdicts whose names match.
verdict() {
  ov6ctl "$1" -j counter show | jq --arg name "^($2)\$" '[.[] | select(.name | test($name)) | .packets] | add // 0'
}

# background pings: start_ping LABEL FROM ADDRESS PING-OPTIONS...; stop_ping LABEL; lost LABEL, received LABEL
declare -A ping_job under_way
start_ping() {
  local label=$1 from=$2 to=$3; shift 3
  unset "under_way[$label]"
  nsenter --net="/run/netns/$LAB-$from" -- ping -6 -n "$@" "$to" >"$TMP/ping-$label" 2>&1 &
  ping_job[$label]=$!
}
# It does not wait for the answer to the last packet, which is on its way; that is not lost.
stop_ping() {
  kill -INT "${ping_job[$1]}" 2>/dev/null || true
  wait "${ping_job[$1]}" || true
  grep -q "icmp_seq=$(sent "$1") " "$TMP/ping-$1" || under_way[$1]=1
}
await_ping() { wait "${ping_job[$1]}" || true; }
sent() { sed -n 's/^\([0-9]*\) packets transmitted.*/\1/p' "$TMP/ping-$1"; }
received() { sed -n 's/.* \([0-9]*\) received.*/\1/p' "$TMP/ping-$1"; }
lost() { echo $(($(sent "$1") - $(received "$1") - ${under_way[$1]:-0})); }
replies() { grep -c 'bytes from' "$TMP/ping-$1" || true; }

# checksum_errors HOST: TCP, UDP and ICMPv6 packets that arrived broken.
checksum_errors() {
  on "$1" bash -c '
    awk "/^Tcp: [A-Z]/ { for (i = 1; i <= NF; i++) if (\$i == \"InCsumErrors\") at = i } /^Tcp: [0-9]/ { print \$at }" /proc/net/snmp
    awk "/^(Udp6|Icmp6)InCsumErrors/ { print \$2 }" /proc/net/snmp6' | awk '{ sum += $1 } END { print sum }'
}

listens() { [ -n "$(on "$1" ss -Hln -A tcp "sport = :$2")" ]; }
receives() { [ -n "$(on "$1" ss -Hln -A udp "sport = :$2")" ]; }

# iperf FROM TO OPTIONS...: JSON of one run into $TMP/iperf
iperf() {
  local from=$1 to=$2 server; shift 2
  nsenter --net="/run/netns/$LAB-$to" -- timeout 60 iperf3 -s -1 >"$TMP/iperf-server" 2>&1 &
  server=$!
  expect_within 5 "iperf3 listens in $to" listens "$to" 5201
  on "$from" timeout 40 iperf3 -J -c "$(host_address "$to")" "$@" >"$TMP/iperf" ||
    { jq -r '.error // empty' "$TMP/iperf" >&2; die "iperf3 $* from $from to $to failed"; }
  wait "$server" || true
}
