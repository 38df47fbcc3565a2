#!/bin/sh
# Covers a folder of the host for the runner alone, as InaccessiblePaths= of its unit does.
# shows: cat /var/lib/ci-data/settings => No such file or directory
# needs root
set -e
mkdir -p /var/lib/ci-data
echo ready > /var/lib/ci-data/settings
exec unshare --mount --propagation private -- sh -c 'mount -t tmpfs -o mode=000,ro inaccessible /var/lib/ci-data && exec "$@"' sh "$@"
