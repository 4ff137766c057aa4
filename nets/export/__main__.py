"""Exports the skeletons named, or all: `python -m export [--check] [NAME...]`, in the folder `nets`."""

import argparse
import gc
import sys
from pathlib import Path

import torch

from . import runtime, skeleton
from .catalogue import NETS, picked

SKELETONS = Path(__file__).parent.parent / "skeletons"
TOTAL_BYTES_MAX = 2_000_000


def main():
    parser = argparse.ArgumentParser(prog="python -m export", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help="one of: " + ", ".join(NETS))
    parser.add_argument("--check", action="store_true", help="compare bytes with what is committed")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for net in picked(options.names):
        (check if options.check else write)(net)
        gc.collect()
    check_total()


def write(net):
    """Exports one net, proves it against ONNX Runtime, and writes it."""
    module = skeleton.built(net)
    model = skeleton.skeleton(net, module)
    difference = runtime.checked_difference(net, module, model)
    data = skeleton.packed(model)
    SKELETONS.mkdir(exist_ok=True)
    committed(net).write_bytes(data)
    weights = len(model.graph.initializer)
    proof = f"ONNX Runtime {difference:.1e}"
    print(f"{net.name}: {weights} weights, {len(data)} bytes, {proof}", flush=True)


def check(net):
    """Exports one net again; ends the program if the bytes are not those committed."""
    data = skeleton.packed(skeleton.skeleton(net, skeleton.built(net)))
    if data != committed(net).read_bytes():
        sys.exit(f"{committed(net)} is stale\nhint: python -m export {net.name}")
    print(f"{net.name}: as committed", flush=True)


def committed(net):
    return SKELETONS / f"{net.name}.onnx.gz"


def check_total():
    total = sum(path.stat().st_size for path in SKELETONS.glob("*.onnx.gz"))
    print(f"all skeletons: {total} bytes")
    if total > TOTAL_BYTES_MAX:
        sys.exit(f"the skeletons pass {TOTAL_BYTES_MAX} bytes")


main()
