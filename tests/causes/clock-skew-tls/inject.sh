#!/bin/sh
# Gives the runner a clock that is twenty years behind, and starts a server whose certificate is of today.
# shows: curl -sS https://localhost:38444/ => certificate is not yet valid
set -e
cd /tmp
cat >clock.c <<'END'
#define _GNU_SOURCE
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>
#define BEHIND (20L * 365 * 86400)
int clock_gettime(clockid_t id, struct timespec *t) {
  int failed = syscall(SYS_clock_gettime, id, t);
  if (!failed && id == CLOCK_REALTIME) t->tv_sec -= BEHIND;
  return failed;
}
int gettimeofday(struct timeval *t, void *zone) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  t->tv_sec = now.tv_sec;
  t->tv_usec = now.tv_nsec / 1000;
  return 0;
}
time_t time(time_t *t) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (t) *t = now.tv_sec;
  return now.tv_sec;
}
END
gcc -shared -fPIC -O1 -o clock.so clock.c
openssl req -x509 -newkey rsa:2048 -nodes -keyout server.key -out server.pem -days 9 -subj /CN=localhost \
  -addext subjectAltName=DNS:localhost 2>/dev/null
setpriv --pdeathsig KILL openssl s_server -accept 127.0.0.1:38444 -key server.key -cert server.pem -www -quiet \
  >/dev/null 2>&1 </dev/null &
until curl -sk -m 2 -o /dev/null https://localhost:38444/; do kill -0 $!; sleep 0.1; done
CURL_CA_BUNDLE=/tmp/server.pem
LD_PRELOAD=/tmp/clock.so
export CURL_CA_BUNDLE LD_PRELOAD
cd - >/dev/null
exec "$@"
