#!/bin/sh
# Takes the variable out of the runner's environment, so that only the checkout's justfile or Makefile has it.
# shows: sh -c 'set -u; echo "$DEPLOY_HOST"' => parameter not set
set -e
exec env -u DEPLOY_HOST "$@"
