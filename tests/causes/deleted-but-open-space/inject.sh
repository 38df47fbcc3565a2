#!/bin/sh
# Fills the file system of /tmp with a log that a daemon keeps open after it was deleted.
# shows: dd if=/dev/zero of=/tmp/x bs=4k count=1 => No space left on device
set -e
mount -t tmpfs -o size=20m,mode=1777 tmpfs /tmp
exec 3>/tmp/daemon.log
cat /dev/zero >&3 2>/dev/null || :
rm /tmp/daemon.log
while kill -0 $$; do sleep 1; done >/dev/null 2>&1 &
exec 3>&-
exec "$@"
