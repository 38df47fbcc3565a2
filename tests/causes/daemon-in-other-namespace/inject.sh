#!/bin/sh
# Lets another service start the sccache server in a view of its own, in which this one's work folder is not there.
# shows: readlink /proc/self/ns/mnt | grep -cv "$(cat /tmp/other-view)" => 1
set -e
CARGO_HOME=/tmp/cargo
RUSTUP_HOME=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
SCCACHE_DIR=/tmp/sccache
SCCACHE_SERVER_PORT=4232
SCCACHE_IDLE_TIMEOUT=60
export CARGO_HOME RUSTUP_HOME SCCACHE_DIR SCCACHE_SERVER_PORT SCCACHE_IDLE_TIMEOUT
unshare --mount --propagation private sh -c '
  mount -t tmpfs other-view /mnt
  readlink /proc/self/ns/mnt >/tmp/other-view
  cd /
  if command -v sccache >/dev/null; then exec sccache --start-server; fi
' >/dev/null 2>&1
exec "$@"
