#!/bin/sh
# Mounts a noexec file system on /tmp, so that nothing below it can be started.
# shows: cp /bin/true /tmp/x && /tmp/x => Permission denied
set -e
mount -t tmpfs -o noexec,mode=1777 tmpfs /tmp
exec "$@"
