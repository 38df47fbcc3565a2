#!/bin/sh
# Another job has been at work in the kept checkout and its git holds the index.
# shows: git -C /tmp/app add . => index.lock': File exists
set -e
git init -q /tmp/app
cd /tmp/app
git -c user.name=ci -c user.email=ci@localhost commit -q --allow-empty -m first
date > other && git add other
GIT_EDITOR="while kill -0 $$ 2>/dev/null; do sleep 1; done; :" \
  git -c user.name=ci -c user.email=ci@localhost commit -q -a </dev/null >/dev/null 2>&1 &
while [ ! -e .git/index.lock ]; do sleep 0.1; done
cd - >/dev/null
exec "$@"
