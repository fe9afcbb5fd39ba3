# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# A stock Linux (Debian's 6.1, qemu without hardware help) as a node of an experiment. Sourced after lib.sh.

. "$here/../../scripts/lib/debian_kernel.sh"
VM_FOLDER=$BUILD/kernel61 # the test of that name has the same kernel there

vm_tools() {
  local tool
  for tool in qemu-system-x86_64 busybox apt-get dpkg-deb; do
    command -v $tool >/dev/null || die "$tool is not installed; scripts/install-deps --test installs what the tests take"
  done
}

# vm_start NODE TAP...: boots it beside the namespace NODE, in which the TAP devices are its eth0, eth1, ...
vm_start() {
  local node=$1 tap n=0 nics=(); shift
  vm_tools
  vm_kernel=$(fetch_kernel "$VM_FOLDER") || die "no kernel"
  "$here/vm/initramfs" "$vm_kernel" "$TMP/initramfs" || die "no initial file system"
  for tap; do
    nics+=(-netdev "tap,id=n$n,ifname=$tap,script=no,downscript=no,vnet_hdr=off"
      -device "virtio-net-pci,netdev=n$n,mac=02:00:00:00:0f:0$n")
    n=$((n + 1))
  done
  mkfifo "$TMP/vm.in" "$TMP/vm.out"
  nsenter --net="/run/netns/$LAB-$node" -- qemu-system-x86_64 -accel tcg -cpu max -m 384 -smp 1 -nographic -nodefaults \
    -no-reboot -kernel "$vm_kernel"/boot/vmlinuz-* -initrd "$TMP/initramfs" "${nics[@]}" \
    -serial "file:$TMP/console" -serial "pipe:$TMP/vm" -append "console=ttyS0 panic=-1 quiet" >"$TMP/qemu" 2>&1 </dev/null &
  vm_pid=$!
  disown
  exec {vm_in}<>"$TMP/vm.in" {vm_out}<>"$TMP/vm.out"
  local line
  until read -r -t 90 line <&"$vm_out" && [ "$line" = READY ]; do
    kill -0 "$vm_pid" 2>/dev/null && [ -n "$line" ] || { cat "$TMP/qemu" "$TMP/console" >&2; die "the virtual machine did not start"; }
  done
}

# in_vm COMMAND-LINE: prints what it says, returns what it returns. No more than 60 s.
in_vm() {
  local line
  printf '( %s\n) 2>&1 </dev/null; echo "@@$?"\n' "$*" >&"$vm_in"
  while read -r -t 60 line <&"$vm_out"; do
    case $line in @@*) return "${line#@@}" ;; *) printf '%s\n' "$line" ;; esac
  done
  echo "no answer within 60 s" >&2
  return 124
}

vm_stop() {
  [ -n "${vm_pid-}" ] || return 0
  kill_pids KILL "$vm_pid"
  wait_for 5 gone "$vm_pid" || true
}
