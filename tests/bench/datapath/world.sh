# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# One router between a tester's devices, as RFC 8219 has a single device under test. Sourced; then `world ENCAPSULATION`.
#
#   [tester] t0 ---- eth1 [r, ov6d] eth0 ---- t1 [tester]     site -- tunnels; hosts and peers are the tester's words only
#            t2 ---- eth2                                     plain forwarding comes in here and leaves by eth0
#
# Sinks at t0 and t1 count and drop. Whatever is compared goes through the same namespace, the same devices and the same veth code.
. "$(dirname "${BASH_SOURCE[0]}")/samples.sh"
LAB_ATTACH=native
LAB_APART=setsid  # else it goes on where it is held still, when the shell that began all this ends (an orphaned process group)
. "$OV6_ROOT/tests/netns/lone.sh"

SITE=fd00:6:6:1                # its /64
HOSTS=$SITE::1:0               # and sixteen hosts from here on
OUR_IPV4=192.0.2.1 NEXT_HOP=192.0.2.254
queues=$(($(nproc) < 2 ? 1 : 2))

mac_of() { ip -n "$LAB-$1" -j link show "$2" | jq -r '.[0].address'; }

# two_queues NODE DEVICE: before any program is there, or the kernel refuses
two_queues() { in_node "$1" ethtool -L "$2" rx $queues tx $queues >/dev/null 2>&1 || true; }

lay_wires() {
  local end n
  make_namespace tester
  make_namespace r
  wire tester t0 r eth1
  wire tester t1 r eth0
  wire tester t2 r eth2
  set_node tester ipv6.conf.all.disable_ipv6=1 ipv6.conf.default.disable_ipv6=1
  set_node r ipv4.ip_forward=1 ipv6.conf.all.forwarding=1 ipv6.conf.default.accept_dad=0 ipv6.conf.all.accept_dad=0
  for end in tester.t0 tester.t1 tester.t2 r.eth0 r.eth1 r.eth2; do
    two_queues "${end%.*}" "${end#*.}"
    ip -n "$LAB-${end%.*}" link set "${end#*.}" up
  done
  for n in 0 1; do in_node tester ethtool -K t$n gro on tx off >/dev/null; done
  in_node r ethtool -K eth2 gro on >/dev/null
  # The underlay's MTU leaves room for the tunnel's headers, so that no frame of the site's is too big.
  ip -n "$LAB-r" link set eth0 mtu 1528
  ip -n "$LAB-tester" link set t1 mtu 1528
  ip -n "$LAB-r" addr add $OUR_IPV4/24 dev eth0
  ip -n "$LAB-r" route add default via $NEXT_HOP
  ip -n "$LAB-r" neigh replace $NEXT_HOP lladdr "$(mac_of tester t1)" dev eth0 nud permanent
  ip -n "$LAB-r" -6 neigh replace fe80::ffff lladdr "$(mac_of tester t1)" dev eth0 nud permanent
  plain_by eth0
}

# plain_by eth0|vx0: how plain traffic is forwarded; vx0 is the kernel's VXLAN over eth0
plain_by() {
  if [ "$1" = vx0 ] && ! ip -n "$LAB-r" link show vx0 >/dev/null 2>&1; then
    ip -n "$LAB-r" link add vx0 type vxlan id 1 dstport 4789 local $OUR_IPV4 remote $NEXT_HOP dev eth0
    ip -n "$LAB-r" link set vx0 up
    ip -n "$LAB-r" -6 neigh replace fe80::ffff lladdr 02:00:00:00:00:01 dev vx0 nud permanent
  fi
  ip -n "$LAB-r" -6 route replace 2000::/8 via fe80::ffff dev "$1"
}

before_down() {
  ! mountpoint -q "$TMP/sinks" || umount "$TMP/sinks"
  [ -z "$teller" ] || kill_pids KILL "$teller"
  [ -z "$lone_pid" ] || kill_pids CONT "$lone_pid"
}

