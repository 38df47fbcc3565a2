#!/bin/sh
# The only runner with a forge offers another label than the one that is asked for.
# shows: cat /tmp/one/.runner => docker
set -e
mkdir -p /tmp/one/bin
cp "$(command -v bash)" /tmp/one/bin/forgejo-runner
echo '{"uuid":"one","name":"one","labels":["docker:docker://node:22"]}' >/tmp/one/.runner
echo "while kill -0 $$; do sleep 1; done" >/tmp/one/daemon
(cd /tmp/one && HOME=/tmp/one exec bin/forgejo-runner daemon) </dev/null >/dev/null 2>&1 &
exec "$@"
