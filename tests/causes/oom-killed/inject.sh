#!/bin/sh
# Puts the runner into a control group that may have little memory.
# shows: python3 -c "bytearray(1 << 28)" => Killed
# needs root
set -e
group=/sys/fs/cgroup/memory/${LAB_GROUP:-whyred-lab-$$}
mkdir "$group"
echo 160M >"$group/memory.limit_in_bytes"
{ # an empty group is all that is left of it, and is taken away
  while kill -0 $$; do sleep 0.2; done
  until rmdir "$group"; do sleep 0.2; done
} >/dev/null 2>&1 &
echo 0 >"$group/cgroup.procs"
exec "$@"
