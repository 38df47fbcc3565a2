#!/bin/sh
# An old tar lies first on the PATH of this one runner.
# shows: tar --zstd -cf x y => unrecognized option '--zstd'
set -e
mkdir -p /tmp/old
cat >/tmp/old/tar <<'END'
#!/bin/sh
case " $* " in
*" --zstd "*) echo "tar: unrecognized option '--zstd'" >&2; echo "Try 'tar --help' for more information." >&2; exit 64 ;;
esac
exec /bin/tar "$@"
END
chmod +x /tmp/old/tar
exec env "PATH=/tmp/old:$PATH" "$@"
