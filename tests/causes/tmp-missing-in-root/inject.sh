#!/bin/sh
# Makes a root of bind mounts in which there is no /tmp at all.
# shows: mktemp -d => No such file or directory
set -e
root=/tmp/root
mkdir "$root"
for d in /*; do
  case $d in
    /tmp | "/*") continue ;;
  esac
  if [ -L "$d" ]; then
    cp -P "$d" "$root$d"
  elif [ -d "$d" ]; then
    mkdir "$root$d"
    mount --rbind "$d" "$root$d"
  fi
done
exec chroot "$root" "$@"
