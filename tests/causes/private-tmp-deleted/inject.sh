#!/bin/sh
# Makes /tmp a bind mount of a directory that is then removed, as a cleaner does to a private /tmp.
# shows: mktemp -d => No such file or directory
set -e
mkdir -p /tmp/outside
mount -t tmpfs -o mode=1777 outside /tmp/outside
mkdir -m 1777 -p /tmp/outside/systemd-private-made-up/tmp
cd /tmp/outside/systemd-private-made-up
mount --bind ./tmp /tmp
rmdir ./tmp
cd /
exec "$@"
