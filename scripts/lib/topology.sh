# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A lab's names and places, read from a topology file. Everything here is derived: nothing is made.
#
# Sets: LAB, LAB_DIR (/run/ov6-lab/LAB), ROUTERS (in the file's order), NET[router] (first three
# octets of its IPv4 subnet; the core is .1 there, the router .2), HOSTS[router], ROUTER_OF[host]; and of sites
# elsewhere SITES, WAY[site] (nat, proxy), OUTSIDE[site] and INSIDE[site] (first three octets), SITE_HOST[site].

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

LAB_ROOT=/run/ov6-lab
declare -a ROUTERS=() SITES=()
declare -A NET HOSTS ROUTER_OF WAY=() OUTSIDE INSIDE SITE_HOST

# read_topology TOPOLOGY NAME
read_topology() {
  local file=$OV6_ROOT/scripts/topologies/$1 word router subnet hosts host
  [ -f "$file" ] || fail "there is no topology '$1'; there are: $(ls "$OV6_ROOT/scripts/topologies" | tr '\n' ' ')"
  [[ $2 =~ ^[a-z0-9][a-z0-9-]{0,30}$ ]] ||
    fail "'$2' is no name for a lab: 1 to 31 of a-z, 0-9 and '-', not starting with '-'"
  LAB=$2
  LAB_DIR=$LAB_ROOT/$LAB
  while read -r word router subnet hosts; do
    case $word in
      '' | '#'*) continue ;;
      router) read_router ;;
      site) read_site "$router" "$subnet" $hosts ;;
      *) fail "$file: '$word' is neither router nor site" ;;
    esac
  done <"$file"
}

# With read_topology's variables.
read_router() {
  [[ $subnet =~ ^[0-9]+\.[0-9]+\.[0-9]+\.0/24$ && -n $hosts ]] ||
    fail "$file: '$word $router $subnet $hosts' should be: router NAME A.B.C.0/24 HOST..."
  ROUTERS+=("$router")
  NET[$router]=${subnet%.0/24}
  HOSTS[$router]=$hosts
  for host in $hosts; do ROUTER_OF[$host]=$router; done
}

# read_site NAME WAY OUTSIDE INSIDE HOST
read_site() {
  [[ $# = 5 && $2 =~ ^(nat|proxy)$ && $3$4 =~ ^([0-9]+\.[0-9]+\.[0-9]+\.0/24){2}$ && ${#ROUTERS[@]} != 0 ]] ||
    fail "$file: 'site $*' should be, behind the routers: site NAME nat|proxy A.B.C.0/24 D.E.F.0/24 HOST"
  SITES+=("$1")
  WAY[$1]=$2 OUTSIDE[$1]=${3%.0/24} INSIDE[$1]=${4%.0/24} SITE_HOST[$1]=$5
  ROUTER_OF[$5]=${ROUTERS[0]}
}

# doors_of ROUTER: what its devices are attached by. In a mixed lab the first router's alone are native.
doors_of() {
  if [ "$LAB_ATTACH" != mixed ]; then echo "$LAB_ATTACH"; elif [ "$1" = "${ROUTERS[0]}" ]; then echo native; else echo tc; fi
}

has_switch() { [[ ${HOSTS[$1]} = *' '* ]]; }
router_dir() { echo "$LAB_DIR/$1"; }
router_ipv4() { echo "${NET[$1]}.2"; }
all_hosts() { local s; router_hosts; for s in "${SITES[@]}"; do echo "${SITE_HOST[$s]}"; done; }
router_hosts() { local r; for r in "${ROUTERS[@]}"; do printf '%s\n' ${HOSTS[$r]}; done; }

# lab_nodes: the names of all nodes, without the lab's prefix.
lab_nodes() {
  local r
  echo core
  for r in "${ROUTERS[@]}"; do
    echo "$r"
    if has_switch "$r"; then echo "${r}sw"; fi
    printf '%s\n' ${HOSTS[$r]}
  done
  for r in "${SITES[@]}"; do printf '%s\n' "nat$r" "gw$r" "${SITE_HOST[$r]}"; done
}

# in_node NODE COMMAND...: nsenter and not `ip netns exec`, which would hide /sys/fs/bpf and makes a mount namespace.
in_node() { local node=$1; shift; nsenter --net="/run/netns/$LAB-$node" -- "$@"; }
has_node() { [ -e "/run/netns/$LAB-$1" ]; }
