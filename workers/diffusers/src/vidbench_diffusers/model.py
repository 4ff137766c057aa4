"""A loaded model: one video after the other."""

from __future__ import annotations

import os
from typing import Any

import torch

from vidbench_diffusers import fields, hub, loading, memory, pipelines, video
from vidbench_diffusers.failure import Failure, classified, is_out_of_memory, refused
from vidbench_diffusers.messages import Generate, Load
from vidbench_diffusers.pipelines import Runnable
from vidbench_diffusers.serve import Notify
from vidbench_diffusers.settings import Settings
from vidbench_diffusers.stages import Timeline

Progress = tuple[int, int, int, int]
"""Steps, frames, width and height, on which the number of steps that a pipeline takes depends."""


GLOBAL_NOISE = 0x9E3779B97F4A7C15
"""Turns a sample's seed into that of PyTorch's own generator, whose numbers then do not repeat the initial noise."""


class FatalFailure(Failure):
    """A failure after which the worker is of no use."""

    fatal = True


class Model:
    """A pipeline on its device."""

    def __init__(self, loaded: Runnable, settings: Settings, device: torch.device) -> None:
        self._loaded = loaded
        self._settings = settings
        self._device = device
        self._totals: dict[Progress, int] = {}

    @property
    def pipe(self) -> Any:
        """The pipeline of diffusers."""
        return self._loaded.pipe

    def generate(self, asked: Generate, notify: Notify) -> dict[str, Any]:
        """Makes one video. The memory of a failed call is given back, or the worker ends."""
        before = memory.allocated_bytes(self._device)
        memory.reset_peaks(self._device)
        failure: Failure | None = None
        try:
            return self._generate(asked, notify)
        except Exception as error:
            failure = classified(error, "generate")
            if not is_out_of_memory(error):
                raise
        # Outside of the handler: until the handler has ended, its traceback holds every tensor of the call.
        if not memory.recovered(self._device, before):
            raise FatalFailure(
                failure.kind,
                f"{failure.message}; the device did not free its memory, so the worker exits",
                failure.hint,
            )
        raise failure

    def free(self) -> None:
        """Gives back the model's memory."""
        del self._loaded
        memory.recovered(self._device, 0)

    def _generate(self, asked: Generate, notify: Notify) -> dict[str, Any]:
        arguments = self._arguments(asked)
        repeated = pipelines.repeated(self._loaded.pipe, arguments)
        steps = Steps(notify, self._totals.get(progress(asked)))
        timeline = Timeline(lambda: memory.wait_for(self._device), steps.take)
        start_ns = timeline.now()
        with torch.inference_mode(), timeline.watching(self._loaded.components):
            try:
                output = self._loaded.call(arguments, timeline.step)
            except ValueError as error:
                # Pipelines check their arguments before any network works.
                if timeline.has_begun():
                    raise
                raise refused(f"the pipeline rejects the request: {error}") from error
        end_ns = timeline.now()
        self._totals[progress(asked)] = steps.finish()
        stages = [span._asdict() for span in timeline.spans()]
        stages.append({"name": "encode", "start_ns": end_ns, "end_ns": self._write(asked, output, repeated, timeline)})
        return {
            "output": asked.output,
            "start_ns": start_ns,
            "end_ns": end_ns,
            "stages": stages,
            "peak_rss_bytes": memory.peak_rss_bytes(),
            "peak_device_bytes": memory.peak_device_bytes(self._device),
        }

    def _write(self, asked: Generate, output: Any, repeated: int, timeline: Timeline) -> int:
        video.write(asked.output, video.pictures(video.only_clip(output)[repeated:]), asked.params.fps, self._settings.video)
        return timeline.now()

    def _arguments(self, asked: Generate) -> dict[str, Any]:
        taken = self._loaded.taken
        arguments = fields.smaller(fields.arguments(asked, taken, self._settings.call), pipelines.enlargement(self._loaded.components))
        for field, path in asked.inputs.items():
            name = fields.place(field, asked.inputs, taken)
            given = video.read(field, path)
            if (times := pipelines.magnification(taken, self._settings.call)) != 1:
                given = video.reduced(given, asked.params.width, asked.params.height, times)
            if (holder := self._loaded.holders.get(name)) is not None:
                arguments.setdefault(name, []).append(holder(given, **({"index": -1} if field == "last_image" else {})))
            elif name in self._loaded.tensors:
                arguments[name] = video.tensor(given, is_mask=name.startswith("mask"))
            elif name.endswith("conditions"):
                raise Failure("unsupported", f"this pipeline takes {field} in an unknown form")
            else:
                arguments[name] = [given] if name == "reference_images" and not isinstance(given, list) else given
        # Some pipelines draw a part of their noise without the generator that they are given.
        torch.manual_seed((asked.seed ^ GLOBAL_NOISE) % 2**64)
        generator = torch.Generator(loading.device_of(self._settings.generator_device)).manual_seed(asked.seed)
        if "generator" in taken:
            arguments["generator"] = generator
        else:
            raise Failure("unsupported", f"{type(self._loaded.pipe).__name__} takes no generator, so its seed cannot be set")
        if missing := self._loaded.required - set(arguments):
            name = min(missing)
            raise refused(
                f"this pipeline needs {name}, but the request has none", "set it in the prompt: inputs = { " + name + ' = "FILE" }'
            )
        arguments["output_type"] = pipelines.OUTPUT_TYPES.get(type(self._loaded.pipe).__name__, "pt")
        return arguments


