# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# ov6 on the lab's routers: configuration, start, questions, stop.
#
# A router's directory /run/ov6-lab/LAB/rN is its run directory (ov6d.sock, bpf/) and holds besides
# ov6.toml, state/, log and pid. LAB_BIN is where the executables are.

. "$(dirname "${BASH_SOURCE[0]}")/topology.sh"

# Slaves of different routers get different users, below 60000 so that it works in containers as well.
uid_base() {
  local lab
  lab=$(printf '%s' "$LAB" | cksum)
  echo $((20000 + ${lab%% *} % 390 * 100 + $1 * 6))
}

# door_key ROUTER: the line of configuration; without it ov6d chooses
door_key() { [ "$(doors_of "$1")" = auto ] || echo "attach = \"$(doors_of "$1")\""; }

# site_tables ROUTER NUMBER: its site at eth1. For experiments that need many prefixes LAB_MORE_SITES says how many sites more, at
# devices without hosts, and then each has 15 prefixes (a host takes no more), of a /48 each; that wants LAB_TRUST=open.
site_tables() {
  local n i device prefixes='"chord:auto"'
  for ((n = 0; n <= ${LAB_MORE_SITES:-0}; n++)); do
    [ -z "${LAB_MORE_SITES-}" ] || prefixes=$(for i in {0..14}; do printf '"chord:fd%02x:%x::/64", ' "$2" $((15 * n + i)); done)
    if [ $n = 0 ]; then device=eth1; else device=more$n; fi
    printf '\n[[site]]\ninterface = "%s"\n%s\nprefixes = [%s]\n' $device "$(door_key "$1")" "$prefixes"
  done
}

