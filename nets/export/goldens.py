"""Writes the goldens: what PyTorch computes with the random weights. `python -m export.goldens [NAME...]`.

A golden holds the sizes and rules of the inputs, and of each output the shape, the mean absolute
value, the first 16 values and 16 values at the places `floor(k * (count - 1) / 15)`, k from 0 to 15.
"""

import argparse
import gc
import json
import re
from pathlib import Path

import numpy as np
import torch

from . import runtime, skeleton, weights
from .catalogue import picked

GOLDENS = Path(__file__).parent.parent / "goldens"
SAMPLES = 16


def main():
    parser = argparse.ArgumentParser(prog="python -m export.goldens")
    parser.add_argument("names", nargs="*", metavar="NAME")
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    GOLDENS.mkdir(exist_ok=True)
    for net in picked(options.names):
        (GOLDENS / f"{net.name}.json").write_text(readable(golden(net)))
        print(net.name, flush=True)
        gc.collect()


def readable(value):
    """Indented JSON, but a list of numbers on one line."""
    text = json.dumps(value, indent=1)
    return re.sub(r"\[[^\[\]{}]+\]", lambda found: " ".join(found[0].split()), text) + "\n"


def golden(net):
    module = skeleton.built(net)
    return {
        "net": net.name,
        "seed": weights.SEED,
        "reference": net.reference,
        "cases": [golden_case(net, module, axes) for axes in net.cases],
    }


def golden_case(net, module, axes):
    outputs = runtime.torch_outputs(module, net.arrays(axes))
    return {
        "axes": axes,
        "inputs": [described_input(entry, axes) for entry in net.inputs],
        "outputs": [described_output(*pair) for pair in zip(net.outputs, outputs, strict=True)],
    }


def described_input(entry, axes):
    return {"name": entry.name, "shape": entry.concrete_shape(axes)} | entry.values.described()


def described_output(name, values):
    flat = values.reshape(-1)
    places = [k * (flat.size - 1) // (SAMPLES - 1) for k in range(SAMPLES)]
    return {
        "name": name,
        "shape": values.shape,
        "mean_abs": float(np.abs(flat.astype(np.float64)).mean()),
        "first": shortest(flat[:SAMPLES]),
        "spread": shortest(flat[places]),
    }


def shortest(values):
    """f32 values as the shortest decimals that give them back."""
    return [float(str(value)) for value in values]


if __name__ == "__main__":
    main()
