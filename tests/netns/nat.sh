# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Routers behind NATs of every kind, in networks that an experiment lays by itself. Sourced after lib.sh, by tests that set
# `number` (a number of its own for each router) and `behind` (the address behind each NAT). Nodes that are NATs have
# devices wan and lan; routers have eth0 (underlay) and eth1 (site).
#
#   none     no NAT
#   eim      endpoint-independent mapping and filtering: "full cone"
#   apdf     endpoint-independent mapping, address-and-port-dependent filtering: "port restricted cone"
#   sym      address-and-port-dependent mapping and filtering: "symmetric"
command -v nft >/dev/null || skip "there is no nft"
LAB=$NAME
LAB_ATTACH=tc
declare -A pid
logs=('*.log')
chmod 711 "$TMP"

# --- the network
link() {  # link NODE DEVICE ADDRESS
  ip -n "$LAB-$1" addr add "$3" dev "$2"
  ip -n "$LAB-$1" link set "$2" up
}
# forget NODE: all that its NAT knows of.
forget() {
  on "$1" python3 -c '
import socket, struct
s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 12)  # NETLINK_NETFILTER
s.send(struct.pack("=IHHIIBBH", 20, 1 << 8 | 2, 5, 1, 0, socket.AF_INET, 0, 0))  # IPCTNL_MSG_CT_DELETE, acknowledged
raise SystemExit(-struct.unpack("=i", s.recv(4096)[16:20])[0])'
}
# nat NODE KIND: what comes unasked from outside leaves no trace, thanks to a firewall as home routers have it.
nat() {
  local node=$1 masquerade=masquerade inbound=
  case $2 in
    none) on "$node" nft -f - <<<'table ip nat; delete table ip nat'; forget "$node"; return ;;
    eim) inbound='iifname "wan" udp dport 6080 dnat to '"${behind[$node]}" ;;
    sym) masquerade='masquerade fully-random' ;;
  esac
  on "$node" nft -f - <<END
table ip nat
delete table ip nat
table ip nat {
  chain out { type nat hook postrouting priority srcnat; oifname "wan" $masquerade; }
  chain in { type nat hook prerouting priority dstnat; $inbound
  }
  chain input { type filter hook input priority filter; iifname "wan" ct state new,invalid drop; }
}
END
  forget "$node"
}
# Those outside have a route to what is behind where there is no NAT.
route_to() { ip -n "$LAB-$1" route replace "$2" via "$3"; }
no_route_to() { ip -n "$LAB-$1" route del "$2" 2>/dev/null || true; }

# --- the routers
milliseconds() { echo $((${EPOCHREALTIME/[.,]/} / 1000)); }
ctl() { local r=$1; shift; "$LAB_BIN/ov6ctl" -R "$TMP/$r" "$@"; }
# config ROUTER SITE-PREFIX, tables on stdin
config() {
  local uid
  uid=$(uid_base "${number[$1]}")
  mkdir -p "$TMP/$1/bpf" "$TMP/$1/state"
  mountpoint -q "$TMP/$1/bpf" || mount -t bpf bpf "$TMP/$1/bpf"
  { cat <<END
[node]
state = "$TMP/$1/state"
run = "$TMP/$1"
group = "$uid"
uid_base = $uid
[[underlay]]
interface = "eth0"
encapsulation = "udp"
attach = "tc"
[[domain]]
name = "chord"
prefix = "fd00::/8"
[[site]]
interface = "eth1"
attach = "tc"
prefixes = ["chord:$2"]
END
    cat; } >"$TMP/$1/ov6.toml"
}
start() {
  nsenter --net="/run/netns/$LAB-$1" -- "$LAB_BIN/ov6d" --config "$TMP/$1/ov6.toml" >>"$TMP/$1.log" 2>&1 </dev/null &
  pid[$1]=$!
  disown
}
# site_of ROUTER: its site's prefix
site_of() { on "$1" ip -6 -j route show dev eth1 proto kernel | jq -r '[.[].dst | select(startswith("fd"))][0]'; }
answers() { ctl "$1" status >/dev/null 2>&1; }
stop() {
  kill_pids KILL $(ip netns pids "$LAB-$1")
  wait_for 5 gone "${pid[$1]}" || die "ov6d of $1 still lives"
}
down() {
  local status=$? node
  set +e
  trap - EXIT
  for node in "${!number[@]}"; do [ -z "${pid[$node]-}" ] || kill_pids KILL $(ip netns pids "$LAB-$node"); done
  remove_namespaces
  for node in "${!number[@]}"; do ! mountpoint -q "$TMP/$node/bpf" || umount "$TMP/$node/bpf"; done
  (exit $status)
  finish
}
trap down EXIT
direct_paths() { ctl "$1" -j status | jq -r ".direct_paths | $2"; }
# leads ROUTER SITE: whether a checked path leads to that site, and the kernel knows it
leads() {
  [ "$(direct_paths "$1" ".peers[] | select(.prefixes[0] == \"$2\") | .state")" = up ] &&
    ctl "$1" -j map dump mappings | jq -e --arg prefix "$2" \
      'any(.[]; .prefix == $prefix and .direct and .locators[0].priority == 1 and .locators[0].fixed_port)' >/dev/null
}
count() { ctl "$1" -j counter show -a | jq --arg name "$2" '[.[] | select(.name == $name) | .packets] | add // 0'; }

# --- what is measured
# pings LABEL FROM TO: 50 a second until `end LABEL`
pings() { start_ping "$1" "$2" "$3" -i 0.02; }
at_most_lost() {  # LABEL MOST
  stop_ping "$1"
  expect_at_least "$1: sent" 25 "$(sent "$1")"
  say "  $1: lost $(lost "$1") of $(sent "$1")"
  expect_at_most "$1: lost" "$2" "$(lost "$1")"
}
