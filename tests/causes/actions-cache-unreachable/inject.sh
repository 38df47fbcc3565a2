#!/bin/sh
# Tells the jobs of a cache server on a port where nobody listens.
# shows: curl -sS "$ACTIONS_CACHE_URL" => Failed to connect to 127.0.0.1 port 38446
set -e
ACTIONS_CACHE_URL=http://127.0.0.1:38446/3f9c1a/
export ACTIONS_CACHE_URL
exec "$@"
