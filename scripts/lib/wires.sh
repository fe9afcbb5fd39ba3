# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# The lab's namespaces, wires and addresses: everything but ov6 itself. Devices are made inside the
# namespaces, so that nothing of a lab ever shows in the machine's own network.

. "$(dirname "${BASH_SOURCE[0]}")/topology.sh"

make_namespace() {
  ip netns add "$LAB-$1"
  ip -n "$LAB-$1" link set lo up
}

# wire NODE DEVICE NODE DEVICE: both ends stay down.
wire() { ip -n "$LAB-$1" link add "$2" type veth peer name "$4" netns "$LAB-$3"; }

# set_node NODE SYSCTL=VALUE...: /proc/sys/net shows the namespace of whoever looks.
set_node() {
  local node=$1; shift
  in_node "$node" bash -c 'for s; do p=${s%%=*}; echo "${s#*=}" >"/proc/sys/net/${p//.//}" || exit 1; done' - "$@"
}

# A wire brings whole frames with finished checksums; a veth does so only when told. `gro on` gives the
# end a NAPI, without which frames that XDP redirects into its peer vanish; `tx off` finishes checksums
# (and with them segmentation) before the frame is in the wire.
# like_a_wire ROUTER NODE DEVICE: the end faces a door of that router.
like_a_wire() {
  [ "$(doors_of "$1")" = native ] || return 0
  in_node "$2" ethtool -K "$3" gro on tx off >/dev/null
}

make_core() {
  make_namespace core
  set_node core ipv4.ip_forward=1 ipv6.conf.all.disable_ipv6=1 ipv6.conf.default.disable_ipv6=1
}

make_router() {
  local r=$1 n
  make_namespace "$r"
  wire "$r" eth0 core "$r"
  like_a_wire "$r" core "$r"
  ip -n "$LAB-core" addr add "${NET[$r]}.1/24" dev "$r"
  ip -n "$LAB-core" link set "$r" up
  ip -n "$LAB-$r" addr add "$(router_ipv4 "$r")/24" dev eth0
  ip -n "$LAB-$r" link set eth0 up
  ip -n "$LAB-$r" route add default via "${NET[$r]}.1"
  for ((n = 1; n <= ${LAB_MORE_SITES:-0}; n++)); do wire "$r" "more$n" "$r" "end$n"; ip -n "$LAB-$r" link set "more$n" up; ip -n "$LAB-$r" link set "end$n" up; done
}

# Hosts have IPv6 alone. Duplicate address detection is off in them: the lab gives every host a MAC of
# its own, and DAD would only add a second to each start.
# make_host HOST MAC NODE DEVICE: on a wire from NODE's DEVICE.
make_host() {
  local host=$1 mac=$2
  make_namespace "$host"
  set_node "$host" ipv6.conf.default.accept_dad=0 ipv6.conf.all.accept_dad=0 ipv6.conf.default.accept_ra=1
  wire "$host" eth0 "$3" "$4"
  like_a_wire "${ROUTER_OF[$host]}" "$host" eth0
  ip -n "$LAB-$host" link set eth0 address "$mac"
  ip -n "$LAB-$host" link set eth0 up
  ip -n "$LAB-$3" link set "$4" up
}

make_switch() {
  local sw=${1}sw
  make_namespace "$sw"
  set_node "$sw" ipv6.conf.all.disable_ipv6=1 ipv6.conf.default.disable_ipv6=1
  ip -n "$LAB-$sw" link add lan type bridge forward_delay 0 mcast_snooping 0
  ip -n "$LAB-$sw" link set lan up
  wire "$1" eth1 "$sw" uplink
  like_a_wire "$1" "$sw" uplink
  ip -n "$LAB-$sw" link set uplink master lan up
}

# make_lan ROUTER NUMBER
make_lan() {
  local r=$1 host n=0 mac
  if has_switch "$r"; then make_switch "$r"; fi
  for host in ${HOSTS[$r]}; do
    n=$((n + 1))
    mac=$(printf '02:00:00:00:%02x:%02x' "$2" "$n")
    if has_switch "$r"; then
      make_host "$host" "$mac" "${r}sw" "$host"
      ip -n "$LAB-${r}sw" link set "$host" master lan
    else
      make_host "$host" "$mac" "$r" eth1
    fi
  done
  ip -n "$LAB-$r" link set eth1 up
}

make_network() {
  local r n=0
  make_core
  for r in "${ROUTERS[@]}"; do
    n=$((n + 1))
    make_router "$r"
    make_lan "$r" "$n"
  done
}

remove_network() {
  local node
  for node in $(lab_nodes); do
    if has_node "$node"; then ip netns del "$LAB-$node"; fi
  done
}
