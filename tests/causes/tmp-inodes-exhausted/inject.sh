#!/bin/sh
# Uses up the inodes of /tmp while most of its space stays free.
# shows: mktemp -d => No space left on device
set -e
mount -t tmpfs -o size=64m,nr_inodes=20,mode=1777 tmpfs /tmp
n=0
while mkdir "/tmp/left-over-$n" 2>/dev/null; do n=$((n + 1)); done
exec "$@"
