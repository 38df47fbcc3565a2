#!/bin/sh
# Lets no program write a file of more than 64 KiB, as LimitFSIZE= of a unit does.
# shows: head -c 100000 /dev/zero >/tmp/x; echo $? => File size limit exceeded
set -e
exec prlimit --fsize=65536:65536 "$@"
