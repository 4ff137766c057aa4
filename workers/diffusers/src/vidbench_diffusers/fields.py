"""Turns the fields of a request into the arguments of a pipeline.

Pipelines name the same thing differently. Every field goes to the argument that the pipeline has for it, or the request is
refused: nothing is dropped.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from vidbench_diffusers.failure import Failure, refused
from vidbench_diffusers.messages import Generate

NAMES = {
    "frames": ("num_frames", "frames", "video_length"),
    "fps": ("frame_rate", "fps", "target_fps"),
    "guidance": ("guidance_scale", "max_guidance_scale"),
    "steps": ("num_inference_steps",),
    "negative": ("negative_prompt",),
    "image": ("image", "cond_image", "ref_image", "conditions"),
    "last_image": ("last_image", "conditions"),
    "video": ("video", "conditions"),
    "control_video": (
        "control_video",
        "conditioning_frames",
        "pose_video",
        "driving_video",
        "controls",
        "reference_conditions",
    ),
    "mask_video": ("mask_video", "mask"),
    "reference_images": ("reference_images",),
}
"""Names of the arguments for a field, the usual one first."""

RESERVED = {
    "prompt",
    "negative_prompt",
    "generator",
    "seed",
    "output_type",
    "return_dict",
    "callback_on_step_end",
    "height",
    "width",
}
"""Arguments that `settings.call` cannot give, because requests or the worker give them."""

WHOLE = {"fps", "target_fps"}
"""Arguments that must be whole numbers although the field need not be."""


def argument(field: str, taken: Iterable[str]) -> str | None:
    """The argument of a pipeline for a field."""
    names = NAMES.get(field, (field,))
    taken = set(taken)
    return next((name for name in names if name in taken), None)


def arguments(asked: Generate, taken: set[str], call: dict[str, Any]) -> dict[str, Any]:
    """Arguments for all of a request but its files; `taken` are the pipeline's arguments, `call` the fixed ones."""
    check_call(call, taken)
    found = dict(call)
    if "prompt" in taken:
        found["prompt"] = asked.prompt
    if asked.negative is not None:
        found[needed("negative", taken)] = asked.negative
    for name in ("height", "width"):
        if name in taken:
            found[name] = getattr(asked.params, name)
    if (frames := argument("frames", taken)) is not None:
        found[frames] = sections(asked.params.frames, call) if "latent_window_size" in taken else asked.params.frames
    if (fps := argument("fps", taken)) is not None:
        found[fps] = whole(asked.params.fps, fps) if fps in WHOLE else asked.params.fps
    if "seed" in taken:
        found["seed"] = asked.seed
    found |= steps(asked.params.steps, taken, call)
    found |= guidance(asked.params.guidance, taken)
    return found


def smaller(arguments: dict[str, Any], times: float) -> dict[str, Any]:
    """The arguments with a smaller size, for a pipeline that makes its videos that many times larger."""
    for name in {"height", "width"} & set(arguments):
        if arguments[name] % times:
            raise refused(f"{name} is {arguments[name]}: this pipeline enlarges videos {times} times, so it must be a multiple of that")
        arguments[name] = int(arguments[name] / times)
    return arguments


def sections(frames: int, call: dict[str, Any]) -> int:
    """The frames to ask for, if a pipeline makes whole sections after the first frame: the least for `frames`."""
    window, compression = call.get("latent_window_size", 9), 4
    count, rest = divmod(frames - 1, window * compression)
    if count < 1 or rest:
        raise refused(
            f"frames is {frames}: this pipeline generates sections of {window * compression} frames after the first frame, "
            f"so it must be {window * compression}k+1 and more than 1"
        )
    return count * ((window - 1) * compression + 1)  # type: ignore[no-any-return]


def whole(value: float, name: str) -> int:
    """A number that must be whole."""
    if value != int(value):
        raise refused(f"{name} is {value}: this pipeline takes only whole numbers")
    return int(value)


def steps(asked: int, taken: set[str], call: dict[str, Any]) -> dict[str, Any]:
    """The number of steps. Some pipelines take a list, with one number for each of their stages; some take none."""
    if (name := argument("steps", taken)) is not None:
        return {name: asked}
    lists = sorted(name for name in taken if name.endswith("num_inference_steps_list"))
    given = next((call[name] for name in lists if name in call), None)
    if lists and given is None:
        raise refused("this pipeline takes a number of steps per stage", f"set settings.call.{lists[0]}")
    if not lists and "sigmas" in taken and "sigmas" not in call:
        raise refused("this pipeline takes sigmas instead of a number of steps", "set settings.call.sigmas, one per step")
    fixed = given or [1] * max(1, sum(sigma > 0 for sigma in call.get("sigmas", ())))
    if asked != sum(fixed):
        raise refused(f"steps is {asked}: this pipeline takes no number of steps and always runs {sum(fixed)}")
    return {}


def guidance(asked: float, taken: set[str]) -> dict[str, Any]:
    """The guidance scale, which pipelines without guidance do not take; 1 means no guidance."""
    if (name := argument("guidance", taken)) is not None:
        return {name: asked}
    if asked != 1:
        raise refused(f"guidance is {asked}: this pipeline takes no guidance scale, so it must be 1")
    return {}


def check_call(call: dict[str, Any], taken: set[str]) -> None:
    """Refuses fixed arguments that the pipeline does not take, or that requests have."""
    reserved = RESERVED | set(NAMES["frames"]) | set(NAMES["steps"]) | set(NAMES["guidance"])
    for name in call:
        if name in reserved:
            raise refused(f"settings.call.{name}: requests set this argument", "set it in the suite's grid")
        if name not in taken:
            raise refused(f"settings.call.{name}: the pipeline takes no such argument", nearest(name, taken))


def needed(field: str, taken: set[str]) -> str:
    """The argument for a field, or a refusal."""
    if (name := argument(field, taken)) is None:
        raise Failure("unsupported", f"this pipeline takes no {field}", nearest(field, taken))
    return name


def place(field: str, fields: Iterable[str], taken: set[str]) -> str:
    """The argument for one of several files. A pipeline that takes conditions looks at no single image besides them."""
    others = (argument(other, taken) or "" for other in fields)
    return needed(field, taken - {"image"} if any(name.endswith("conditions") for name in others) else taken)


def nearest(name: str, taken: Iterable[str]) -> str:
    """What to do about an unknown name."""
    near = difflib.get_close_matches(name, list(taken), n=1)
    return f"did you mean {near[0]}?" if near else f"it takes {', '.join(sorted(taken))}"
