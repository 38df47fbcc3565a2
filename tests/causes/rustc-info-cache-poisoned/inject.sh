#!/bin/sh
# Lets a compiler's wrapper fail once, and keeps the target directory in which cargo wrote that down.
# shows: cat "$CARGO_TARGET_DIR/.rustc_info.json" => "success":false
set -e
CARGO_HOME=/tmp/cargo
CARGO_TARGET_DIR=/tmp/target
RUSTC_WRAPPER=/tmp/wrapper
RUSTUP_HOME=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
export CARGO_HOME CARGO_TARGET_DIR RUSTC_WRAPPER RUSTUP_HOME
mkdir -p /tmp/seed/src "$CARGO_TARGET_DIR"
printf '[package]\nname = "seed"\nversion = "0.1.0"\nedition = "2021"\n' >/tmp/seed/Cargo.toml
echo 'fn main() {}' >/tmp/seed/src/main.rs
printf '#!/bin/sh\n[ -e /tmp/broken ] || exec "$@"\necho "wrapper: cannot reach its server" >&2\nexit 2\n' >/tmp/wrapper
chmod +x /tmp/wrapper
if command -v cargo >/dev/null && cargo -V >/dev/null 2>&1; then
  touch /tmp/broken
  (cd /tmp/seed && cargo build --offline >/dev/null 2>&1) || :
  rm /tmp/broken
fi
[ -e "$CARGO_TARGET_DIR/.rustc_info.json" ] ||
  echo '{"rustc_fingerprint":1,"outputs":{"1":{"success":false,"status":"exit status: 2","code":2,"stdout":"","stderr":"x"}},"successes":{}}' \
    >"$CARGO_TARGET_DIR/.rustc_info.json"
touch -d '10 minutes ago' "$CARGO_TARGET_DIR/.rustc_info.json"
exec "$@"
