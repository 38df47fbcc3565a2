#!/bin/sh
# The run gets no token, as one of a fork does; nothing on the host is wrong.
# shows: sh -c '[ -n "$DEPLOY_TOKEN" ] || echo "DEPLOY_TOKEN is required"' => DEPLOY_TOKEN is required
unset DEPLOY_TOKEN
exec "$@"
