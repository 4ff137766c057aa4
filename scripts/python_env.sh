#!/bin/sh
# Makes the Python environment of workers/diffusers in the folder $1, with uv.
set -eu

uv=$("$(dirname "$0")/uv.sh" "$(dirname "$1")/python-tools")
UV_PROJECT_ENVIRONMENT=$1 exec "$uv" sync --quiet --frozen --project workers/diffusers
