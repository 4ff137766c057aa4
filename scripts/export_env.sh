#!/bin/sh
# Makes the Python environment of nets/export in the folder $1, with uv, whose cache has PyTorch already where
# python_env.sh ran before.
set -eu

uv=$("$(dirname "$0")/uv.sh" "$(dirname "$1")/python-tools")
[ -x "$1/bin/python" ] || "$uv" venv --quiet "$1"
exec "$uv" pip install --quiet --python "$1/bin/python" --requirement nets/export/requirements.txt
