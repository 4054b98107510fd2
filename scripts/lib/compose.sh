# shellcheck shell=bash
# What the scripts about containers share.

root=$(CDPATH='' cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
program=${0##*/}

fail() {
  echo "$program: $*" >&2
  exit 1
}

# Without Docker's answer everything would look as if it were missing.
require_docker() {
  docker info >/dev/null 2>&1 || fail "Docker does not answer: start it, or add yourself to the group docker"
}

# compose ARGUMENT...: today's `docker compose`, or the docker-compose of old, in compose/ with its .env.
compose() {
  if docker compose version >/dev/null 2>&1; then
    (cd "$root/compose" && docker compose "$@")
  else
    (cd "$root/compose" && docker-compose "$@")
  fi
}
