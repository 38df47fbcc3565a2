#!/bin/sh
# Lets TZ of the runner name a zone that nobody knows, as Environment= of a unit with a typing error does.
# shows: python3 -c 'import os, zoneinfo; zoneinfo.ZoneInfo(os.environ["TZ"])' => No time zone found with key Europe/Berln
set -e
TZ=Europe/Berln
export TZ
exec "$@"
