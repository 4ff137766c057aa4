#!/bin/sh
# Makes the Python environment of workers/diffusers in the folder $1, with uv; uv itself is installed beside it where it is missing.
set -eu

env=$1
tools=$(dirname "$env")/python-tools
uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    [ -x "$tools/bin/uv" ] || { python3 -m venv "$tools" && "$tools/bin/pip" install --quiet uv; }
    uv=$tools/bin/uv
fi
UV_PROJECT_ENVIRONMENT=$env exec "$uv" sync --quiet --frozen --project workers/diffusers
