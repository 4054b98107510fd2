# shellcheck shell=bash
# Makes .venv and keeps it in step with requirements/; sourced by the commands in scripts/.

root=$(CDPATH='' cd -P "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
venv=$root/.venv
log=$venv/install.log
watcher=

say() { printf '%s\n' "$@" >&2; }

# ensure_venv runtime|benchmarks|dev|training: returns when .venv holds that set, or ends the script with what to do about it.
ensure_venv() {
  if is_current "$1"; then return; fi
  local python
  python=$(choose_python) || exit 1
  mkdir -p "$venv"
  # Inherited by the installer, so that one that outlives a killed script still keeps others out. Not .lock: uv's own.
  exec 9>"$venv/.install-lock"
  if ! flock -n 9; then
    say "Another installation into ${venv##*/} is running; waiting for it."
    flock 9
  fi
  trap 'stop_watching; say "Interrupted. The next start installs anew."; exit 130' INT
  trap stop_watching EXIT
  if ! is_current "$1"; then install "$1" "$python"; fi
  trap - INT EXIT
  exec 9>&-
}

# The two marks: .made says which Python and folder .venv is for, and is absent while it is not whole;
# .installed-SET says which requirements went in.
is_current() {
  is_whole && [[ $(requirements_mark "$1") == "$(cat "$venv/.installed-$1" 2>/dev/null)" ]]
}

is_whole() {
  local made_by
  [[ -x $venv/bin/liveness ]] && made_by=$(identity "$venv/bin/python") &&
    [[ "$root $made_by" == "$(cat "$venv/.made" 2>/dev/null)" ]] &&
    [[ -z ${LIVENESS_PYTHON-} || $(identity "$LIVENESS_PYTHON") == "$made_by" ]]
}

identity() { "$1" -IS -c 'import sys; print(sys.base_prefix, *sys.version.split())' 2>/dev/null; }

requirements_mark() {
  cat "$root/pyproject.toml" "$root"/requirements/{build,embedded,"$1"}.txt | sha256sum
}

have_uv() { type -P uv >/dev/null; }

# Prints the path of the first Python that will do; otherwise says what to install and fails.
choose_python() {
  local name path answer status flag='' candidates=() problems='' fixable='' packages=python3-venv
  if have_uv; then flag=--uv; fi
  if [[ -n ${LIVENESS_PYTHON-} ]]; then
    candidates=("$LIVENESS_PYTHON")
  else
    for name in python3.12 python3.11 python3.13 python3.10 python3; do
      mapfile -t -O "${#candidates[@]}" candidates < <(type -aP "$name")
    done
    if have_uv; then
      mapfile -t -O "${#candidates[@]}" candidates < <(uv python find --system --no-python-downloads '>=3.10,<3.14' 2>/dev/null)
    fi
  fi
  for path in "${candidates[@]}"; do
    if [[ $path == "$venv"/* ]]; then continue; fi
    status=0
    answer=$("$path" -I "$root/scripts/preflight.py" "$root" $flag 2>/dev/null) || status=$?
    case $status in
      0) echo "$answer"; return ;;
      10) fixable=yes ;;
      11) packages='python3.X-venv   (X: 10, 11, 12 or 13, whichever this release has)' ;;
      12) say "The service cannot be installed here:" "$answer"; return 1 ;;
      *) answer="  $path does not start" ;;
    esac
    if [[ $problems != *"$answer"* ]]; then problems+=${problems:+$'\n'}$answer; fi
  done
  say "No usable Python: 3.10, 3.11, 3.12 or 3.13 is needed, with its venv module." \
    "${problems:-  there is no python3 on PATH}"
  if [[ -z $fixable ]]; then
    say "Install one, then start again:" \
      "  Debian, Ubuntu   sudo apt install $packages" \
      "  Fedora, RHEL     sudo dnf install python3.12" \
      "  any, with uv     uv python install 3.12"
  fi
  say "LIVENESS_PYTHON=/path/to/python names one that is not on PATH."
  return 1
}

# install SET PYTHON: into .venv as it stands where that is whole, else into a new one.
install() {
  local started=$SECONDS megabytes=205 reuse='' pip=() lists=() name
  case $1 in benchmarks) megabytes=285 ;; dev) megabytes=410 ;; training) megabytes=3300 ;; esac
  if is_whole && { have_uv || [[ -x $venv/bin/pip ]]; }; then reuse=yes; fi
  rm -f "$venv/.made"
  : >"$log"
  if [[ -z $reuse ]]; then
    find "$venv" -mindepth 1 -maxdepth 1 ! -name .install-lock ! -name install.log -exec rm -rf {} +
    if have_uv; then
      step "Making ${venv##*/}" uv venv --quiet --allow-existing --python "$2" "$venv"
    else
      step "Making ${venv##*/}" "$2" -I -m venv "$venv"
    fi
  fi
  requirements_mark "$1" >"$venv/.installed-$1"
  # The development set holds that of the benchmarks, and this the runtime set, at the same versions.
  if [[ $1 == dev ]]; then requirements_mark benchmarks >"$venv/.installed-benchmarks"; fi
  if [[ $1 != runtime ]]; then requirements_mark runtime >"$venv/.installed-runtime"; fi
  for name in build embedded "$1"; do lists+=(-r "$root/requirements/$name.txt"); done
  if have_uv; then
    pip=(uv pip install --python "$venv/bin/python" --no-deps --compile-bytecode)
  else
    pip=("$venv/bin/python" -I -m pip install --no-user --no-deps --no-input --no-warn-conflicts
      --disable-pip-version-check --progress-bar off)
  fi
  # The lists are complete, so nothing is resolved; and only wheels, so nothing is built with unpinned tools.
  step "Installing the packages (up to $megabytes MB to download)" \
    "${pip[@]}" --only-binary :all: --require-hashes "${lists[@]}"
  step "Installing the project" "${pip[@]}" --no-build-isolation --editable "$root"
  echo "$root $(identity "$venv/bin/python")" >"$venv/.made"
  say "Installed into ${venv##*/} in $((SECONDS - started)) s."
}

# step TEXT COMMAND...: runs it with its output in the log; a terminal shows on one line what it is at.
step() {
  local text=$1 started=$SECONDS status=0
  shift
  if [[ -t 2 ]]; then
    watch_log "$text" &
    watcher=$!
  else
    say "$text ..."
  fi
  "$@" </dev/null >>"$log" 2>&1 || status=$?
  stop_watching
  if ((status != 0)); then
    explain_failure "$text"
    exit 1
  fi
  if [[ -t 2 ]]; then say "$text: $((SECONDS - started)) s"; fi
}

watch_log() {
  local started=$SECONDS line columns
  while kill -0 $$ 2>/dev/null; do
    line=$(grep -E '^ *(Collecting|Download|Prepar|Install|Building)' "$log" 2>/dev/null | tail -n 1) || line=
    line=${line%% (from *}
    columns=$(stty size <&2 2>/dev/null) || columns='24 80'
    printf '\r\033[K%.*s' "$((${columns#* } - 1))" "$1  $((SECONDS - started)) s  ${line%%:*}" >&2
    sleep 0.2
  done
}

stop_watching() {
  if [[ -z $watcher ]]; then return 0; fi # in a trap, without the 0, it would fail
  kill "$watcher" 2>/dev/null || true
  wait "$watcher" 2>/dev/null || true
  watcher=
  printf '\r\033[K' >&2
}

explain_failure() {
  say "$1: failed. The last lines of $log:"
  { grep -v '^Ignoring' "$log" || true; } | tail -n 8 | cut -c1-200 | sed 's/^/  | /' >&2
  if grep -qiE 'No space left' "$log"; then
    say "The disk is full. Downloads pass through TMPDIR (${TMPDIR:-/tmp}) and the cache in ${XDG_CACHE_HOME:-~/.cache}."
  elif grep -qE 'DO NOT MATCH THE HASHES|Hash mismatch' "$log"; then
    say "The package index serves another file than the one that was locked: do not trust it before you know why."
  elif have_uv; then
    say "If this machine reaches the internet only through a proxy or a mirror: uv takes HTTPS_PROXY and" \
      "UV_DEFAULT_INDEX (or uv.toml), and does not read pip's configuration."
  else
    say "If this machine reaches the internet only through a proxy or a mirror: pip takes HTTPS_PROXY and" \
      "PIP_INDEX_URL (or pip.conf)."
  fi
}
