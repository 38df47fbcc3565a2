#!/bin/sh
# Leaves a process behind that holds the lock of CARGO_HOME, as a build that hangs does.
# shows: flock -n "$CARGO_HOME/.package-cache" true || echo taken => taken
set -e
CARGO_HOME=/tmp/cargo
RUSTUP_HOME=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
export CARGO_HOME RUSTUP_HOME
mkdir "$CARGO_HOME"
flock "$CARGO_HOME/.package-cache" sleep 60 >/dev/null 2>&1 </dev/null &
until ! flock -n "$CARGO_HOME/.package-cache" true; do sleep 0.05; done
exec "$@"
