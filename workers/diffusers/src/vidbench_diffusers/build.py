"""Models with random weights, built from their configurations without a download."""

from __future__ import annotations

import importlib
import inspect
from pathlib import Path
from typing import Any

import torch

from vidbench_diffusers import vocabulary
from vidbench_diffusers.architectures import Architecture, Pipeline
from vidbench_diffusers.failure import Failure

SEED = 20_261
"""Seed of the weights: the same configuration gives the same numbers."""


def find_class(name: str) -> Any:
    """A class of diffusers or transformers by its name, or of a module by `module:Name`."""
    if ":" in name:
        module, _, name = name.partition(":")
        return getattr(importlib.import_module(module), name)
    for module in ("diffusers", "transformers"):
        if (found := getattr(importlib.import_module(module), name, None)) is not None:
            return found
    version = importlib.import_module("diffusers").__version__
    raise Failure("unsupported", f"diffusers {version} has no class {name}", "another release of diffusers may have it")


def components(architecture: Architecture, pipeline: Pipeline) -> dict[str, Any]:
    """Every part of a pipeline, with random weights."""
    torch.manual_seed(SEED)
    made: dict[str, Any] = {}
    return {role: component(architecture, name, made) for role, name in pipeline.components.items()}


def component(architecture: Architecture, name: str, made: dict[str, Any]) -> Any:
    """One part. A part that is used twice is made once."""
    if name not in made:
        described = architecture.component(name)
        parts = {role: component(architecture, part, made) for role, part in described.parts.items()}
        made[name] = instantiate(find_class(described.class_name), described.config, parts)
    return made[name]


def instantiate(cls: Any, config: dict[str, Any], parts: dict[str, Any]) -> Any:
    """An object of a class of diffusers or transformers."""
    import transformers

    if issubclass(cls, transformers.PreTrainedModel):
        model = cls(cls.config_class(**config))
        return model.eval()
    if issubclass(cls, transformers.PreTrainedTokenizerBase):
        return cls(**vocabulary.MAKERS[cls.__name__](), **config)
    if inspect.isclass(cls) and issubclass(cls, torch.nn.Module):
        return stirred(cls(**config, **parts)).eval()
    return cls(**config, **parts)


def stirred(model: torch.nn.Module, std: float = 0.02) -> torch.nn.Module:
    """Replaces a network's matrices of zeros by random numbers: zeros would make parts, such as its text, useless."""
    for weight in model.parameters():
        if weight.ndim > 1 and weight.numel() and not weight.is_meta and not weight.data.flatten()[0] and not weight.data.any():
            torch.nn.init.normal_(weight, std=std)
    return model


def from_configurations(cls: type, folder: Path, index: dict[str, Any]) -> Any:
    """A pipeline from a folder's configurations, with random weights: the folder needs no weights."""
    torch.manual_seed(SEED)
    parts: dict[str, Any] = {}
    for name, described in index.items():
        if name.startswith("_") or not isinstance(described, list):
            continue
        library, class_name = described[:2]
        parts[name] = None if class_name is None else from_configuration(folder / name, library, class_name)
    options = {name: value for name, value in index.items() if not name.startswith("_") and not isinstance(value, list)}
    return cls(**parts, **options)


def from_configuration(folder: Path, library: str, name: str) -> Any:
    """One part of a folder: a network with random weights, anything else as it is saved."""
    import transformers

    cls = find_class(name if library in ("diffusers", "transformers") else f"diffusers.pipelines.{library}:{name}")
    if issubclass(cls, transformers.PreTrainedModel):
        return cls(cls.config_class.from_pretrained(folder)).eval()
    if issubclass(cls, torch.nn.Module):
        return stirred(cls.from_config(cls.load_config(folder))).eval()
    return cls.from_pretrained(folder)


def assemble(cls: type, architecture: Architecture, pipeline: Pipeline) -> Any:
    """A pipeline with random weights."""
    parts = components(architecture, pipeline)
    if pipeline.blocks is not None:
        made = find_class(pipeline.blocks)().init_pipeline()
        made.update_components(**parts, **pipeline.options)
        return made
    return cls(**optional(cls, parts), **parts, **pipeline.options)


def take_stand_ins(made: Any) -> dict[str, Any]:
    """Removes this package's own parts from a pipeline, because no folder can hold them, and returns them."""
    found = {name: part for name, part in made.components.items() if type(part).__module__ == "vidbench_diffusers.stand_ins"}
    if found:
        made.register_modules(**dict.fromkeys(found))
    return found


def optional(cls: type, parts: dict[str, Any]) -> dict[str, Any]:
    """Optional parts that this pipeline does without, each as None."""
    absent = set(getattr(cls, "_optional_components", ())) - set(parts)
    taken = inspect.signature(cls).parameters
    return {name: None for name in absent if name in taken and taken[name].default is inspect.Parameter.empty}
