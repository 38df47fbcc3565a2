#!/bin/sh
# Starts a server whose authority lies beside the system's store, which was not made anew.
# shows: curl -sS https://localhost:38443/ => unable to get local issuer certificate
set -e
cd /tmp
openssl req -x509 -newkey rsa:2048 -nodes -keyout ca.key -out ca.pem -days 9 -subj /CN=Made-up-authority 2>/dev/null
openssl req -newkey rsa:2048 -nodes -keyout server.key -out server.csr -subj /CN=localhost 2>/dev/null
printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >names
openssl x509 -req -in server.csr -CA ca.pem -CAkey ca.key -CAcreateserial -out server.pem -days 9 -extfile names 2>/dev/null
mount -t tmpfs authorities /usr/local/share/ca-certificates
cp ca.pem /usr/local/share/ca-certificates/made-up.crt
setpriv --pdeathsig KILL openssl s_server -accept 127.0.0.1:38443 -key server.key -cert server.pem -www -quiet \
  >/dev/null 2>&1 </dev/null &
until curl -sk -m 2 -o /dev/null https://localhost:38443/; do kill -0 $!; sleep 0.1; done
cd - >/dev/null
exec "$@"