# router_config ROUTER NUMBER
router_config() {
  local dir bootstrap='[]'
  dir=$(router_dir "$1")
  [ "$1" = "${ROUTERS[0]}" ] || bootstrap="[\"$(router_ipv4 "${ROUTERS[0]}"):4646\"]"
  cat <<EOF
[node]
state = "$dir/state"
run = "$dir"
group = "$(uid_base "$2")"
uid_base = $(uid_base "$2")

[[underlay]]
interface = "eth0"
encapsulation = "$LAB_ENCAPSULATION"
$(door_key "$1")

[[domain]]
name = "chord"
prefix = "fd00::/8"
aggregate = 48
trust = "${LAB_TRUST:-self}"
$(site_tables "$1" "$2")

[[slave]]
name = "chord"
kind = "dht"
domain = "chord"
engine = "chord"
listen = "0.0.0.0:4646"
bootstrap = $bootstrap
${LAB_SLAVE_KEYS-}
${LAB_TABLES-}
EOF
  if [ "$1" = "${ROUTERS[0]}" ] && [ ${#SITES[@]} != 0 ]; then
    cat <<EOF

[[listen]]
address = "0.0.0.0:443"
certificate = "$LAB_DIR/cert.pem"
key = "$LAB_DIR/key.pem"
EOF
  fi
}

prepare_router() {
  local dir
  dir=$(router_dir "$1")
  mkdir -p "$dir/bpf" "$dir/state"
  router_config "$1" "$2" >"$dir/ov6.toml"
  mountpoint -q "$dir/bpf" || mount -t bpf bpf "$dir/bpf"
}

# A pid alone may be another process by the time it is used: it is kept with its start time.
process_start() { sed 's/.*) //' "/proc/$1/stat" 2>/dev/null | cut -d' ' -f20; }

# router_pid ROUTER: the pid of its ov6d, or nothing and failure.
router_pid() {
  local pid start
  read -r pid start 2>/dev/null <"$(router_dir "$1")/pid" || return 1
  [ "$(process_start "$pid")" = "$start" ] && echo "$pid"
}

# nsenter and not `ip netns exec`: ov6d must stay in the mount namespace where its bpffs is.
start_router() {
  local dir pid
  dir=$(router_dir "$1")
  setsid nsenter --net="/run/netns/$LAB-$1" -- "$LAB_BIN/ov6d" --config "$dir/ov6.toml" >>"$dir/log" 2>&1 </dev/null &
  pid=$!
  disown "$pid"  # or bash would report its end
  echo "$pid $(process_start "$pid")" >"$dir/pid"
}

ov6ctl() { local r=$1; shift; "$LAB_BIN/ov6ctl" -R "$(router_dir "$r")" "$@"; }

router_answers() { ov6ctl "$1" status >/dev/null 2>&1; }
# neighbours ROUTER: the IPv4 addresses of its predecessor and first successor in the ring, "-" where there is none.
neighbours() {
  ov6ctl "$1" -j slave call chord state 2>/dev/null |
    jq -r '[(.predecessor.endpoint // "-"), (.successors[0].endpoint // "-")] | map(sub(":[0-9]+$"; "")) | join(" ")'
}

router_at() { local r; for r in "${ROUTERS[@]}"; do [ "$(router_ipv4 "$r")" != "$1" ] || echo "$r"; done; }

# ring_members ROUTER: walks from successor to successor, back to ROUTER; prints how many there are. Nothing
# where the walk ends or a successor does not name the node before it as its predecessor.
ring_members() {
  local at=$1 before='' first_predecessor='' predecessor successor n=0
  while [ -n "$at" ] && [ $n -le ${#ROUTERS[@]} ]; do
    read -r predecessor successor < <(neighbours "$at") || return 0
    if [ $n = 0 ]; then first_predecessor=$predecessor; elif [ "$predecessor" != "$before" ]; then return 0; fi
    n=$((n + 1))
    before=$(router_ipv4 "$at")
    at=$(router_at "$successor")
    if [ "$at" = "$1" ]; then
      [ "$first_predecessor" != "$before" ] || echo $n
      return 0
    fi
  done
}
host_address() {
  ip -n "$LAB-$1" -6 -o addr show dev eth0 scope global -tentative 2>/dev/null | awk '{ sub("/.*", "", $4); print $4; exit }'
}
host_has_address() { [ -n "$(host_address "$1")" ]; }
router_own_prefix() { ov6ctl "$1" -j status | jq -r '.domains[0].own_prefix'; }

# kill_pids SIGNAL PID...: those that have gone meanwhile don't matter.
kill_pids() { local s=$1; shift; kill "-$s" "$@" 2>/dev/null || true; }
# A process whose first thread has ended still holds what it has open while another has not.
gone() {
  local p
  for p; do
    [ -d "/proc/$p" ] || continue
    [[ $(sed 's/.*) //' "/proc/$p/stat" 2>/dev/null) = Z* ]] && [ "$(ls "/proc/$p/task" 2>/dev/null | wc -l)" -le 1 ] || return 1
  done
}

# Everything that runs in a namespace of this lab: slaves, and what `exec` or a test started.
lab_pids() { local node; for node in $(lab_nodes); do has_node "$node" && ip netns pids "$LAB-$node"; done; true; }

stop_processes() {
  local r pids=()
  for r in "${ROUTERS[@]}"; do pids+=($(router_pid "$r" || true)); done
  [ ${#pids[@]} = 0 ] || kill_pids TERM "${pids[@]}"
  [ ${#pids[@]} = 0 ] || wait_for 5 gone "${pids[@]}" || kill_pids KILL "${pids[@]}"
  pids+=($(lab_pids))
  [ ${#pids[@]} = 0 ] || kill_pids KILL "${pids[@]}"
  [ ${#pids[@]} = 0 ] || wait_for 5 gone "${pids[@]}" || fail "these processes would not die: ${pids[*]}"
}

remove_files() {
  local mounts
  mapfile -t mounts < <(awk -v dir="$LAB_DIR/" 'index($2, dir) == 1 { print $2 }' /proc/mounts)
  [ ${#mounts[@]} = 0 ] || umount "${mounts[@]}"
  rm -rf --one-file-system "$LAB_DIR"
  rmdir --ignore-fail-on-non-empty "$LAB_ROOT" 2>/dev/null || true
}
