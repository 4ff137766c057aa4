"""The two kinds of diffusers' pipelines behind one interface: what they take and consist of, how to call them."""

from __future__ import annotations

import dataclasses
import functools
import importlib
import inspect
import typing
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from typing import Any, Protocol

import torch

OWN = {"self", "return_dict", "kwargs", "args"}

OUTPUT_TYPES = {"LTXI2VLongMultiPromptPipeline": "np"}
"""Output types for pipelines whose `pt` is not frames from 0 to 1."""

NEED_NEGATIVE = {"EasyAnimatePipeline", "EasyAnimateInpaintPipeline"}
"""Pipelines that fail without a negative prompt if there is guidance. Others replace a missing one by an empty one."""


REPEATED = {"SkyReelsV2DiffusionForcingVideoToVideoPipeline": "video"}
"""Pipelines whose output begins with the frames of an argument, with that argument: they did not make those frames."""

MAGNIFYING = {"resolution_scale": 2.25}
"""Arguments that say how many times larger than its input a video is made, with their defaults."""


UNTYPED = {"conditions": "LTX2VideoCondition", "reference_conditions": "LTX2ReferenceCondition"}
"""Classes of the items of lists whose annotation does not name them: those of the modular pipelines of LTX-2."""


class Runnable(Protocol):
    """A pipeline as the worker sees it."""

    pipe: Any
    taken: set[str]
    """Names of its arguments."""
    required: set[str]
    """Arguments that it cannot be called without."""
    components: dict[str, Any]
    holders: dict[str, type]
    """Arguments that take pictures only inside objects, with the class of those objects."""
    tensors: set[str]
    """Arguments that take pictures only as one tensor."""

    def call(self, arguments: dict[str, Any], on_step: Callable[[], None]) -> Any:
        """Runs it."""


class Classic:
    """A subclass of DiffusionPipeline."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        own = set(inspect.signature(pipe.__call__).parameters) - OWN
        self.required = {name for name, taken in inspect.signature(pipe.__call__).parameters.items() if is_needed(taken)} - OWN
        self.components = with_inner(pipe.components)
        self._scales = {argument: name for argument, name in scales(self.components).items() if argument not in own}
        self.taken = own | set(self._scales)
        self.holders = holders({name: taken.annotation for name, taken in inspect.signature(pipe.__call__).parameters.items()})
        self.tensors = {
            name for name, taken in inspect.signature(pipe.__call__).parameters.items() if taken.annotation is torch.FloatTensor
        }
        repair(pipe)

    def call(self, arguments: dict[str, Any], on_step: Callable[[], None]) -> Any:
        """Runs it; `on_step` is called after each step."""

        def after_step(*_: Any) -> dict[str, Any]:
            on_step()
            return {}  # no tensor is another one; some pipelines hand out others than they take back

        if "callback_on_step_end" in self.taken:
            arguments["callback_on_step_end"] = after_step
        elif "callback" in self.taken:
            arguments |= {"callback": lambda *_: on_step(), "callback_steps": 1}
        for argument in set(self._scales) & set(arguments):
            name = self._scales[argument]
            self.pipe.register_modules(**{name: self.components[name].new(guidance_scale=arguments.pop(argument))})
        if type(self.pipe).__name__ in NEED_NEGATIVE:
            arguments.setdefault("negative_prompt", "")
        scheduler = getattr(self.pipe, "scheduler", None)
        silent = scheduler is not None and not {"callback_on_step_end", "callback"} & self.taken
        with counted(scheduler, on_step) if silent else nullcontext():
            return self.pipe(**arguments)


class Modular:
    """A ModularPipeline, whose blocks say what they take."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        self.components = with_inner(pipe.components)
        self._scales = scales(self.components)
        self.required: set[str] = set()  # its blocks do not tell what a caller gives from what they give each other
        self.taken = {taken.name for taken in pipe.blocks.inputs if taken.name} | set(self._scales)
        self.holders = holders({taken.name: taken.type_hint for taken in pipe.blocks.inputs if taken.name})
        self.tensors: set[str] = set()

    def call(self, arguments: dict[str, Any], on_step: Callable[[], None]) -> Any:
        """Runs it; its steps are those of its scheduler, or of its network if it has none."""
        for argument in set(self._scales) & set(arguments):
            name = self._scales[argument]
            self.pipe.update_components(**{name: self.components[name].new(guidance_scale=arguments.pop(argument))})
        scheduler = getattr(self.pipe, "scheduler", None)
        with counted(scheduler, on_step) if scheduler is not None else hooked(self.pipe.transformer, on_step):
            return self.pipe(**arguments).get("videos")


