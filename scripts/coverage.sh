#!/bin/sh
# Runs the tests and counts the lines that they reach, in every process of .venv: the service too, whose environment is
# filtered when it is started, so that a variable alone would not reach it. Arguments are pytest's.
# What a bare process loads cannot be asked meanwhile: the counting is loaded first. Such tests have the mark "bare".
set -eu
cd "$(dirname "$0")/.."
python=$PWD/.venv/bin/python
hook=$("$python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')/a0_count_lines.pth
trap 'rm -f "$hook"' EXIT INT TERM
rm -f .coverage .coverage.*
echo "import os; os.environ.update(COVERAGE_PROCESS_START='$PWD/pyproject.toml', COVERAGE_FILE='$PWD/.coverage')" >"$hook"
"$python" -m pytest -m "not soak and not faults and not browser and not bare" "$@"
rm -f "$hook"
"$python" -m coverage combine -q
"$python" -m coverage report --skip-covered
