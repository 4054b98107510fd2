#!/bin/sh
# Judge one picture with curl: examples/client.sh selfie.jpg HASH_ID [http://127.0.0.1:5001]
# Where the service is busy (503) curl asks again after the seconds that Retry-After says. Exit status 22: no verdict.
set -eu
[ $# -ge 2 ] || { echo "usage: $0 selfie.jpg HASH_ID [URL]" >&2; exit 2; }
file=$(printf '%s' "$1" | sed 's/[\\"]/\\&/g') # between quotes curl takes "," and ";" as they are
# The hash_id goes over a pipe: an argument would be seen by everybody in the list of processes.
printf '%s' "$2" | curl --silent --show-error --fail-with-body --retry 3 --max-time 30 \
  --form 'hash_id=<-' --form "selfie_image=@\"$file\"" "${3:-http://127.0.0.1:5001}/liveness"
echo
