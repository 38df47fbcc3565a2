#!/bin/sh
# A single sign-on stands before the forge and sends git to its login page.
# shows: git ls-remote http://127.0.0.1:$(cat /tmp/port)/team/app.git => unable to update url base from redirection
set -e
python3 - <<'SERVER' &
import http.server, os, threading, time
class Login(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        page = b"<!DOCTYPE html><title>Sign in</title>"
        at_login = self.path.startswith("/login")
        self.send_response(200 if at_login else 302)
        if not at_login:
            self.send_header("Location", "/login?next=/")
        self.send_header("Content-Type", "text/html; charset=utf-8")
        self.send_header("Content-Length", str(len(page)))
        self.end_headers()
        self.wfile.write(page)
    def log_message(self, *_):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Login)
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
