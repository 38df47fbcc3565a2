#!/bin/sh
# Removes whatever appears in /tmp, over and over, for as long as the command runs.
# shows: d=$(mktemp -d) && sleep 1 && ls "$d" => No such file or directory
set -e
(
  while kill -0 $$; do
    find /tmp -mindepth 1 -maxdepth 1 -exec rm -rf {} + || :
    sleep 0.02
  done
) >/dev/null 2>&1 &
exec "$@"
