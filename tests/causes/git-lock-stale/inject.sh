#!/bin/sh
# A job was killed while its git wrote the index of the kept checkout.
# shows: git -C /tmp/app add . => index.lock': File exists
set -e
git init -q /tmp/app
: > /tmp/app/.git/index.lock
touch -d '3 hours ago' /tmp/app/.git/index.lock
exec "$@"
