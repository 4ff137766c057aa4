"""Scores the exported networks at several step counts: accuracy by the analyser and the Frechet distance.

Prompts are held-out combinations of attributes; every sample has its own noise. Real clips of the same combinations,
as many as samples, give the floor of the Frechet distance.
"""

import argparse
import json
import math
import os

import numpy as np
import onnxruntime
import torch

from data import analyse, stream
from model import FRAME_CHANNELS, FRAMES, LATENT, NAMES, SIZE, sample


def session(folder, name):
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = torch.get_num_threads()
    return onnxruntime.InferenceSession(os.path.join(folder, name + ".onnx"), options)


def wilson(p, n, z=1.96):
    centre, spread = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return (centre - spread) / (1 + z * z / n), (centre + spread) / (1 + z * z / n)


def frechet(a, b):
    mean_a, mean_b, cov_a, cov_b = a.mean(0), b.mean(0), np.cov(a.T), np.cov(b.T)
    values, vectors = np.linalg.eigh(cov_a)
    root = vectors * np.sqrt(values.clip(0)) @ vectors.T
    cross = np.sqrt(np.linalg.eigvalsh(root @ cov_b @ root).clip(0)).sum()
    return float(((mean_a - mean_b) ** 2).sum() + np.trace(cov_a) + np.trace(cov_b) - 2 * cross)


def frechet_interval(samples, reference, rounds=100):
    """Half width of the 95 % bootstrap interval over samples."""
    generator = np.random.default_rng(0)
    draws = [frechet(samples[generator.integers(0, len(samples), len(samples))], reference) for _ in range(rounds)]
    return float(1.96 * np.std(draws))


class Evaluation:
    def __init__(self, folder, count, seed, shift):
        self.networks = {name: session(folder, name) for name in ("denoiser", "decoder", "classifier")}
        self.count, self.shift = count, shift
        combinations = json.load(open(os.path.join(os.path.dirname(__file__), "held_out.json")))
        self.attributes = torch.tensor([combinations[i % len(combinations)] for i in range(count)])
        self.noise = torch.randn((count, *LATENT), generator=torch.Generator().manual_seed(seed))

    def denoise(self, z, s, attributes):
        return torch.from_numpy(self.networks["denoiser"].run(None, {"z": z.numpy(), "s": s.numpy(), "attributes": attributes.numpy()})[0])

    def features(self, clips):
        parts = [self.networks["classifier"].run(["features"], {"clip": part.numpy()})[0] for part in clips.split(32)]
        return np.concatenate(parts).astype(np.float64)

    def real_features(self, seed, count):
        return np.concatenate([self.features(frames / 255.0) for _, frames in stream(count, seed, "held-out", 64)])

    def clips(self, steps, guidance):
        for attributes, noise in zip(self.attributes.split(16), self.noise.split(16)):
            z = sample(self.denoise, attributes, noise, steps, guidance, self.shift)
            clip = torch.from_numpy(self.networks["decoder"].run(None, {"z": z.reshape(-1, FRAME_CHANNELS, *LATENT[2:]).numpy()})[0])
            clip = clip.reshape(-1, FRAMES, 3, SIZE, SIZE)
            yield (clip * 255).round() / 255


def main():
    args = argparse.ArgumentParser()
    args.add_argument("--networks", default="../nets/embedded")
    args.add_argument("--steps", type=int, nargs="+", default=[1, 2, 4, 8, 16, 32])
    args.add_argument("--guidance", type=float, default=2.0)
    args.add_argument("--shift", type=float, default=6.0)
    args.add_argument("--count", type=int, default=256)
    args.add_argument("--reference", type=int, default=2048)
    args.add_argument("--seed", type=int, default=7)
    args = args.parse_args()
    evaluation = Evaluation(args.networks, args.count, args.seed, args.shift)
    reference = evaluation.real_features(901, args.reference)
    real = evaluation.real_features(902, args.count)
    print(f"real-to-real frechet {frechet(real, reference):.2f} +- {frechet_interval(real, reference):.2f}, n {args.count}, reference {args.reference}")
    for steps in args.steps:
        clips = torch.cat(list(evaluation.clips(steps, args.guidance)))
        accuracy = analyse(evaluation.attributes, clips)
        cells = []
        for name in (*NAMES, "mean"):
            low, high = wilson(accuracy[name], args.count)
            cells.append(f"{accuracy[name]:.3f} [{low:.3f}, {high:.3f}]")
        features = evaluation.features(clips)
        cells.append(f"{frechet(features, reference):.1f} +- {frechet_interval(features, reference):.1f}")
        print(f"| {steps} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
