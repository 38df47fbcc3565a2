#!/bin/sh
# Makes /tmp read-only.
# shows: mktemp -d => Read-only file system
set -e
mount -t tmpfs -o mode=1777 tmpfs /tmp
mount -o remount,ro /tmp
exec "$@"
