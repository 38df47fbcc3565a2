#!/bin/sh
# Two runner services are started with copies of one registration.
# shows: cat /tmp/two/.runner => 4f6e0c7a
set -e
for name in one two; do
	mkdir -p "/tmp/$name/bin"
	cp "$(command -v bash)" "/tmp/$name/bin/forgejo-runner"
	echo '{"uuid":"4f6e0c7a-6b1d-4e0e-9a51-2d7c1f3b8a90","name":"box","address":"https://forge.example.org"}' \
		>"/tmp/$name/.runner"
	echo "while kill -0 $$; do sleep 1; done" >"/tmp/$name/daemon"
	(cd "/tmp/$name" && HOME="/tmp/$name" exec bin/forgejo-runner daemon) </dev/null >/dev/null 2>&1 &
done
exec "$@"
