#!/bin/sh
# Sets TMPDIR to an existing directory of 118 characters.
# shows: printf %s "$TMPDIR" | wc -c => 118
set -e
name=$(printf %0113d 0)
TMPDIR=/tmp/$name
mkdir "$TMPDIR"
export TMPDIR
exec "$@"
