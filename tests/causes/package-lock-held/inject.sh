#!/bin/sh
# Holds the lock of dpkg on the runner's host, as an automatic update does.
# shows: python3 -c 'import fcntl; fcntl.lockf(open("/tmp/dpkg/lock-frontend", "w"), fcntl.LOCK_EX | fcntl.LOCK_NB)' => temporarily unavailable
# needs root
set -e
mkdir -p /tmp/dpkg
[ ! -d /mnt/work ] || mkdir -p /var/lib/dpkg
mount --bind /tmp/dpkg /var/lib/dpkg
: >/tmp/dpkg/lock-frontend
setpriv --pdeathsig KILL python3 -c '
import fcntl, signal
held = open("/tmp/dpkg/lock-frontend", "w")
fcntl.lockf(held, fcntl.LOCK_EX)
open("/tmp/dpkg/is-held", "w").close()
signal.pause()' >/dev/null 2>&1 </dev/null &
until [ -e /tmp/dpkg/is-held ]; do kill -0 $!; sleep 0.1; done
exec "$@"
