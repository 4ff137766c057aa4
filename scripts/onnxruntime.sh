#!/bin/sh
# Installs ONNX Runtime, for processors, in a Python environment in the folder $1, and prints where its library is.
set -eu

VERSION=1.32.0

lib=$(ls "$1"/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.$VERSION 2>/dev/null || true)
if [ -z "$lib" ]; then
    python3 -m venv "$1"
    "$1/bin/pip" install --quiet --no-deps "onnxruntime==$VERSION"
    lib=$(ls "$1"/lib/python3*/site-packages/onnxruntime/capi/libonnxruntime.so.$VERSION)
fi
echo "$lib"
