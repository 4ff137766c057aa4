"""Prints the median time of one clip of the embedded model in ONNX Runtime, for `cargo xtask bench sample`.

The same networks, steps, guidance and threads as crates/vidbench-worker/examples/bench_sample.rs.
"""

import glob
import json
import os
import statistics
import time

import numpy as np
import onnxruntime

NETS = os.path.join(os.path.dirname(__file__), "..", "nets", "embedded")


def session(name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = len(os.sched_getaffinity(0))
    return onnxruntime.InferenceSession(os.path.join(NETS, name), options, providers=["CPUExecutionProvider"])


def main():
    with open(os.path.join(NETS, "sampler.json")) as file:
        sampler = json.load(file)
    denoiser, decoder = session("denoiser.onnx"), session("decoder.onnx")
    z_name, s_name, attributes_name = (value.name for value in denoiser.get_inputs())
    null = [attribute["null_index"] for attribute in sampler["attributes"]]
    attributes = np.array([[1, 0, 0, 0, 2], null], dtype=np.int64)
    shift, guidance = sampler["shift"], sampler["default_guidance"]

    def sample(seed, steps):
        z = np.random.default_rng(seed).standard_normal((1, *sampler["latent_shape"])).astype(np.float32)
        uniform = np.linspace(1, 0, steps + 1)
        levels = shift * uniform / (1 + (shift - 1) * uniform)
        for level, following in zip(levels, levels[1:]):
            inputs = {z_name: np.repeat(z, 2, 0), s_name: np.full(2, level, np.float32), attributes_name: attributes}
            with_prompt, without = denoiser.run(None, inputs)[0]
            clean = without + guidance * (with_prompt - without)
            z = (clean + (following / level) * (z - clean)).astype(np.float32)
        return decoder.run(None, {decoder.get_inputs()[0].name: z.reshape(16, 8, 8, 8)})

    sample(0, 2)
    millis = []
    for seed in range(9):
        start = time.perf_counter()
        sample(seed, 16)
        millis.append((time.perf_counter() - start) * 1e3)
    library = glob.glob(os.path.join(os.path.dirname(onnxruntime.__file__), "capi", "libonnxruntime.so*"))
    print(json.dumps({"millis": statistics.median(millis), "library": library[0] if library else None}))


main()
