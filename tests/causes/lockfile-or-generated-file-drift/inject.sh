#!/bin/sh
# Nothing is wrong with the host: the job alone is at fault.
# shows: echo healthy => healthy
exec "$@"
