#!/bin/sh
# Gives the build a target directory on a full file system.
# shows: dd if=/dev/zero of="$CARGO_TARGET_DIR/x" bs=4k count=1 => No space left on device
set -e
mkdir /tmp/target
mount -t tmpfs -o size=600k tmpfs /tmp/target
dd if=/dev/zero of=/tmp/target/fill bs=4k 2>/dev/null || :
CARGO_TARGET_DIR=/tmp/target
export CARGO_TARGET_DIR
exec "$@"
