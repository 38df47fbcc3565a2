#!/bin/sh
# Starts a server that answers every request with 503.
# shows: curl -sSf http://127.0.0.1:38447/ => The requested URL returned error: 503
set -e
setpriv --pdeathsig KILL python3 -c '
import http.server
class Overloaded(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_error(503)
http.server.HTTPServer(("127.0.0.1", 38447), Overloaded).serve_forever()
' >/dev/null 2>&1 </dev/null &
until curl -s -m 2 -o /dev/null http://127.0.0.1:38447/; do kill -0 $!; sleep 0.1; done
exec "$@"
