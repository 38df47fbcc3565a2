#!/bin/sh
# Sets TMPDIR to a directory that does not exist.
# shows: mktemp -d => No such file or directory
set -e
TMPDIR=/tmp/missing
export TMPDIR
exec "$@"
