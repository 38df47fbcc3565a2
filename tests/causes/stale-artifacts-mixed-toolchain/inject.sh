#!/bin/sh
# Puts a compiled crate into a kept cache that says it was made by an older rustc.
# shows: grep -c 'rustc 1.94.0' /tmp/cache/libqueue.rlib => 1
set -e
CARGO_HOME=/tmp/cargo
RUSTUP_HOME=${RUSTUP_HOME:-$(getent passwd "$(id -u)" | cut -d: -f6)/.rustup}
export CARGO_HOME RUSTUP_HOME
mkdir /tmp/cache
cd /tmp/cache
echo 'pub fn take() -> u32 { 7 }' >queue.rs
rustc --crate-type rlib queue.rs 2>/dev/null || printf 'rust\000\000\000\012\000rustc 1.99.0 (0123456789 2026-01-01)' >libqueue.rlib
sed -i 's/rustc 1\.[0-9][0-9]\.[0-9]/rustc 1.94.0/' libqueue.rlib
cd /
exec "$@"
