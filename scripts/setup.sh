#!/bin/sh
# Install what uv.lock says into .venv, on a machine that has only a Python and make. What is fetched lies in the cache
# folder, outside the clone: a second clone is quick, and once everything is there no network is needed.
# PYTHON chooses the interpreter. All output goes to standard error.
set -eu
cd "$(dirname "$0")/.."

UV_VERSION=0.13.9
cache=${KNOWTHREAD_CACHE_DIR:?"run it through make"}
uv="$cache/uv-$UV_VERSION/uv"
stamp=.venv/.setup
PYTHON=${PYTHON:-}
unset VIRTUAL_ENV PYTHONHOME PYTHONPATH
export PIP_ROOT_USER_ACTION=ignore

say() { echo "$*" >&2; }

# Prints "fits PATH" for a usable interpreter, "bare PATH" for one that cannot get pip, and nothing for any other.
examine() {
    "$1" -I -c '
import importlib.util, sys
if (3, 11) <= sys.version_info < (3, 14):
    print("fits" if any(map(importlib.util.find_spec, ("ensurepip", "pip"))) else "bare", sys.executable)
' 2>/dev/null
}

find_python() {
    bare=
    for name in ${PYTHON:-python3.13 python3.12 python3.11 python3 python}; do
        found=$(examine "$name") || continue
        case $found in
        "fits "*) python=${found#fits }; return ;;
        "bare "*) bare=${bare:-${found#bare }} ;;
        esac
    done
    if [ -n "$bare" ]; then
        say "$bare fits but has neither ensurepip nor pip. Install one of them, then try again:"
        say "  Debian, Ubuntu:  sudo apt-get install python3-venv"
        say "  others:          your system's package that brings pip for this Python"
    else
        reason="none is on the PATH"
        [ -z "$PYTHON" ] || reason="PYTHON=$PYTHON is not one of these"
        say "knowthread needs Python 3.11, 3.12 or 3.13, and $reason. Install one:"
        say "  Debian, Ubuntu:  sudo apt-get install python3 python3-venv"
        say "  Fedora:          sudo dnf install python3.13"
        say "  macOS:           brew install python@3.13"
        say "If it is not on the PATH, name it: make PYTHON=/path/to/python3.13 ..."
    fi
    exit 1
}

# pip fetches uv, a single executable. It is moved into the cache folder in one step, so two set-ups may run at once.
install_uv() {
    say "set-up: fetching uv $UV_VERSION into $cache"
    mkdir -p "${uv%/*}"
    work=$(mktemp -d "$cache/uv-work.XXXXXX")
    trap 'rm -rf "$work"' EXIT
    pip_python=$python
    if "$python" -Ic 'import ensurepip' 2>/dev/null && "$python" -I -m venv "$work/venv" >&2; then
        pip_python="$work/venv/bin/python"
    fi
    "$pip_python" -m pip install --quiet --disable-pip-version-check --no-deps --only-binary :all: \
        --target "$work/uv" "uv==$UV_VERSION" >&2 || {
        say "uv could not be fetched; connect to the internet (behind a proxy: set HTTPS_PROXY) and try again."
        exit 1
    }
    mv -f "$work/uv/bin/uv" "$uv"
    rm -rf "$work"
    trap - EXIT
}

wanted() { echo "$PWD ${PYTHON:-any} uv-$UV_VERSION"; cksum uv.lock pyproject.toml scripts/knowthread; }

if [ "$(cat "$stamp" 2>/dev/null)" = "$(wanted)" ] && .venv/bin/python -I -c '' 2>/dev/null; then
    exit 0
fi
find_python
say "set-up: using $python ($("$python" -Ic 'import platform; print(platform.python_version())'))"
[ -x "$uv" ] || install_uv
export UV_CACHE_DIR="$cache/uv" UV_PYTHON_DOWNLOADS=never UV_SYSTEM_CERTS="${UV_SYSTEM_CERTS:-true}"
say "set-up: installing the packages of uv.lock into .venv"
"$uv" sync --frozen --offline --quiet --python "$python" 2>/dev/null ||
    "$uv" sync --frozen --python "$python" >&2 || {
    say "The packages could not be installed; see above. What has arrived is kept: try again when online."
    exit 1
}
wanted >"$stamp"
say "set-up: done"
