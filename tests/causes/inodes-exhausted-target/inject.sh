#!/bin/sh
# Gives the build a target directory on a file system with no inodes left.
# shows: mkdir "$CARGO_TARGET_DIR/x" => No space left on device
set -e
mkdir /tmp/target
mount -t tmpfs -o size=64m,nr_inodes=25 tmpfs /tmp/target
n=0
while mkdir "/tmp/target/left-over-$n" 2>/dev/null; do n=$((n + 1)); done
CARGO_TARGET_DIR=/tmp/target
export CARGO_TARGET_DIR
exec "$@"
