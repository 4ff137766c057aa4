"""Clips from the renderer and verdicts from the analyser: both come from the Rust tool `shapes-data`."""

import json
import os
import subprocess

import numpy as np
import torch

from model import FRAMES, SIZE

TOOL = os.environ.get("SHAPES_DATA", "target/release/shapes-data")
RECORD = 5 + FRAMES * SIZE * SIZE * 3


def stream(count, seed, split, batch):
    """Yields (attributes int64 [B, 5], frames uint8 [B, 16, 3, 64, 64])."""
    command = [TOOL, "render", "--count", str(count), "--seed", str(seed), "--split", split]
    with subprocess.Popen(command, stdout=subprocess.PIPE, bufsize=0) as process:
        for start in range(0, count, batch):
            n = min(batch, count - start)
            raw = bytearray()
            while len(raw) < n * RECORD:
                raw += process.stdout.read(n * RECORD - len(raw))
            records = np.frombuffer(raw, np.uint8).reshape(n, RECORD)
            frames = records[:, 5:].reshape(n, FRAMES, SIZE, SIZE, 3).transpose(0, 1, 4, 2, 3)
            yield torch.from_numpy(records[:, :5].astype(np.int64)), torch.from_numpy(frames.copy())
        process.stdout.close()


def analyse(attributes, clips):
    """Accuracy per attribute of clips [B, 16, 3, 64, 64] in [0, 1]."""
    pixels = (clips.float() * 255).round().clamp(0, 255).to(torch.uint8).permute(0, 1, 3, 4, 2).reshape(len(clips), -1)
    records = np.concatenate([attributes.numpy().astype(np.uint8), pixels.numpy()], axis=1)
    return json.loads(subprocess.run([TOOL, "analyse"], input=records.tobytes(), stdout=subprocess.PIPE, check=True).stdout)
