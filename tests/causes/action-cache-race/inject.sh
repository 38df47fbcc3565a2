#!/bin/sh
# Two runner services keep their copies of actions in one folder.
# shows: cat /tmp/two/config.yml => /tmp/actions
set -e
mkdir -p /tmp/actions
for name in one two; do
	mkdir -p "/tmp/$name/bin"
	cp "$(command -v bash)" "/tmp/$name/bin/forgejo-runner"
	printf '{"uuid":"%s","name":"%s"}\n' "$name" "$name" >"/tmp/$name/.runner"
	printf 'host:\n  workdir_parent: /tmp/actions\n' >"/tmp/$name/config.yml"
	echo "while kill -0 $$; do sleep 1; done" >"/tmp/$name/daemon"
	(cd "/tmp/$name" && HOME="/tmp/$name" exec bin/forgejo-runner daemon -c config.yml) </dev/null >/dev/null 2>&1 &
done
exec "$@"
