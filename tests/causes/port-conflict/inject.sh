#!/bin/sh
# Leaves a server of an earlier job running on the port that the next job wants.
# shows: python3 -m http.server --bind 127.0.0.1 38417 => Address already in use
set -e
setpriv --pdeathsig KILL python3 -m http.server --bind 127.0.0.1 38417 >/dev/null 2>&1 </dev/null &
until python3 -c 'import socket; socket.create_connection(("127.0.0.1", 38417))' 2>/dev/null; do kill -0 $!; sleep 0.1; done
exec "$@"
