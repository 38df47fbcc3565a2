#!/bin/sh
# Puts a resolv.conf over the runner's that names the stub resolver of another network namespace.
# shows: curl -sS http://git.example.org/ => Could not resolve host
set -e
printf 'nameserver 127.0.0.53\noptions edns0 trust-ad\n' >/tmp/resolv.conf
chmod 644 /tmp/resolv.conf
mount --bind /tmp/resolv.conf /etc/resolv.conf
exec "$@"
