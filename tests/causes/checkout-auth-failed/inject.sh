#!/bin/sh
# The forge answers git that it must sign in, and the job has no token.
# shows: GIT_TERMINAL_PROMPT=0 git ls-remote http://127.0.0.1:$(cat /tmp/port)/team/app.git => could not read Username
set -e
python3 - <<'SERVER' &
import http.server, os, threading, time
class Forge(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(401)
        self.send_header("WWW-Authenticate", 'Basic realm="forge"')
        self.send_header("Content-Length", "0")
        self.end_headers()
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Forge)
with open("/tmp/port.new", "w") as file:
    file.write(str(server.server_port))
os.rename("/tmp/port.new", "/tmp/port")
threading.Thread(target=server.serve_forever, daemon=True).start()
parent = os.getppid()
while os.getppid() == parent:
    time.sleep(0.2)
SERVER
while [ ! -e /tmp/port ]; do sleep 0.1; done
exec "$@"
