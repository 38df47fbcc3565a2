#!/bin/sh
# The branch of the run was deleted before its job began.
# shows: git init -q /tmp/x && git -C /tmp/x fetch file:///tmp/origin.git topic => couldn't find remote ref topic
set -e
git init -q /tmp/origin.git
cd /tmp/origin.git
git -c user.name=ci -c user.email=ci@localhost commit -q --allow-empty -m first
git branch topic
git branch -q -D topic
cd - >/dev/null
exec "$@"
