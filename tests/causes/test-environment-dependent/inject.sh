#!/bin/sh
# A runner without the variables of a desktop, as a service has none.
# shows: echo "lang:${LANG-none}" => lang:none
unset LANG LC_ALL LANGUAGE TZ
exec "$@"
