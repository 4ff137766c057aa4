"""What vidbench adds to a model's latency: the same architecture with the same weights, called bare and measured by `vidbench run`.

python bench.py VIDBENCH [ARCHITECTURE] [FRAMES WIDTH HEIGHT STEPS SAMPLES]

ARCHITECTURE is one that ships, such as `ltx-video-2b`, or `tiny/CLASS`.

VIDBENCH is the program; the Python that runs this must be that of an environment which VIDBENCH_ENVS names as `diffusers`. Both sides run
twice, in turn, and the medians of all their samples are compared.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from vidbench_diffusers import architectures

PROMPT = "A red fox trots across a snowy field."


def bare(architecture: str, frames: int, width: int, height: int, steps: int, samples: int) -> list[float]:
    """Seconds of each call of the pipeline, in a process of its own."""
    arguments = [architecture, *map(str, (frames, width, height, steps, samples))]
    said = subprocess.run([sys.executable, __file__, "--bare", *arguments], check=True, capture_output=True, text=True)
    return [float(line) for line in said.stdout.split()]


def run_bare(architecture: str, frames: int, width: int, height: int, steps: int, samples: int) -> None:
    """The calls themselves."""
    import torch

    from vidbench_diffusers import build, loading

    torch.set_num_threads(2)
    known, name = described(architecture)
    pipeline = known.pipelines[name]
    with loading.default_dtype(torch.float32 if architecture.startswith("tiny/") else torch.bfloat16):
        pipe = build.assemble(build.find_class(name), known, pipeline)
    pipe.set_progress_bar_config(disable=True)
    for seed in range(samples + 1):
        generator = torch.Generator("cpu").manual_seed(seed)
        start = time.perf_counter()
        pipe(
            prompt=PROMPT,
            num_frames=frames,
            width=width,
            height=height,
            num_inference_steps=steps,
            guidance_scale=pipeline.shape.guidance,
            generator=generator,
            output_type="pt",
            **pipeline.call,
        )
        if seed:
            print(time.perf_counter() - start, flush=True)


def described(architecture: str) -> tuple[architectures.Architecture, str]:
    """The architecture of that name and its pipeline class."""
    if architecture.startswith("tiny/"):
        return architectures.tiny(), architecture.removeprefix("tiny/")
    known = architectures.full(architecture)
    return known, next(iter(known.pipelines))


def measured(
    vidbench: str, architecture: str, frames: int, width: int, height: int, steps: int, samples: int, guidance: float
) -> list[float]:
    """Seconds of each sample of a run, from its intended start to its last decoded frame."""
    model = f'id = "random/{architecture}"\nsettings = {{ weights = "random", architecture = "{architecture}", dtype = "bfloat16" }}'
    if architecture.startswith("tiny/"):
        model = f'id = "{architecture}"'
    model += '\nengine = "diffusers"'
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "prompts.toml").write_text(
            'schema_version = 1\nname = "bench"\nversion = "1"\ntitle = "Bench"\ndescription = "One prompt."\nlicense = "CC0-1.0"\n'
            f'[[prompts]]\nid = "fox"\ncategory = "subject-motion"\ndifficulty = "easy"\ntext = "{PROMPT}"\n'
        )
        (Path(folder) / "suite.toml").write_text(
            f'schema_version = 1\nname = "bench"\nseeds = {list(range(1, samples + 1))}\n[[models]]\n{model}\n'
            f'[prompts]\nfile = "prompts.toml"\n[grid]\nsteps = [{steps}]\nguidance = [{guidance}]\nframes = [{frames}]\n'
            f'size = ["{width}x{height}"]\nfps = [8.0]\n[scenario]\nwarmup = 1\nthreads = 2\n[limits]\nsample_timeout_secs = 86400\n'
        )
        subprocess.run([vidbench, "run", "suite.toml", "--quiet"], cwd=folder, check=True, capture_output=True)
        said = subprocess.run([vidbench, "export", "latest", "--format", "jsonl"], cwd=folder, check=True, capture_output=True, text=True)
        return [json.loads(line)["latency_secs"] for line in said.stdout.splitlines()]


def main() -> None:
    """Both sides, twice."""
    vidbench = str(Path(sys.argv[1]).resolve())
    architecture = sys.argv[2] if len(sys.argv) > 2 else "ltx-video-2b"
    frames, width, height, steps, samples = map(int, sys.argv[3:8]) if len(sys.argv) > 7 else (9, 256, 160, 2, 5)
    known, name = described(architecture)
    guidance = known.pipelines[name].shape.guidance
    shape = (frames, width, height, steps, samples)
    alone, inside = [], []
    for _ in range(2):
        alone += bare(architecture, *shape)
        inside += measured(vidbench, architecture, *shape, guidance)
    before, after = statistics.median(alone), statistics.median(inside)
    print(f"{architecture}, {frames} frames of {width}x{height}, {steps} steps, {len(alone)} samples each")
    print(f"bare {before:.4f} s, vidbench {after:.4f} s, {100 * (after / before - 1):+.2f} %")


if __name__ == "__main__":
    if sys.argv[1] == "--bare":
        run_bare(sys.argv[2], *map(int, sys.argv[3:8]))
    else:
        main()
