#!/bin/sh
# Takes from /tmp the permission to write; root keeps its power, so the command runs without it.
# shows: mktemp -d => Permission denied
set -e
chmod 0555 /tmp
exec setpriv --bounding-set=-dac_override,-dac_read_search --inh-caps=-dac_override,-dac_read_search "$@"
