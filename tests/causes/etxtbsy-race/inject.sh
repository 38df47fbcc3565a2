#!/bin/sh
# Keeps a tool that jobs start open for writing, as a daemon does that has not finished its update.
# shows: /tmp/tools/generate => Text file busy
set -e
mkdir /tmp/tools
printf '#!/bin/sh\necho generated\n' >/tmp/tools/generate
chmod 755 /tmp/tools/generate
exec 3>>/tmp/tools/generate
while kill -0 $$; do sleep 1; done >/dev/null 2>&1 &
exec 3>&-
exec "$@"
