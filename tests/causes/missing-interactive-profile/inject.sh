#!/bin/sh
# Installs a program into a folder of the user that only his .bashrc puts on the PATH.
# shows: queuectl --version || bash -ic 'queuectl --version' => queuectl 1.4.2
set -e
HOME=/tmp/home
export HOME
mkdir -p "$HOME/.local/bin"
printf '#!/bin/sh\necho queuectl 1.4.2\n' >"$HOME/.local/bin/queuectl"
chmod +x "$HOME/.local/bin/queuectl"
echo 'export PATH="$HOME/.local/bin:$PATH"' >"$HOME/.bashrc"
exec "$@"
