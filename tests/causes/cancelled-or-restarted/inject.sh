#!/bin/sh
# Whatever of the daemon's jobs is called sleep is told to end, as a service manager does that stops the service.
# shows: sh -c 'sleep 5; echo ended with $?' => ended with 143
daemon=$$
(
	exec </dev/null >/dev/null 2>&1
	while kill -0 "$daemon"; do
		ps -e -o pid=,ppid=,comm= | awk -v top="$daemon" '
			{ parent[$1] = $2; name[$1] = $3 }
			END { for (p in name) if (name[p] == "sleep") { q = p; while (q in parent && q != top) q = parent[q]
				if (q == top && parent[p] != top) print p } }' | grep -v "^$$\$" | while read -r pid; do
			kill -TERM "$pid"
		done
		perl -e 'select(undef, undef, undef, 0.2)'
	done
) &
exec "$@"
