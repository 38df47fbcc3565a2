#!/bin/sh
# The service was given a home that does not exist, as accounts without a login have one.
# shows: git config --global user.name ci => could not lock config file /nonexistent/.gitconfig
set -e
export HOME=/nonexistent
exec "$@"
