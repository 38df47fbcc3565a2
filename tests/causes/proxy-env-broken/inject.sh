#!/bin/sh
# Starts the runner with a proxy on which nobody listens any more.
# shows: curl -sS http://git.example.org/ => Failed to connect to 127.0.0.1 port 3129
set -e
http_proxy=http://ci:made-up@127.0.0.1:3129
https_proxy=$http_proxy
export http_proxy https_proxy
exec "$@"
