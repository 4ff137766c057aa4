"""Writes the three networks as ONNX files with half-precision weights, and checks them against torch."""

import argparse
import os

import numpy as np
import onnx
import onnxruntime
import torch
from onnx import TensorProto, helper, numpy_helper

from model import CARDINALITIES, FRAME_CHANNELS, FRAMES, LATENT, SIZE, Classifier, Decoder, Denoiser

OPSET = 17


def rounded(model):
    """Rounds every parameter to half precision, so that torch and the exported file compute with the same numbers."""
    with torch.no_grad():
        for p in model.parameters():
            p.copy_(p.half().float())
    return model.eval()


def load_networks(folder):
    """The trained networks with rounded weights, or untrained ones if there is no folder."""
    networks = {"denoiser": Denoiser(), "decoder": Decoder(), "classifier": Classifier()}
    torch.nn.init.normal_(networks["denoiser"].out.weight, std=0.1)  # zero before training, which would test nothing
    if folder:
        networks["denoiser"].load_state_dict(torch.load(os.path.join(folder, "denoiser.pt"))["average"])
        networks["decoder"].load_state_dict(torch.load(os.path.join(folder, "autoencoder.pt"))["decoder"])
        networks["classifier"].load_state_dict(torch.load(os.path.join(folder, "classifier.pt")))
    return {name: rounded(network) for name, network in networks.items()}


def example_inputs(batch):
    generator = torch.Generator().manual_seed(11)
    attributes = torch.stack([torch.randint(0, n + 1, (batch,), generator=generator) for n in CARDINALITIES], 1)
    z = torch.randn((batch, *LATENT), generator=generator)
    return {
        "denoiser": {"z": z, "s": torch.rand(batch, generator=generator), "attributes": attributes},
        "decoder": {"z": torch.randn((batch, FRAME_CHANNELS, *LATENT[2:]), generator=generator)},
        "classifier": {"clip": torch.rand((batch, FRAMES, 3, SIZE, SIZE), generator=generator)},
    }


OUTPUTS = {
    "denoiser": ["x"],
    "decoder": ["frames"],
    "classifier": ["features", "size", "color", "shape", "motion", "background"],
}


def store_half(model):
    """Stores each large fp32 weight as fp16 behind a Cast, which runtimes fold when they load the file."""
    casts = []
    for tensor in model.graph.initializer:
        if tensor.data_type != TensorProto.FLOAT or np.prod(tensor.dims) < 64:
            continue
        values, name = numpy_helper.to_array(tensor), tensor.name
        if not np.array_equal(values.astype(np.float16).astype(np.float32), values):
            continue
        tensor.CopyFrom(numpy_helper.from_array(values.astype(np.float16), name + "_half"))
        casts.append(helper.make_node("Cast", [name + "_half"], [name], to=TensorProto.FLOAT))
    nodes = list(model.graph.node)
    del model.graph.node[:]
    model.graph.node.extend(casts + nodes)
    for field in ("doc_string", "producer_name", "producer_version"):
        model.ClearField(field)
    return model


def export(name, network, path):
    inputs = example_inputs(2)[name]
    torch.onnx.export(
        network,
        tuple(inputs.values()),
        path,
        dynamo=False,
        opset_version=OPSET,
        input_names=list(inputs),
        output_names=OUTPUTS[name],
        dynamic_axes={key: {0: "batch"} for key in (*inputs, *OUTPUTS[name])},
    )
    model = store_half(onnx.load(path))
    onnx.checker.check_model(model, full_check=True)
    onnx.save(model, path)


def largest_difference(name, network, path):
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    worst = 0.0
    for batch in (1, 2, 5):
        inputs = example_inputs(batch)[name]
        with torch.no_grad():
            wanted = network(*inputs.values())
        found = session.run(None, {key: value.numpy() for key, value in inputs.items()})
        for w, f in zip(wanted if isinstance(wanted, tuple) else (wanted,), found):
            worst = max(worst, float(np.abs(w.numpy() - f).max()))
    return worst


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--weights", help="folder with the checkpoints; without it the networks are untrained")
    args.add_argument("--out", required=True)
    args = args.parse_args()
    torch.manual_seed(0)
    os.makedirs(args.out, exist_ok=True)
    for name, network in load_networks(args.weights).items():
        path = os.path.join(args.out, name + ".onnx")
        export(name, network, path)
        worst = largest_difference(name, network, path)
        print(f"{name}: {os.path.getsize(path):,} bytes, largest difference to torch {worst:.1e}")
        assert worst <= 1e-4


if __name__ == "__main__":
    main()
