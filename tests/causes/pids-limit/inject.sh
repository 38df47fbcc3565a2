#!/bin/sh
# Puts the runner into a control group that may have few processes.
# shows: for n in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16; do sleep 1 & done => Cannot fork
# needs root
set -e
group=/sys/fs/cgroup/pids/${LAB_GROUP:-whyred-lab-$$}
mkdir "$group"
echo 14 >"$group/pids.max"
{ # an empty group is all that is left of it, and is taken away
  while kill -0 $$; do sleep 0.2; done
  until rmdir "$group"; do sleep 0.2; done
} >/dev/null 2>&1 &
echo 0 >"$group/cgroup.procs"
exec "$@"
