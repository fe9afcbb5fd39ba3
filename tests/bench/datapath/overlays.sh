# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# User-space overlays of Debian's between r1 and r2 of two_sites.sh, over the plain wires: for comparison, each with what its own
# manual says of two nodes. overlay NAME starts one, or says that it is not there. Sites are 2001:db8:KN::/64; Nebula carries IPv4 alone,
# and Yggdrasil gives addresses itself.

declare -A OVERLAY_PROGRAM=([tinc]=tincd [wireguard-go]=wireguard-go [yggdrasil]=yggdrasil [nebula]=nebula)
declare -A OVERLAY_K=([tinc]=3 [wireguard-go]=4) OVERLAY_FAR OVERLAY_NEAR

# overlay NAME: true if hosts reach each other by it now; $TMP/NAME-r1 and -r2 are its files
overlay() {
  local name=$1 program=${OVERLAY_PROGRAM[$1]-} n
  [ -n "$program" ] || die "there is no overlay '$name' to compare with; there are ${!OVERLAY_PROGRAM[*]}"
  command -v "$program" >/dev/null || { echo "SKIPPED: $TEST against $name: $program is not installed"; return 1; }
  for n in 1 2; do mkdir -p "$TMP/$name-r$n"; done
  "start_${name%-go}"
  expect_within 20 "r1h1 reaches r2h1 by $name" on r1h1 ping -c 1 -W 1 -I "${OVERLAY_NEAR[$name]}" "${OVERLAY_FAR[$name]}"
}

# overlay_sites NAME DEVICE: hosts' addresses and routes, once the device is there
overlay_sites() {
  local name=$1 device=$2 k=${OVERLAY_K[$1]} n
  for n in 1 2; do
    expect_within 10 "$name has made its device in r$n" ip -n "$LAB-r$n" link show "$device"
    ip -n "$LAB-r$n" link set "$device" up
    ip -n "$LAB-r$n" addr add 2001:db8:$k$n::1/64 dev eth2 nodad
    ip -n "$LAB-r${n}h1" addr add 2001:db8:$k$n::2/64 dev eth1 nodad
    ip -n "$LAB-r$n" -6 route add 2001:db8:$k$((3 - n))::/64 dev "$device"
  done
  OVERLAY_NEAR[$name]=2001:db8:${k}1::2 OVERLAY_FAR[$name]=2001:db8:${k}2::2
}

# in_background NAME ROUTER COMMAND...: with the priority that the stream has
in_background() {
  local name=$1 node=$2; shift 2
  nsenter --net="/run/netns/$LAB-$node" -- chrt -r 1 "$@" >"$TMP/$name-$node/log" 2>&1 </dev/null &
  disown
}

start_tinc() {
  local n dir
  for n in 1 2; do
    dir=$TMP/tinc-r$n
    mkdir -p "$dir/hosts"
    printf '%s\n' "Name = r$n" 'Interface = ov-tinc' "ConnectTo = r$((3 - n))" >"$dir/tinc.conf"
    printf '%s\n' "Address = 10.9.$n.2" "Subnet = 2001:db8:3$n::/64" >"$dir/hosts/r$n"
    tincd -c "$dir" -K 2048 >"$dir/keys" 2>&1 </dev/null
  done
  cp "$TMP/tinc-r1/hosts/r1" "$TMP/tinc-r2/hosts/"
  cp "$TMP/tinc-r2/hosts/r2" "$TMP/tinc-r1/hosts/"
  for n in 1 2; do in_background tinc r$n tincd -c "$TMP/tinc-r$n" -D --pidfile="$TMP/tinc-r$n/pid"; done
  overlay_sites tinc ov-tinc
}

# Its socket is in one place of /run for the whole machine: each has a /run of its own.
start_wireguard() {
  local n key=(none)
  for n in 1 2; do
    (umask 077 && wg genkey >"$TMP/wireguard-go-r$n/key")
    key[n]=$(wg pubkey <"$TMP/wireguard-go-r$n/key")
  done
  for n in 1 2; do
    in_background wireguard-go r$n unshare --mount --propagation private -- bash -c "
      mount -t tmpfs tmpfs /run
      wireguard-go -f ov-wg &
      until wg show ov-wg; do sleep 0.1; done
      wg set ov-wg listen-port 51820 private-key $TMP/wireguard-go-r$n/key \
        peer ${key[3 - n]} endpoint 10.9.$((3 - n)).2:51820 allowed-ips 2001:db8:4$((3 - n))::/64
      wait"
  done
  overlay_sites wireguard-go ov-wg
}

start_yggdrasil() {
  local n dir prefix
  for n in 1 2; do
    dir=$TMP/yggdrasil-r$n
    yggdrasil -genconf -json | jq --arg peer "tcp://10.9.$((3 - n)).2:9001" --arg own "tcp://10.9.$n.2:9001" \
      '.IfName = "ov-ygg" | .Listen = [$own] | .Peers = [$peer] | .AdminListen = "none" | .MulticastInterfaces = []' >"$dir/conf"
    prefix=$(yggdrasil -useconffile "$dir/conf" -subnet)
    in_background yggdrasil r$n yggdrasil -useconffile "$dir/conf"
    expect_within 10 "yggdrasil has made its device in r$n" ip -n "$LAB-r$n" link show ov-ygg
    ip -n "$LAB-r$n" addr add "${prefix%::/64}::1/64" dev eth2 nodad
    ip -n "$LAB-r${n}h1" addr add "${prefix%::/64}::2/64" dev eth1 nodad
    ip -n "$LAB-r${n}h1" -6 route add 200::/7 via 2001:db8:$n::1
    if [ $n = 1 ]; then OVERLAY_NEAR[yggdrasil]=${prefix%::/64}::2; else OVERLAY_FAR[yggdrasil]=${prefix%::/64}::2; fi
  done
}

start_nebula() {
  local n dir other
  (cd "$TMP" && nebula-cert ca -name bench)
  for n in 1 2; do
    dir=$TMP/nebula-r$n other=$((3 - n))
    (cd "$TMP" && nebula-cert sign -name r$n -ip 10.10.0.$n/24 -subnets 10.7.$n.0/24 -out-crt "$dir/crt" -out-key "$dir/key")
    cat >"$dir/conf.yml" <<END
pki: {ca: $TMP/ca.crt, cert: $dir/crt, key: $dir/key}
static_host_map: {"10.10.0.$other": ["10.9.$other.2:4242"]}
lighthouse: {am_lighthouse: false, hosts: []}
listen: {host: 0.0.0.0, port: 4242}
tun:
  dev: ov-neb
  unsafe_routes: [{route: 10.7.$other.0/24, via: 10.10.0.$other}]
firewall:
  outbound: [{port: any, proto: any, host: any}]
  inbound: [{port: any, proto: any, host: any}, {port: any, proto: any, cidr: 10.7.0.0/16}]
END
    in_background nebula r$n nebula -config "$dir/conf.yml"
    ip -n "$LAB-r$n" addr add 10.7.$n.1/24 dev eth2
    ip -n "$LAB-r${n}h1" addr add 10.7.$n.2/24 dev eth1
    ip -n "$LAB-r${n}h1" route add 10.7.0.0/16 via 10.7.$n.1
    set_node r$n ipv4.ip_forward=1
  done
  OVERLAY_NEAR[nebula]=10.7.1.2 OVERLAY_FAR[nebula]=10.7.2.2
}
