#!/bin/sh
# The origin has tags and history; what is cloned with a depth of 1 has neither.
# shows: git clone -q --depth 1 file:///tmp/origin.git /tmp/x && git -C /tmp/x describe => No names found
set -e
git init -q /tmp/origin.git
cd /tmp/origin.git
export GIT_AUTHOR_NAME=ci GIT_AUTHOR_EMAIL=ci@localhost GIT_COMMITTER_NAME=ci GIT_COMMITTER_EMAIL=ci@localhost
git commit -q --allow-empty -m first
git tag -a v1.0 -m v1.0
git commit -q --allow-empty -m second
cd - >/dev/null
exec "$@"
