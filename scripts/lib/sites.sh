# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A lab's sites elsewhere: namespaces natNAME (the way out) and gwNAME (the gateway) with its host, the gateways and
# what they need to reach their master, the first router. /run/ov6-lab/LAB/gwNAME holds log, token and pid.

. "$(dirname "${BASH_SOURCE[0]}")/wires.sh"
. "$(dirname "${BASH_SOURCE[0]}")/routers.sh"

# certificate_in DIRECTORY ADDRESS: cert.pem, which trusts itself, and key.pem
certificate_in() {
  openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=master \
    -addext "subjectAltName=IP:$2" -keyout "$1/key.pem" -out "$1/cert.pem" 2>"$1/openssl" ||
    fail "openssl made no certificate: $(tail -n 2 "$1/openssl")"
}

check_site_tools() {
  local tool tools=(nft openssl)
  [ ${#SITES[@]} != 0 ] || return 0
  [[ " ${WAY[*]} " != *' proxy '* ]] || tools+=(tinyproxy)
  for tool in "${tools[@]}"; do command -v "$tool" >/dev/null || fail "topology '$topology' needs $tool, and there is none"; done
}

# make_site NAME NUMBER
make_site() {
  local site=$1 nat=nat$1 gw=gw$1 outside=${OUTSIDE[$1]} inside=${INSIDE[$1]}
  make_namespace "$nat"
  make_namespace "$gw"
  wire "$nat" eth0 core "$nat"
  wire "$gw" eth0 "$nat" eth1
  set_node "$nat" ipv4.ip_forward=1 ipv6.conf.all.disable_ipv6=1
  ip -n "$LAB-core" addr add "$outside.1/24" dev "$nat"
  ip -n "$LAB-core" link set "$nat" up
  ip -n "$LAB-$nat" addr add "$outside.2/24" dev eth0
  ip -n "$LAB-$nat" addr add "$inside.1/24" dev eth1
  ip -n "$LAB-$nat" link set eth0 up
  ip -n "$LAB-$nat" link set eth1 up
  ip -n "$LAB-$nat" route add default via "$outside.1"
  ip -n "$LAB-$gw" addr add "$inside.2/24" dev eth0
  ip -n "$LAB-$gw" link set eth0 up
  ip -n "$LAB-$gw" route add default via "$inside.1"
  make_host "${SITE_HOST[$site]}" "$(printf '02:00:00:00:f%x:01' "$2")" "$gw" eth1
  case ${WAY[$site]} in
    nat) in_node "$nat" nft 'add table ip nat; add chain ip nat post { type nat hook postrouting priority srcnat; }; add rule ip nat post oifname eth0 masquerade' ;;
    proxy) in_node "$nat" nft 'add table ip filter; add chain ip filter forward { type filter hook forward priority filter; policy drop; }' ;;
  esac
}

make_sites() {
  local site n=0
  for site in "${SITES[@]}"; do
    n=$((n + 1))
    make_site "$site" "$n"
  done
}

proxy_listens() { [ -n "$(in_node "nat$1" ss -Hltn 'sport = :3128')" ]; }
start_proxy() {
  local site=$1 inside=${INSIDE[$1]} dir=$LAB_DIR/gw$1
  printf '%s\n' 'Port 3128' "Listen $inside.1" 'Timeout 600' "Allow $inside.0/24" 'ConnectPort 443' >"$dir/proxy.conf"
  setsid nsenter --net="/run/netns/$LAB-nat$site" -- tinyproxy -d -c "$dir/proxy.conf" >"$dir/proxy.log" 2>&1 </dev/null &
  disown
  wait_for 10 proxy_listens "$site" || fail "tinyproxy of site $site does not listen: $(tail -n 2 "$dir/proxy.log")"
}

# start_gateway SITE [OPTIONS]: as slave siteNAME; router_pid gwSITE is its pid.
start_gateway() {
  local site=$1 dir=$LAB_DIR/gw$1 pid proxy=(); shift
  [ "${WAY[$site]}" != proxy ] || proxy=(--proxy "http://${INSIDE[$site]}.1:3128")
  setsid nsenter --net="/run/netns/$LAB-gw$site" -- "$LAB_BIN/ov6-gateway" --master "https://$(router_ipv4 "${ROUTERS[0]}")" \
    --name "site$site" --token-file "$dir/token" --interface eth1 --ca "$LAB_DIR/cert.pem" "${proxy[@]}" "$@" \
    >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  disown "$pid"
  echo "$pid $(process_start "$pid")" >"$dir/pid"
}

# start_site SITE: its token, its proxy, its gateway with $LAB_GATEWAY_OPTIONS.
start_site() {
  local site=$1
  mkdir -p "$LAB_DIR/gw$site"
  ov6ctl "${ROUTERS[0]}" token new "site$site" prefix chord:auto >"$LAB_DIR/gw$site/token"
  [ "${WAY[$site]}" != proxy ] || start_proxy "$site"
  start_gateway "$site" ${LAB_GATEWAY_OPTIONS-}
}
