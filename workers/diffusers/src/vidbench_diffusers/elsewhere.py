"""Parts of a pipeline from outside its own folder: LoRA, motion modules, control networks, files of other formats."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import torch

from vidbench_diffusers import build, hub
from vidbench_diffusers.failure import Failure, is_out_of_memory, refused
from vidbench_diffusers.fields import nearest
from vidbench_diffusers.settings import Dtype, Settings


def fetched(settings: Settings) -> tuple[Settings, list[Path]]:
    """The settings with each place on the hub replaced by a path on this machine, and those paths."""
    paths: list[Path] = []

    def local(place: str) -> str:
        paths.append(hub.local(place, settings.allow_pickle))
        return str(paths[-1])

    found = msgspec.structs.replace(
        settings,
        loras=[msgspec.structs.replace(lora, id=local(f"{lora.id}#{lora.file}" if lora.file else lora.id)) for lora in settings.loras],
        motion_adapter=settings.motion and msgspec.structs.replace(settings.motion, id=local(settings.motion.id)),
        controlnet=settings.controlnet and local(settings.controlnet),
        components={name: local(place) for name, place in settings.components.items()},
        files={name: local(place) for name, place in settings.files.items()},
    )
    return found, paths


def components(settings: Settings, folder: Path, index: dict[str, Any]) -> dict[str, Any]:
    """The parts that replace those in a pipeline's folder; `index` is the folder's configuration."""
    import diffusers

    made: dict[str, Any] = {}
    if settings.motion is not None:
        options = {"torch_dtype": dtype(settings, "motion_adapter")}
        made["motion_adapter"] = diffusers.MotionAdapter.from_pretrained(settings.motion.id, **options)
    if settings.controlnet is not None:
        kind = component_class(index, "controlnet") if "controlnet" in index else diffusers.ControlNetModel
        made["controlnet"] = kind.from_pretrained(settings.controlnet, torch_dtype=dtype(settings, "controlnet"))
    for name, place in settings.components.items():
        made[name] = diffusers.AutoModel.from_pretrained(place, torch_dtype=dtype(settings, name))
    for name, place in settings.files.items():
        made[name] = from_file(settings, name, component_class(index, name), folder, Path(place))
    return made


def dtype(settings: Settings, name: str) -> torch.dtype:
    """The type of a component."""
    wanted: Dtype = settings.dtypes.get(name, settings.dtype)
    found: torch.dtype = getattr(torch, wanted)
    return found


def component_class(index: dict[str, Any], name: str) -> Any:
    """The class that a configuration names for a component."""
    described = {role: entry for role, entry in index.items() if isinstance(entry, list)}
    if name not in described or described[name][1] is None:
        raise refused(f"settings.files.{name}: the model has no such component", nearest(name, described))
    return build.find_class(described[name][1])


def from_file(settings: Settings, name: str, cls: Any, base: Path, path: Path) -> Any:
    """A network from a file in its authors' own format; its configuration comes from the model that it is put into."""
    import diffusers

    if not hasattr(cls, "from_single_file"):
        raise Failure("unsupported", f"settings.files.{name}: diffusers only loads {cls.__name__} from a folder")
    options: dict[str, Any] = {"config": str(base), "subfolder": name, "torch_dtype": dtype(settings, name)}
    source: Any = str(path)
    if path.is_dir():
        source = shards(path, name)
    elif path.suffix == ".gguf":
        options["quantization_config"] = diffusers.GGUFQuantizationConfig(compute_dtype=dtype(settings, name))
    elif path.suffix != ".safetensors" and not settings.allow_pickle:
        raise Failure(
            "weights_missing",
            f"settings.files.{name}: {path.name} is neither .safetensors nor .gguf, and may execute code when loaded",
            "convert it, or set settings.allow_pickle = true if you trust its author",
        )
    try:
        return whole(cls.from_single_file(source, **options), name, path)
    except (ValueError, RuntimeError, KeyError, TypeError, OSError) as error:
        if is_out_of_memory(error):
            raise
        why = "tensors are missing" if "meta tensor" in str(error) else str(error)
        raise Failure("weights_mismatch", f"settings.files.{name}: {path.name} does not fit {cls.__name__} of this model: {why}") from error


def whole(network: Any, name: str, path: Path) -> Any:
    """Returns a network if the file had all of it: what the file lacked was never filled."""
    missing = [key for key, weight in network.state_dict().items() if weight.is_meta]
    if missing:
        shown = f"{len(missing)} tensors of the network, such as {missing[0]}"
        raise Failure("weights_mismatch", f"settings.files.{name}: {path.name} is missing {shown}")
    return network


def shards(folder: Path, name: str) -> dict[str, torch.Tensor]:
    """All tensors of a folder's files."""
    from safetensors.torch import load_file

    files = sorted(folder.glob("*.safetensors"))
    if not files:
        raise Failure("weights_missing", f"settings.files.{name}: {folder} has no .safetensors files")
    return {key: tensor for file in files for key, tensor in load_file(file).items()}
