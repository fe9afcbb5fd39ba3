# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Two sites by ov6, by plain forwarding, by VXLAN and by the overlays of OV6_BENCH_AGAINST, through the same namespaces;
# $ways are those that are there. Sourced; then `two_sites ATTACH`.
#
#   r1h1 eth0 -- eth1 r1 eth0 -- core -- eth0 r2 eth1 -- eth0 r2h1     ov6: fd00::/8 of the lab two-sites
#        eth1 -- eth2 r1 eth3 -- core -- eth3 r2 eth2 -- eth1          2001:db8:N::/64 plainly, 2001:db8:1N::/64 by vx0 over eth3
. "$(dirname "${BASH_SOURCE[0]}")/samples.sh"
. "$(dirname "${BASH_SOURCE[0]}")/overlays.sh"

UNDERLAY_MTU=1600  # so that hosts have 1500 by every way

plain_site() {
  local n=$1 r=r$1 host=r$1h1 other=$((3 - $1)) node
  wire "$r" eth2 "$host" eth1
  wire "$r" eth3 core "p$n"
  for node in $r.eth2 $r.eth3 $host.eth1 core.p$n; do
    set_node "${node%.*}" "ipv6.conf.${node#*.}.disable_ipv6=0" "ipv6.conf.${node#*.}.accept_dad=0" "ipv6.conf.${node#*.}.accept_ra=0"
    ip -n "$LAB-${node%.*}" link set "${node#*.}" up
  done
  ip -n "$LAB-$r" link set eth3 mtu $UNDERLAY_MTU
  ip -n "$LAB-core" link set "p$n" mtu $UNDERLAY_MTU
  ip -n "$LAB-$host" addr add 2001:db8:$n::2/64 dev eth1 nodad
  ip -n "$LAB-$host" addr add 2001:db8:1$n::2/64 dev eth1 nodad
  ip -n "$LAB-$host" -6 route add 2001:db8::/32 via 2001:db8:$n::1
  ip -n "$LAB-$r" addr add 2001:db8:$n::1/64 dev eth2 nodad
  ip -n "$LAB-$r" addr add 2001:db8:1$n::1/64 dev eth2 nodad
  ip -n "$LAB-$r" addr add 2001:db8:f$n::1/64 dev eth3 nodad
  ip -n "$LAB-$r" addr add 10.9.$n.2/24 dev eth3
  ip -n "$LAB-core" addr add 2001:db8:f$n::f/64 dev "p$n" nodad
  ip -n "$LAB-core" addr add 10.9.$n.1/24 dev "p$n"
  ip -n "$LAB-core" -6 route add 2001:db8:$n::/64 via 2001:db8:f$n::1
  ip -n "$LAB-$r" -6 route add 2001:db8:$other::/64 via 2001:db8:f$n::f
  ip -n "$LAB-$r" route add 10.9.$other.0/24 via 10.9.$n.1
  set_node "$r" ipv6.conf.all.forwarding=1
  ip -n "$LAB-$r" link add vx0 type vxlan id 1 dstport 4789 local 10.9.$n.2 remote 10.9.$other.2
  ip -n "$LAB-$r" link set vx0 mtu 1500 up
  ip -n "$LAB-$r" addr add 2001:db8:ff::$n/64 dev vx0 nodad
  ip -n "$LAB-$r" -6 route add 2001:db8:1$other::/64 via 2001:db8:ff::$other
}

two_sites() {
  local n
  lab two-sites --attach "$1"
  # Who asked before would hear for half a minute that there is none.
  for n in 1 2; do expect_within 20 "r$n's site is registered" grep -q "/48 registered at" "$LAB_DIR/r$n/log"; done
  for n in 1 2; do
    ip -n "$LAB-r$n" link set eth0 mtu $UNDERLAY_MTU
    ip -n "$LAB-core" link set "r$n" mtu $UNDERLAY_MTU
  done
  set_node core ipv6.conf.all.disable_ipv6=0 ipv6.conf.all.forwarding=1
  for n in 1 2; do plain_site $n; done
  for n in ov6 plain vxlan; do expect_within 20 "r1h1 reaches r2h1 by $n" ping_once r1h1 "$(far_end $n)"; done
  ways=(plain ov6 vxlan)
  for n in ${OV6_BENCH_AGAINST-}; do
    if overlay "$n"; then ways+=("$n"); fi
  done
}

# far_end WAY: r2h1's address; near_end WAY: r1h1's
far_end() { case $1 in plain) echo 2001:db8:2::2 ;; vxlan) echo 2001:db8:12::2 ;; ov6) host_address r2h1 ;; *) echo "${OVERLAY_FAR[$1]}" ;; esac; }
near_end() { case $1 in plain) echo 2001:db8:1::2 ;; vxlan) echo 2001:db8:11::2 ;; ov6) host_address r1h1 ;; *) echo "${OVERLAY_NEAR[$1]}" ;; esac; }
