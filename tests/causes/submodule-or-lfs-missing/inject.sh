#!/bin/sh
# The origin has a submodule, which a plain clone leaves empty.
# shows: git clone -q /tmp/origin.git /tmp/x && cat /tmp/x/vendor/lib/rules.mk => No such file or directory
set -e
export GIT_AUTHOR_NAME=ci GIT_AUTHOR_EMAIL=ci@localhost GIT_COMMITTER_NAME=ci GIT_COMMITTER_EMAIL=ci@localhost
git init -q /tmp/lib.git
cd /tmp/lib.git
printf 'all:\n\techo built\n' > rules.mk
git add rules.mk && git commit -q -m rules
git init -q /tmp/origin.git
cd /tmp/origin.git
git -c protocol.file.allow=always submodule --quiet add /tmp/lib.git vendor/lib
git commit -q -m submodule
cd - >/dev/null
exec "$@"
