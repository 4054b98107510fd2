#!/bin/sh
# Judge one picture with curl 7.76 or newer: examples/client.sh selfie.jpg HASH_ID [http://127.0.0.1:5001]
# Everybody on the machine sees a program's arguments: without these two, LIVENESS_HASH_ID and LIVENESS_URL are read.
# After a 503, and what else may pass (408, 429, 500, 502, 504), curl asks again, after the seconds that Retry-After
# says. Exit status 22: no verdict.
set -eu
hash_id=${2:-${LIVENESS_HASH_ID-}}
if [ -z "${1-}" ] || [ -z "$hash_id" ]; then
  echo "usage: $0 selfie.jpg HASH_ID [URL]" >&2
  exit 2
fi
# A picture for this very machine is not for the proxy that the environment may name.
export no_proxy="127.0.0.1,localhost,::1,${no_proxy-${NO_PROXY-}}"
file=$(printf '%s' "$1" | sed 's/[\\"]/\\&/g') # between quotes curl takes "," and ";" as they are
printf '%s' "$hash_id" | curl --silent --show-error --fail-with-body --retry 3 --max-time 30 \
  --form 'hash_id=<-' --form "selfie_image=@\"$file\"" "${3:-${LIVENESS_URL:-http://127.0.0.1:5001}}/liveness"
echo
