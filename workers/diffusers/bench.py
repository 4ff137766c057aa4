"""Measures what the worker adds to a model's latency: one pipeline, called directly and by the worker's code, in turn.

python bench.py [ARCHITECTURE] [FRAMES WIDTH HEIGHT STEPS PAIRS]

ARCHITECTURE is one that ships, such as `ltx-video-2b`, or `tiny/CLASS`. Both calls share one process and one set of
weights: a model of some GB fits only once, and other load on the machine affects both. Each pair gives one ratio. The
messages between vidbench and the worker come on top: docs/results/README.md says how long they take.
"""

from __future__ import annotations

import random
import statistics
import sys
import tempfile
import time
from pathlib import Path

import torch

from vidbench_diffusers import architectures, model
from vidbench_diffusers.messages import Generate, Load, Params
from vidbench_diffusers.settings import Settings

PROMPT = "A red fox trots across a snowy field."
THREADS = 2
RESAMPLES = 10_000
WARM_UP = 2
"""Pairs before those that are counted."""


def described(architecture: str) -> tuple[architectures.Pipeline, str, Settings]:
    """The pipeline of that name, the model's name, and the settings that load it."""
    if architecture.startswith("tiny/"):
        return architectures.tiny().pipelines[architecture.removeprefix("tiny/")], architecture, Settings()
    settings = Settings(weights="random", architecture=architecture, dtype="bfloat16")
    return next(iter(architectures.full(architecture).pipelines.values())), "random/model", settings


class Side:
    """A model, and the parameters with which both sides call it."""

    def __init__(self, architecture: str, params: Params) -> None:
        self.pipeline, self.name, settings = described(architecture)
        self.params = params
        self.made, _ = model.load(Load(model=self.name, threads=THREADS, settings=settings), lambda *_: None)

    def bare(self, seed: int) -> float:
        """Seconds that the call takes as a script writes it."""
        params = self.params
        generator = torch.Generator("cpu").manual_seed(seed)
        start = time.perf_counter()
        self.made.pipe(
            prompt=PROMPT,
            num_frames=params.frames,
            width=params.width,
            height=params.height,
            num_inference_steps=params.steps,
            guidance_scale=params.guidance,
            generator=generator,
            output_type="pt",
            **self.pipeline.call,
        )
        return time.perf_counter() - start

    def by_worker(self, seed: int, folder: Path) -> float:
        """Seconds from the parsed request to the result, without the time for writing the file."""
        output = str(folder / "made.mp4")
        asked = Generate(sample="0", model=self.name, prompt=PROMPT, seed=seed, params=self.params, output=output, inputs={})
        start = time.perf_counter()
        result = self.made.generate(asked, lambda *_: None)
        whole = time.perf_counter() - start
        writing = sum(stage["end_ns"] - stage["start_ns"] for stage in result["stages"] if stage["name"] == "encode")
        Path(output).unlink()
        return whole - writing / 1e9


def interval(values: list[float]) -> tuple[float, float]:
    """95 % bootstrap interval of a median."""
    draw = random.Random(1)  # noqa: S311
    medians = sorted(statistics.median(draw.choices(values, k=len(values))) for _ in range(RESAMPLES))
    return medians[RESAMPLES * 25 // 1000], medians[RESAMPLES * 975 // 1000]


def main() -> None:
    """Measures both in turn."""
    architecture = sys.argv[1] if len(sys.argv) > 1 else "ltx-video-2b"
    frames, width, height, steps, pairs = map(int, sys.argv[2:7]) if len(sys.argv) > 6 else (9, 256, 160, 2, 20)
    guidance = described(architecture)[0].shape.guidance
    side = Side(architecture, Params(steps, guidance, frames, width, height, 8.0))
    alone, inside = [], []
    with tempfile.TemporaryDirectory() as folder:
        for seed in range(pairs + WARM_UP):
            if seed % 2:
                alone.append(side.bare(seed))
            inside.append(side.by_worker(seed, Path(folder)))
            if not seed % 2:
                alone.append(side.bare(seed))
    ratios = [100 * (b / a - 1) for a, b in zip(alone[WARM_UP:], inside[WARM_UP:], strict=True)]
    low, high = interval(ratios)
    print(f"{architecture}, {frames} frames of {width}x{height}, {steps} steps, {THREADS} threads, {pairs} pairs")
    print(f"bare {statistics.median(alone[WARM_UP:]):.4f} s, worker {statistics.median(inside[WARM_UP:]):.4f} s (medians)")
    print(f"the worker adds {statistics.median(ratios):+.2f} % (median of pairs; 95 % interval {low:+.2f} to {high:+.2f})")


if __name__ == "__main__":
    main()
