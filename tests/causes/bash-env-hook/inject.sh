#!/bin/sh
# Lets BASH_ENV name a file that exports a TMPDIR which is not there: bash reads it, sh does not.
# shows: bash -c 'mktemp -d' => No such file or directory
set -e
printf '# Settings for CI\nexport TMPDIR=/var/tmp/gone\n' > /tmp/ci-env.sh
BASH_ENV=/tmp/ci-env.sh
export BASH_ENV
exec "$@"
