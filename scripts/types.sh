#!/bin/sh
# Check the types with pyright. That takes ten seconds and more, so a tree that has passed, byte for byte and with the
# same packages, is not checked again.
set -eu
cd "$(dirname "$0")/.."
passed=.venv/.typed

tree() {
    find cypher kg extract mcp_server \( -name '*.py' -o -name '*.pyi' \) -exec cksum {} + | LC_ALL=C sort
    cksum pyproject.toml uv.lock
}

now=$(tree)
if [ "$(cat "$passed" 2>/dev/null)" = "$now" ]; then
    echo "types: this tree has passed before"
    exit 0
fi
.venv/bin/python -m pyright
[ "$(tree)" != "$now" ] || printf '%s\n' "$now" >"$passed"
