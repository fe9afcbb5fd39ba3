# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Debian's own kernel for virtual machines: downloaded and unpacked, never installed.

. "$(dirname "${BASH_SOURCE[0]}")/common.sh"

# fetch_kernel FOLDER: prints where it lies, boot/ and lib/modules/ in it. Which version is Debian's business: the
# newest that apt knows of. FOLDER keeps it.
fetch_kernel() {
  local folder=$1 package
  package=$(apt-cache depends linux-image-cloud-amd64 | sed -n 's/^ *Depends: *\(linux-image-6\.1\.[^ ]*\)/\1/p' | head -n 1)
  [ -n "$package" ] || { warn "apt knows no 6.1 kernel (linux-image-cloud-amd64): is this Debian 12, was apt-get update run?"; return 1; }
  mkdir -p "$folder"
  if [ ! -f "$folder/$package/complete" ]; then
    (cd "$folder" && rm -rf "$package" ./linux-image-*.deb && apt-get -q -o APT::Sandbox::User=root download "$package" >&2 &&
      dpkg-deb -x ./"$package"_*.deb "$package" && rm -f ./linux-image-*.deb && touch "$package/complete") ||
      { warn "apt-get download $package failed: no kernel to test with"; return 1; }
  fi
  echo "$folder/$package"
}
