#!/bin/sh
# The registration of the runner is gone; its program says so as the real one does.
# shows: /tmp/bin/forgejo-runner one-job => registration file not found
set -e
mkdir -p /tmp/bin
cat >/tmp/bin/forgejo-runner <<'END'
#!/bin/sh
[ -e .runner ] || { echo 'Error: registration file not found, please register the runner first' >&2; exit 1; }
END
chmod +x /tmp/bin/forgejo-runner
exec env "PATH=/tmp/bin:$PATH" "$@"