def is_needed(parameter: inspect.Parameter) -> bool:
    """Whether a call without this parameter fails."""
    return parameter.default is parameter.empty and parameter.kind in (parameter.POSITIONAL_OR_KEYWORD, parameter.KEYWORD_ONLY)


@contextmanager
def counted(scheduler: Any, on_step: Callable[[], None]) -> Iterator[None]:
    """Counts the steps of a scheduler, for a while. It changes the class and not the object: pipelines copy schedulers,
    for sound for example, and a copy would take along what is set on the object.
    """
    cls = type(scheduler)
    own = cls.__dict__.get("step")
    step = cls.step

    @functools.wraps(step)
    def counting(self: Any, *args: Any, **kwargs: Any) -> Any:
        result = step(self, *args, **kwargs)
        if self is scheduler:
            on_step()
        return result

    cls.step = counting
    try:
        yield
    finally:
        if own is None:
            del cls.step
        else:
            cls.step = own


@contextmanager
def hooked(network: Any, on_step: Callable[[], None]) -> Iterator[None]:
    """Counts the calls of a network, for a while."""
    handle = network.register_forward_hook(lambda *_: on_step())
    try:
        yield
    finally:
        handle.remove()


def with_inner(components: dict[str, Any]) -> dict[str, Any]:
    """Components, and the models inside text encoders, because some pipelines call only those."""
    inner = {f"{name}.model": getattr(part, "model", None) for name, part in components.items() if name.startswith("text_encoder")}
    return components | {name: part for name, part in inner.items() if callable(part)}


def scales(components: dict[str, Any]) -> dict[str, str]:
    """Arguments for the scales of a pipeline's guiders, with the guiders' names: `guidance_scale_2` is that of `guider_2`."""
    return {
        name.replace("guider", "guidance_scale"): name
        for name, part in components.items()
        if "guider" in name and hasattr(part, "guidance_scale")
    }


def holders(annotations: dict[str, Any]) -> dict[str, type]:
    """Arguments whose annotation names a class that has `frames`, with that class."""
    kinds = {name: (annotation, *typing.get_args(annotation)) for name, annotation in annotations.items()}
    if untyped := {name: path for name, path in UNTYPED.items() if annotations.get(name) is list}:
        kinds |= {name: (getattr(importlib.import_module("diffusers.pipelines.ltx2"), path),) for name, path in untyped.items()}
    return {
        name: kind
        for name, found in kinds.items()
        for kind in found
        if isinstance(kind, type) and dataclasses.is_dataclass(kind) and "frames" in kind.__dataclass_fields__
    }


def repeated(pipe: Any, arguments: dict[str, Any]) -> int:
    """How many frames at the beginning of a pipeline's output are the frames of an argument."""
    name = REPEATED.get(type(pipe).__name__)
    return 0 if name is None else len(arguments[name])


def magnification(taken: set[str], call: dict[str, Any]) -> float:
    """How many times larger than its input a video is made."""
    return next((call.get(name, default) for name, default in MAGNIFYING.items() if name in taken), 1)


def enlargement(components: dict[str, Any]) -> float:
    """How many times larger a video is than the size in the call, which is the size before the upsampler."""
    upsampler = components.get("latent_upsampler")
    if upsampler is None or not upsampler.config.spatial_upsample:
        return 1
    return upsampler.config.rational_spatial_scale if upsampler.config.get("use_rational_resampler") else 2


def repair(pipe: Any) -> None:
    """Repairs what keeps a pipeline from being called at all; nothing is computed differently."""
    for part in pipe.components.values():
        if type(part).__name__ == "CLIPTextModel" and not hasattr(part, "text_model"):
            # Since transformers 5 the model is itself what was its `text_model`, and pipelines still look there. It is not
            # set as a submodule, because that would make a circle.
            object.__setattr__(part, "text_model", part)
