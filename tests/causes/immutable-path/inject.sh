#!/bin/sh
# Flags a cache folder as immutable, on a file system of its own.
# shows: mkdir /tmp/locked/cache/made => Operation not permitted
# needs root
set -e
mkdir -p /tmp/locked
dd if=/dev/zero of=/tmp/locked.img bs=1M count=8 2>/dev/null
mkfs.ext4 -q -F /tmp/locked.img
mount -o loop /tmp/locked.img /tmp/locked
mkdir /tmp/locked/cache
chattr +i /tmp/locked/cache
exec "$@"
