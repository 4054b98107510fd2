# shellcheck shell=bash
# What the scripts about containers share.

root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${0##*/}

fail() {
  echo "$program: $*" >&2
  exit 1
}

# compose ARGUMENT...: today's `docker compose`, or the docker-compose of old, in compose/ with its .env.
compose() {
  if docker compose version >/dev/null 2>&1; then
    (cd "$root/compose" && docker compose "$@")
  else
    (cd "$root/compose" && docker-compose "$@")
  fi
}
