#!/bin/sh
# Lets another program listen at the port of the sccache server, and never answer.
# shows: grep -c ":$(printf %04X "$SCCACHE_SERVER_PORT") .* 0A " /proc/net/tcp => 1
set -e
python3 -c '
import os, socket, time
mute = socket.create_server(("127.0.0.1", 0))
with open("/tmp/port.new", "w") as file:
    print(mute.getsockname()[1], file=file)
os.rename("/tmp/port.new", "/tmp/port")
time.sleep(60)
' >/dev/null 2>&1 </dev/null &
until [ -e /tmp/port ]; do
  kill -0 $!
  sleep 0.05
done
SCCACHE_SERVER_PORT=$(cat /tmp/port)
SCCACHE_DIR=/tmp/sccache
export SCCACHE_SERVER_PORT SCCACHE_DIR
exec "$@"
