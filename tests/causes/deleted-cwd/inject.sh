#!/bin/sh
# A cleaner that takes away the workspaces of jobs that run.
# shows: mkdir -p /tmp/runs/1/workspace && cd /tmp/runs/1/workspace && sleep 1 && bash -c 'pwd -P' => getcwd
set -e
(
  while kill -0 $$; do
    find "${XDG_DATA_HOME:-/tmp}" -depth -name workspace -type d -exec rm -rf {} + || :
    sleep 0.2
  done
) >/dev/null 2>&1 &
exec "$@"