world() {
  local n
  mkdir "$TMP/sinks"
  mount -t bpf bpf "$TMP/sinks"
  lay_wires
  in_node tester "$TOOL" sink "$TMP/sinks" t0 t1
  lone_router r $SITE::/64
  for n in $(seq 16); do
    ip -n "$LAB-r" -6 neigh replace "$SITE::1:$(printf %x "$n")" lladdr "$(mac_of tester t0)" dev eth1 nud permanent
  done
}

# ov6d stands still: once a minute it would take out of the kernel's map-cache what did not come through its sessions, and
# through them nothing else is as fast as this wants it. The datapath misses nothing but that somebody says that changes are
# told of: the writer of the map-cache does, by the same library, and the kernel's ways don't change.
teller=
hold_still() {
  expect_within 20 "the site is registered" grep -q "$SITE::/64 registered" "$lone_dir/log"
  kill -STOP "$lone_pid"
  "$TOOL" tell "$lone_dir/bpf" &
  teller=$!
  disown
}

# on_two_cpus: the router's receiving by threads of the second CPU's, so that a tester on the first can send more than it takes
on_two_cpus() {
  local device known thread
  known=" $(napi_threads | tr '\n' ' ') "
  for device in eth0 eth1; do
    ip netns exec "$LAB-r" sh -c "echo 1 >/sys/class/net/$device/threaded"
  done
  for thread in $(napi_threads); do
    [[ $known != *" $thread "* ]] || continue
    taskset -p -c 1 "$thread" >/dev/null
    chrt -f -p 15 "$thread"
  done
}
napi_threads() { ps -e -o pid=,comm= | awk '$2 ~ /^napi\/eth[01]-/ { print $1 }'; }

# traffic WAY: options of bench_datapath for frames as they come from there
traffic() {
  case $1 in
    site) echo --way site --from "$(mac_of tester t0)" --to "$(mac_of r eth1)" --site $HOSTS ;;
    plain) echo --way site --from "$(mac_of tester t2)" --to "$(mac_of r eth2)" --site 2001:db8::1:0 --plain ;;
    *) echo --way "$1" --from "$(mac_of tester t1)" --to "$(mac_of r eth0)" --site $HOSTS --router $OUR_IPV4 ;;
  esac
}
sender() { case $1 in site) echo t0 ;; plain) echo t2 ;; *) echo t1 ;; esac; }
door() { case $1 in site) echo eth1 ;; *) echo eth0 ;; esac; }

# send WAY OPTIONS...: frames for $seconds, as one line of JSON. Where none arrives nothing was measured, and the counters say why.
send() {
  local way=$1 out; shift
  out=$(in_node tester "$TOOL" send --device "$(sender "$way")" $(traffic "$way") --sink "$TMP/sinks" --seconds "$seconds" --warm "$warm" "$@")
  if [ "$(jq .packets_per_second <<<"$out")" = 0 ]; then
    ctl counter show >&2
    die "no frame of $way $* arrived: $out"
  fi
  printf '%s\n' "$out"
}
# rate NAME WAY OPTIONS...: a sample of packets a second
rate() {
  local name=$1; shift
  sample "$name" "$(send "$@" | jq .packets_per_second)" pps
}

# limit_at DEVICE PROGRAM [OPTIONS]: the limit's program at that door, until `door_at DEVICE xdp_...`
limit_at() {
  local device=$1 program=$2; shift 2
  in_node r "$TOOL" place "$lone_dir/bpf" "$device" "$program" $(egress_of "$program") "$@"
}
door_at() { in_node r "$TOOL" place "$lone_dir/bpf" "$1" "$2"; }
egress_of() {
  case $1 in
    encap*) echo --egress eth0 --egress-from "$(mac_of r eth0)" --egress-to "$(mac_of tester t1)" --outer-from $OUR_IPV4 --outer-to 198.18.0.1 ;;
    decap*) echo --egress eth1 --egress-from "$(mac_of r eth1)" --egress-to "$(mac_of tester t0)" ;;
  esac
}

# mappings COUNT [--udp]: the map-cache holds as many sites, written as ov6d and ov6ctl do it
mappings() { "$TOOL" mappings "$lone_dir/bpf" "$@" >/dev/null; }
