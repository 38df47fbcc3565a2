#!/bin/sh
# Lets a first job start the sccache server with a TMPDIR of its own, and removes that directory, as runners do.
# shows: ls /tmp/first-job => No such file or directory
set -e
CARGO_HOME=/tmp/cargo
RUSTUP_HOME=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
SCCACHE_DIR=/tmp/sccache
SCCACHE_SERVER_PORT=4231
SCCACHE_IDLE_TIMEOUT=60
export CARGO_HOME RUSTUP_HOME SCCACHE_DIR SCCACHE_SERVER_PORT SCCACHE_IDLE_TIMEOUT
mkdir /tmp/first-job
if command -v sccache >/dev/null; then TMPDIR=/tmp/first-job sccache --start-server >/dev/null 2>&1; fi
rm -r /tmp/first-job
exec "$@"
