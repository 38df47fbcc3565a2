#!/bin/sh
# Plays the founding incident and keeps its bundle as the one that ships with the tests. The run's folder is recorded in
# the bundle, so HOME must name a neutral place: HOME=/home/ci scripts/record.sh
set -eu
cd "$(dirname "$0")/.."
case "$HOME" in /home/ci) ;; *) echo "set HOME=/home/ci: the bundle records the run's folder" >&2; exit 2 ;; esac
unset XDG_DATA_HOME XDG_CACHE_HOME
.venv/bin/whyred demo
cp "$HOME/.local/share/whyred/demo/founding-incident.whyred" tests/lab/founding-incident.whyred
