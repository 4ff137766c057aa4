#!/bin/sh
# Prints where uv is; installs it in the folder $1 where there is none.
set -eu

uv=$(command -v uv || true)
if [ -z "$uv" ]; then
    uv=$1/bin/uv
    [ -x "$uv" ] || { python3 -m venv "$1" && "$1/bin/pip" install --quiet uv; }
fi
echo "$uv"
