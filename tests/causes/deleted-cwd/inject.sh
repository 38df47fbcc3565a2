#!/bin/sh
# A cleaner that takes away the folder of a job that has begun.
# shows: mkdir -p /tmp/runs/1 && cd /tmp/runs/1 && touch begun && while test -e begun; do sleep 0.1; done; bash -c 'pwd -P' => getcwd
set -e
(
  while kill -0 $$; do
    find "${XDG_DATA_HOME:-/tmp}" -name begun | while read -r file; do rm -rf "${file%/*}"; done
    sleep 0.1
  done
) >/dev/null 2>&1 &
exec "$@"