def progress(asked: Generate) -> Progress:
    """The values on which a pipeline's number of steps depends."""
    params = asked.params
    return params.steps, params.frames, params.width, params.height


class Steps:
    """Reports steps as they end, if their number is known; for the first sample of a shape, it does so afterwards."""

    def __init__(self, notify: Notify, total: int | None) -> None:
        self._notify = notify
        self._total = total
        self._ends: list[int] = []

    def take(self, end_ns: int) -> None:
        """Records that a step has ended."""
        self._ends.append(end_ns)
        if self._total is not None:
            self._tell(len(self._ends), self._total)

    def finish(self) -> int:
        """Ends the count of steps and returns it."""
        total = len(self._ends)
        if self._total is None:
            for index in range(1, total + 1):
                self._tell(index, total)
        elif total != self._total:
            raise Failure("internal", f"the pipeline took {total} steps, but {self._total} for the same shape before")
        return total

    def _tell(self, index: int, total: int) -> None:
        self._notify("step", {"index": index, "total": total, "t_ns": self._ends[index - 1]})


def load(asked: Load, notify: Notify) -> tuple[Model, dict[str, Any]]:
    """Makes a model ready."""
    import diffusers

    quiet()
    torch.set_num_threads(asked.threads)
    settings = loading.settings_of(asked)
    device = loading.device_of(settings.device)
    if settings.deterministic:
        # cuBLAS reads this variable when it is first used, and PyTorch refuses cuBLAS operations without it.
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    torch.use_deterministic_algorithms(settings.deterministic)
    before = memory.allocated_bytes(device)
    try:
        with hub.reporting(notify), loading.Source(asked, settings) as source:
            loaded, weights = source.pipeline()
            loading.prepare(loaded, source.settings)
    except Exception as error:
        failure = classified(error, "load")
        memory.recovered(device, before)
        raise failure from error
    settings = with_tiny_call(settings, loaded)
    fields.check_call(settings.call, loaded.taken)
    said = {
        "id": asked.model,
        "revision": asked.revision or source.commit,
        "weights": weights,
        "domain": "open",
        "runtime": f"diffusers {diffusers.__version__}, torch {torch.__version__}, {type(loaded.pipe).__name__} on {device}",
        "device": str(device),
        "reads_prompt": "prompt" in loaded.taken,
    }
    return Model(loaded, settings, device), said


def quiet() -> None:
    """Silences progress bars and notices of coming releases: errors show the log's end, where these tell nothing."""
    import warnings

    import diffusers
    import transformers

    diffusers.utils.logging.disable_progress_bar()
    transformers.utils.logging.disable_progress_bar()
    for kind in (FutureWarning, DeprecationWarning):
        warnings.filterwarnings("ignore", category=kind)


def with_tiny_call(settings: Settings, loaded: Runnable) -> Settings:
    """Adds the arguments that networks of a few thousand numbers need, such as a short text."""
    import msgspec

    from vidbench_diffusers import architectures

    pipeline = architectures.tiny().pipelines.get(type(loaded.pipe).__name__)
    if settings.weights != "random" or settings.scale != "tiny" or pipeline is None:
        return settings
    return msgspec.structs.replace(settings, call=pipeline.call | settings.call)
