"""The two kinds of pipelines of diffusers behind one face: what they take, what they are made of, and how they are called."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, Protocol

OWN = {"self", "return_dict", "kwargs", "args"}


class Runnable(Protocol):
    """A pipeline as the worker sees it."""

    pipe: Any
    taken: set[str]
    """Names of its arguments."""
    components: dict[str, Any]
    tells_steps: bool
    """Whether it calls back after each step."""

    def call(self, arguments: dict[str, Any], on_step: Callable[[], None]) -> Any:
        """Runs it."""


class Classic:
    """A subclass of DiffusionPipeline."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        self.taken = set(inspect.signature(pipe.__call__).parameters) - OWN
        self.components: dict[str, Any] = pipe.components
        self.tells_steps = bool({"callback_on_step_end", "callback"} & self.taken)

    def call(self, arguments: dict[str, Any], on_step: Callable[[], None]) -> Any:
        """Runs it; `on_step` is called after each step."""

        def after_step(_pipe: Any, _index: int, _time: Any, tensors: dict[str, Any]) -> dict[str, Any]:
            on_step()
            return tensors

        if "callback_on_step_end" in self.taken:
            arguments["callback_on_step_end"] = after_step
        elif "callback" in self.taken:
            arguments |= {"callback": lambda *_: on_step(), "callback_steps": 1}
        return self.pipe(**arguments)


class Modular:
    """A ModularPipeline, whose blocks say what they take."""

    def __init__(self, pipe: Any) -> None:
        self.pipe = pipe
        self.taken = {taken.name for taken in pipe.blocks.inputs if taken.name}
        self.components: dict[str, Any] = pipe.components
        self.tells_steps = False

    def call(self, arguments: dict[str, Any], on_step: Callable[[], None]) -> Any:  # noqa: ARG002: nothing calls back
        """Runs it; its steps are those of its scheduler."""
        return self.pipe(**arguments).get("videos")
