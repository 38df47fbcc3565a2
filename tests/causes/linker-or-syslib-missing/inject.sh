#!/bin/sh
# Hides the headers of zlib by an empty file system over the folder of headers, with all others linked back in.
# shows: printf '#include <zlib.h>' | gcc -xc -E - => zlib.h: No such file or directory
set -e
mkdir /tmp/headers /tmp/kept
mount --rbind /usr/include /tmp/kept
for f in /tmp/kept/*; do
  case ${f##*/} in
    zlib.h | zconf.h) continue ;;
  esac
  ln -s "$f" /tmp/headers/
done
mount --bind /tmp/headers /usr/include
exec "$@"
