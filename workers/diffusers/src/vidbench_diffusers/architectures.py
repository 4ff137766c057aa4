"""Architectures: what a pipeline is made of, as data.

A file in `architectures/` has tables `[components.NAME]` (a class and its configuration) and `[pipelines.CLASS]` (which
component is what). `tiny/` has every class with a few thousand numbers; the others have the numbers of published models.
"""

from __future__ import annotations

import functools
import tomllib
from pathlib import Path
from typing import Any

import msgspec

from vidbench_diffusers.failure import Failure
from vidbench_diffusers.fields import nearest

FOLDER = Path(__file__).parent / "architectures"


class Component(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One part of a pipeline."""

    class_name: str = ""
    like: str | None = None
    """Another component, from which this one takes its class and configuration unless it has its own."""
    config: dict[str, Any] = {}
    parts: dict[str, str] = {}
    """Arguments that are components themselves."""


class Shape(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a check asks the pipeline for."""

    frames: int
    width: int
    height: int
    guidance: float = 1.0
    steps: int = 2
    fps: float = 8.0


class Pipeline(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A pipeline class and its parts."""

    tasks: list[str]
    components: dict[str, str]
    shape: Shape
    options: dict[str, Any] = {}
    """Arguments of the class that are not components."""
    call: dict[str, Any] = {}
    """Arguments of the call that fit networks of this size."""
    inputs: list[str] = []
    """Files that the pipeline cannot do without."""
    parts: list[str] = []
    """Parts beside the pipeline with which it is checked too: names of `tiny_parts.MAKERS`."""
    blocks: str | None = None
    """For modular pipelines: the class of their blocks."""
    prompt: str = "a boat on a lake"


class Architecture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The contents of one file."""

    pipelines: dict[str, Pipeline] = {}
    components: dict[str, Component] = {}

    def component(self, name: str) -> Component:
        """A component, completed with everything that it takes from others."""
        if name not in self.components:
            raise Failure("invalid_request", f"unknown component {name}", nearest(name, self.components))
        found = self.components[name]
        if found.like is None:
            return found
        base = self.component(found.like)
        return Component(found.class_name or base.class_name, None, base.config | found.config, base.parts | found.parts)


def read(path: Path) -> Architecture:
    """One file, as it is written."""
    return msgspec.convert(tomllib.loads(path.read_text()), Architecture)


@functools.cache
def tiny() -> Architecture:
    """Every pipeline of the folder `tiny`."""
    files = [read(path) for path in sorted((FOLDER / "tiny").glob("*.toml"))]
    pipelines = {name: pipeline for file in files for name, pipeline in file.pipelines.items()}
    components = {name: component for file in files for name, component in file.components.items()}
    return Architecture(pipelines, components)


def names() -> list[str]:
    """Architectures with the numbers of published models."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def full(name: str) -> Architecture:
    """The architecture of that name, with the numbers of a published model."""
    if name not in names():
        raise Failure("invalid_request", f"unknown architecture {name}", nearest(name, names()))
    return read(FOLDER / f"{name}.toml")
