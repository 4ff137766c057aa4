"""From the fields of a request to the arguments of a pipeline.

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
    "image": ("image", "cond_image", "ref_image"),
    "last_image": ("last_image",),
    "video": ("video",),
    "control_video": ("control_video", "conditioning_frames", "pose_video"),
    "mask_video": ("mask_video", "mask"),
    "reference_images": ("reference_images",),
}
"""Names of arguments for a field, the usual one first."""

RESERVED = {"prompt", "negative_prompt", "generator", "output_type", "return_dict", "callback_on_step_end", "height", "width"}
"""Arguments that `settings.call` cannot give: requests have them, or the worker."""

WHOLE = {"fps", "target_fps"}
"""Arguments that are whole numbers where the field is not."""


def argument(field: str, taken: Iterable[str]) -> str | None:
    """The argument of a pipeline for a field."""
    names = NAMES.get(field, (field,))
    taken = set(taken)
    return next((name for name in names if name in taken), None)


def arguments(asked: Generate, taken: set[str], call: dict[str, Any]) -> dict[str, Any]:
    """Arguments for everything of a request but its files; `taken` are those of the pipeline, `call` the fixed ones."""
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
        found[frames] = asked.params.frames
    if (fps := argument("fps", taken)) is not None:
        found[fps] = whole(asked.params.fps, fps) if fps in WHOLE else asked.params.fps
    found |= steps(asked.params.steps, taken, call)
    found |= guidance(asked.params.guidance, taken)
    return found


def whole(value: float, name: str) -> int:
    """A number that must be whole."""
    if value != int(value):
        raise refused(f"{name} is {value}: this pipeline takes whole numbers")
    return int(value)


def steps(asked: int, taken: set[str], call: dict[str, Any]) -> dict[str, Any]:
    """The number of steps, which some pipelines take as a list for each of their stages, or not at all."""
    if (name := argument("steps", taken)) is not None:
        return {name: asked}
    fixed = next((value for name, value in call.items() if name.endswith("num_inference_steps_list")), [1])
    if asked != sum(fixed):
        raise refused(f"steps is {asked}: this pipeline takes no number of steps, and does {sum(fixed)}")
    return {}


def guidance(asked: float, taken: set[str]) -> dict[str, Any]:
    """The guidance scale, which pipelines without guidance do not take; 1 is none."""
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
            raise refused(f"settings.call.{name}: requests give this argument", "leave it to the suite's grid")
        if name not in taken:
            raise refused(f"settings.call.{name}: the pipeline takes no such argument", nearest(name, taken))


def needed(field: str, taken: set[str]) -> str:
    """The argument for a field, or a refusal."""
    if (name := argument(field, taken)) is None:
        raise Failure("unsupported", f"this pipeline takes no {field}", nearest(field, taken))
    return name


def nearest(name: str, taken: Iterable[str]) -> str:
    """What to do about a name that is not there."""
    near = difflib.get_close_matches(name, list(taken), n=1)
    return f"did you mean {near[0]}?" if near else f"it takes {', '.join(sorted(taken))}"
