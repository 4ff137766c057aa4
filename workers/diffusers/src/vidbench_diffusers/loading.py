"""Turns what `load` asks for into a pipeline that is ready."""

from __future__ import annotations

import hashlib
import json
import tempfile
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import msgspec
import torch

from vidbench_diffusers import architectures, build, elsewhere, hub, tiny_parts
from vidbench_diffusers.failure import Failure, is_out_of_memory, refused
from vidbench_diffusers.fields import nearest
from vidbench_diffusers.messages import Load
from vidbench_diffusers.pipelines import Classic, Modular, Runnable
from vidbench_diffusers.settings import Lora, Scheduler, Settings

TINY = "tiny/"
"""Models of this prefix need no settings: `tiny/WanPipeline`, or `tiny/WanPipeline/lora` with a part beside it."""


def settings_of(asked: Load) -> Settings:
    """The settings of a request, with those that the model's name implies."""
    if not asked.model.startswith(TINY):
        return asked.settings
    for name in ("class_name", "path", "architecture"):
        if getattr(asked.settings, name) is not None:
            raise refused(f"settings.{name}: {asked.model} already implies it")
    name, has_part, part = asked.model.removeprefix(TINY).partition("/")
    if has_part and part not in tiny_parts.MAKERS:
        raise refused(f"{asked.model}: unknown part {part}", nearest(part, tiny_parts.MAKERS))
    return msgspec.structs.replace(asked.settings, weights="random", scale="tiny", class_name=name)


def part_of(model: str) -> str:
    """The part beside a tiny model; empty if there is none, and for models of all other names."""
    return model.removeprefix(TINY).partition("/")[2] if model.startswith(TINY) else ""


def device_of(name: str) -> torch.device:
    """The device of that name; one that is not there is refused."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
    except RuntimeError as error:
        raise refused(f"settings.device: {error}") from error
    if device.type not in ("cpu", "cuda", "mps"):
        raise refused(f"settings.device: models cannot run on {name}", "use cpu, cuda, cuda:1 or mps")
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise Failure("unsupported", f"device {name} is not available: PyTorch {torch.__version__} finds none on this machine")
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        built = (
            f"PyTorch {torch.__version__} is built for CUDA {torch.version.cuda}"
            if torch.version.cuda
            else f"PyTorch {torch.__version__} is built without CUDA"
        )
        raise Failure(
            "unsupported",
            f"device {name} is not available: {built} and finds {count} devices",
            "`vidbench doctor` reports what is missing; CUDA_VISIBLE_DEVICES may hide devices",
        )
    return device


def dtypes(settings: Settings) -> dict[str, torch.dtype]:
    """The type of each component, as diffusers takes it."""
    return {"default": getattr(torch, settings.dtype)} | {name: getattr(torch, value) for name, value in settings.dtypes.items()}


class Source:
    """Where a pipeline comes from, and what its weights are called in a record."""

    def __init__(self, asked: Load, settings: Settings) -> None:
        self.model = asked.model
        self.settings = settings
        """Once the pipeline is there, with paths in place of what was fetched."""
        self.revision = asked.revision
        self.place = settings.path or asked.model
        self.commit: str | None = None
        """The commit of the hub's repository that was loaded."""
        self._folders = ExitStack()

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self._folders.close()

    def pipeline(self) -> tuple[Runnable, Any]:
        """The pipeline, with the origin of its weights."""
        check_bases(self.settings, self.model)
        check_weights(self.settings)
        self.settings, paths = elsewhere.fetched(self.settings)
        if self.settings.weights == "random":
            return self._random(), "random"
        folder = self._folder()
        return self._load(folder), {"sha256": digest(folder, self._own_parts(folder), paths)}

    def _random(self) -> Runnable:
        if self.settings.scale == "tiny":
            known = architectures.tiny()
            name = self.settings.class_name or class_name(self._configuration())
            pipeline = known.pipelines.get(name)
            if pipeline is None:
                raise Failure("unsupported", f"no tiny version of {name}", nearest(name, known.pipelines))
            folder = Path(self._folders.enter_context(tempfile.TemporaryDirectory(prefix="vidbench-tiny-")))
            made = build.assemble(build.find_class(name), known, pipeline)
            stand_ins = build.take_stand_ins(made)
            made.save_pretrained(str(folder / "model"))
            if part := part_of(self.model):
                (folder / part).mkdir()
                self.settings = msgspec.convert(
                    msgspec.to_builtins(self.settings) | tiny_parts.settings(part, made, folder / part), Settings
                )
            return self._load(folder / "model", name, stand_ins)
        unread(self.settings, NOT_OF_RANDOM, "a model with random weights is built from its configuration only")
        device = torch.device("cpu") if self.settings.offload != "none" else device_of(self.settings.device)
        return in_dtypes(self._built(device), self.settings)

    def _built(self, device: torch.device) -> Runnable:
        with device, default_dtype(getattr(torch, self.settings.dtype)):
            if self.settings.architecture is None:
                place = self._folder(with_weights=False)
                name = self.settings.class_name or class_name(configuration(place))
                return wrapped(build.from_configurations(build.find_class(name), place, configuration(place)))
            known = architectures.full(self.settings.architecture)
            name, pipeline = next(iter(known.pipelines.items()))
            return wrapped(build.assemble(build.find_class(name), known, pipeline))

    def _configuration(self) -> dict[str, Any]:
        return configuration(Path(self.place)) if Path(self.place).is_dir() else read_json(Path(self._file("model_index.json")))

    def _file(self, name: str) -> str:
        import huggingface_hub

        with hub.hub_errors(self.place):
            return str(huggingface_hub.hf_hub_download(self.place, name, revision=self.revision))

    def _folder(self, with_weights: bool = True) -> Path:
        if self.settings.path is not None or Path(self.place).is_dir():
            folder = Path(self.place)
            if not folder.is_dir():
                raise Failure("weights_missing", f"settings.path: no folder {folder}")
            return folder
        described = hub.download(self.place, self.revision, hub.Wanted(weights=False))
        if not with_weights:
            return described
        wanted = hub.Wanted(self.settings.variant, self.settings.allow_pickle, folders=self._own_parts(described))
        whole = hub.download(self.place, self.revision, wanted)
        # The cache has a folder for each commit.
        self.commit = whole.name
        return whole

    def _own_parts(self, folder: Path) -> tuple[str, ...]:
        """The folders of a pipeline whose weights are loaded: all but those of components that are replaced."""
        replaced = {*self.settings.components, *self.settings.files}
        return tuple(name for name in folders_of(configuration(folder)) if name not in replaced)

    def _load(self, folder: Path, name: str | None = None, given: dict[str, Any] | None = None) -> Runnable:
        import diffusers

        index = configuration(folder)
        name = name or self.settings.class_name or class_name(index)
        found = build.find_class(name)
        if issubclass(found, diffusers.ModularPipeline):
            unread(self.settings, NOT_OF_MODULAR, f"{name} is a modular pipeline, which is loaded as a whole in one dtype")
            pipe = found.from_pretrained(str(folder))
            pipe.load_components(torch_dtype=getattr(torch, self.settings.dtype))
            return Modular(pipe)
        options: dict[str, Any] = {
            "torch_dtype": dtypes(self.settings),
            "use_safetensors": not self.settings.allow_pickle or None,
        }
        if self.settings.variant is not None:
            options["variant"] = self.settings.variant
        if self.settings.quantization is not None:
            options["quantization_config"] = quantization(self.settings)
        check_parts(self.settings, found)
        options |= elsewhere.components(self.settings, folder, index) | (given or {})
        check_class(self.settings.class_name, found, index, set(options))
        try:
            return Classic(found.from_pretrained(str(folder), **options))
        except ImportError as error:
            raise Failure(
                "unsupported",
                f"{name} cannot be loaded with these settings: {error}",
                "install it into the environment, or change the settings",
            ) from error
        except RuntimeError as error:
            if (asked := self.settings.quantization) is None or is_out_of_memory(error):
                raise
            raise Failure("unsupported", f"settings.quantization = {asked.backend}: {error}") from error
        except OSError as error:
            raise missing_weights(folder, error, self.settings) from error


NOT_OF_MODULAR = ("motion_adapter", "controlnet", "components", "files", "dtypes", "quantization", "variant")
"""Settings that a modular pipeline does not read."""
NOT_OF_RANDOM = ("motion_adapter", "controlnet", "components", "files", "quantization", "variant")
"""Settings that a model at full scale with random weights does not read."""


def unread(settings: Settings, names: tuple[str, ...], why: str) -> None:
    """Refuses settings that nothing reads: they would only appear in the record."""
    for name in names:
        if getattr(settings, name):
            raise Failure("unsupported", f"settings.{name}: {why}")


def check_weights(settings: Settings) -> None:
    """Refuses settings that only random weights have, and a class of another module."""
    if settings.class_name is not None and ":" in settings.class_name:
        raise refused(f"settings.class_name: {settings.class_name} is not a diffusers class")
    if settings.weights != "random" and settings.scale == "tiny":
        raise refused('settings.scale: "tiny" needs random weights', 'set weights = "random"')
    if settings.architecture is not None and (settings.weights != "random" or settings.scale == "tiny"):
        raise refused("settings.architecture needs random weights at full scale", 'set weights = "random"')


def check_parts(settings: Settings, cls: Any) -> None:
    """Refuses parts that a class would ignore."""
    import inspect

    taken = inspect.signature(cls.__init__).parameters
    for key, names in {"components": settings.components, "files": settings.files}.items():
        for name in names:
            if name not in taken:
                raise refused(f"settings.{key}.{name}: {cls.__name__} has no such component", nearest(name, taken))
    for key in ("motion_adapter", "controlnet"):
        if getattr(settings, key) and key not in taken:
            raise Failure("unsupported", f"settings.{key}: {cls.__name__} takes none")


def check_class(chosen: str | None, cls: Any, index: dict[str, Any], given: set[str]) -> None:
    """Refuses a class, chosen in place of the model's own, that cannot be built from the model's parts."""
    own = index.get("_class_name")
    if chosen in (None, own):
        return
    types = cls._get_signature_types()
    for name in sorted(set(cls._get_signature_keys(cls)[0]) - set(cls._optional_components) - given):
        library, part = (index.get(name) or [None, None])[:2]
        if part is None:
            raise refused(f"settings.class_name: {chosen} needs a {name}, but this model ({own}) has none")
        wanted = [kind for kind in types.get(name, ()) if isinstance(kind, type)]
        if library != "diffusers" or name == "scheduler" or not wanted:
            continue
        found = build.find_class(part)
        if not any(issubclass(found, kind) for kind in wanted):
            names = " or ".join(kind.__name__ for kind in wanted)
            raise refused(f"settings.class_name: {chosen} takes a {names} as {name}, but this model ({own}) has a {part}")


def in_dtypes(made: Runnable, settings: Settings) -> Runnable:
    """Converts networks that have a type of their own; `prepare` refuses unknown names along with the others."""
    for name, dtype in settings.dtypes.items():
        if isinstance(part := made.pipe.components.get(name), torch.nn.Module):
            part.to(getattr(torch, dtype))
    return made


def missing_weights(folder: Path, error: OSError, settings: Settings) -> Failure:
    """Why a folder cannot be loaded."""
    pickled = [path.name for pattern in ("*.bin", "*.ckpt", "*.pt") for path in folder.rglob(pattern)]
    if pickled and not settings.allow_pickle:
        return Failure(
            "weights_missing",
            f"{folder} has weights other than safetensors ({pickled[0]}), which may execute code when loaded",
            "convert them, or set settings.allow_pickle = true if you trust their author",
        )
    return Failure("weights_missing", f"{folder}: {error}")


def wrapped(pipe: Any) -> Runnable:
    """A pipeline of either kind."""
    import diffusers

    return Modular(pipe) if isinstance(pipe, diffusers.ModularPipeline) else Classic(pipe)


def configuration(folder: Path) -> dict[str, Any]:
    """What a folder says about the pipeline in it."""
    for name in ("model_index.json", "modular_model_index.json"):
        if (folder / name).is_file():
            return read_json(folder / name)
    raise Failure(
        "weights_missing",
        f"{folder} has no model_index.json: it is not a diffusers model",
        'a model in another format needs engine = "command"',
    )


def read_json(path: Path) -> dict[str, Any]:
    """The JSON object in a file."""
    try:
        found = json.loads(path.read_text())
    except ValueError as error:
        raise Failure("weights_mismatch", f"{path.name} is not JSON: {error}") from error
    if not isinstance(found, dict):
        raise Failure("weights_mismatch", f"{path.name} is not a JSON object")
    return found


def folders_of(index: dict[str, Any]) -> list[str]:
    """The folders of a pipeline's components. A modular pipeline states those of its own; others have the name."""
    parts = {name: part for name, part in index.items() if isinstance(part, list) and not name.startswith("_")}
    told = {name: spec.get("subfolder") for name, part in parts.items() for spec in part if isinstance(spec, dict)}
    return [told.get(name) or name for name in parts]


def class_name(config: dict[str, Any]) -> str:
    """The pipeline class of a configuration; it must be in the diffusers that is installed."""
    import diffusers

    name = config.get("_class_name")
    if not isinstance(name, str):
        raise Failure("weights_mismatch", "the model's configuration names no class")
    if not hasattr(diffusers, name):
        saved = config.get("_diffusers_version", "an unknown release")
        raise Failure(
            "unsupported",
            f"diffusers {diffusers.__version__} has no {name}; the model was saved by {saved}",
            "create an environment with a newer diffusers: `vidbench env create`",
        )
    return name


def quantization(settings: Settings) -> Any:
    """The configuration of weights in fewer bits."""
    import diffusers

    asked = settings.quantization
    assert asked is not None  # noqa: S101
    if not asked.options:
        raise refused(
            f"settings.quantization.options: {asked.backend} needs at least one",
            "such as { load_in_8bit = true }; see the backend's documentation",
        )
    try:
        return diffusers.PipelineQuantizationConfig(
            quant_backend=asked.backend, quant_kwargs=asked.options, components_to_quantize=asked.components
        )
    except (ValueError, TypeError, ImportError) as error:
        raise refused(f"settings.quantization: {error}") from error


def digest(folder: Path, own: Iterable[str], others: list[Path]) -> str:
    """SHA-256 over names and SHA-256 of weights: those in folders of a pipeline, and those from elsewhere.

    The hub's cache names files by their SHA-256, so that those are not read again.
    """
    files = [(path.relative_to(folder), path) for path in sorted({path for name in own for path in weights(folder / name)})]
    for place in others:
        files += [(path.relative_to(place), path) for path in sorted(weights(place))] if place.is_dir() else [(Path(place.name), place)]
    total = hashlib.sha256()
    for name, path in files:
        total.update(f"{name} {file_digest(path)}\n".encode())
    return total.hexdigest()


def weights(folder: Path) -> Iterator[Path]:
    """Files of weights in a folder."""
    return (path for pattern in ("*.safetensors", "*.bin", "*.gguf", "*.pt", "*.ckpt") for path in folder.rglob(pattern))


def file_digest(path: Path) -> str:
    """SHA-256 of a file."""
    sha256_letters = 64
    if path.is_symlink() and len(name := path.resolve().name) == sha256_letters and path.resolve().parent.name == "blobs":
        return name
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def prepare(loaded: Runnable, settings: Settings) -> torch.device:
    """Everything that is set on a pipeline before it is called; the device it runs on."""
    device = device_of(settings.device)
    device_of(settings.generator_device)
    known = loaded.pipe.components
    for name in settings.dtypes:
        if name not in known:
            raise refused(f"settings.dtypes.{name}: the pipeline has no such component", nearest(name, known))
    if settings.scheduler is not None:
        cls = scheduler_class(settings.scheduler)
        loaded.pipe.scheduler = cls.from_config(loaded.pipe.scheduler.config, **settings.scheduler.options)
    if settings.motion_adapter is not None:
        # A pipeline that was saved with motion modules keeps its own, whatever adapter it is given.
        loaded.pipe.unet.load_motion_modules(loaded.pipe.motion_adapter)
    add_loras(loaded.pipe, settings.loras)
    tune_vae(loaded, settings)
    tune_denoiser(loaded, settings)
    place(loaded.pipe, settings, device)
    if hasattr(loaded.pipe, "set_progress_bar_config"):
        loaded.pipe.set_progress_bar_config(disable=True)
    return device


def scheduler_class(asked: Scheduler) -> Any:
    """The class of a scheduler, which takes the options that are asked for."""
    import inspect

    import diffusers

    cls = build.find_class(asked.class_name)
    if not issubclass(cls, diffusers.SchedulerMixin):
        raise refused(f"settings.scheduler.class_name: {asked.class_name} is not a scheduler")
    taken = inspect.signature(cls).parameters
    for name in asked.options:
        if name not in taken:
            raise refused(f"settings.scheduler.options.{name}: {asked.class_name} takes no such option", nearest(name, taken))
    return cls


def place(pipe: Any, settings: Settings, device: torch.device) -> None:
    """Puts a pipeline on its device, or lets its parts wait elsewhere."""
    if settings.offload == "none":
        pipe.to(device)
        return
    if device.type == "cpu":
        raise Failure(
            "unsupported",
            f"settings.offload is {settings.offload}, but the device is the CPU, so there is nowhere to offload to",
        )
    if settings.offload == "model":
        pipe.enable_model_cpu_offload(device=device)
    elif settings.offload == "sequential":
        pipe.enable_sequential_cpu_offload(device=device)
    else:
        pipe.enable_group_offload(onload_device=device, offload_device=torch.device("cpu"), offload_type="leaf_level", use_stream=True)


TILED = {"AutoencoderKLAllegro"}
"""VAEs that work only in tiles, whatever the settings say."""


def tune_vae(loaded: Runnable, settings: Settings) -> None:
    """Tiling and slicing."""
    vae = loaded.components.get("vae")
    for wanted, method in (
        (settings.vae_tiling or type(vae).__name__ in TILED, "enable_tiling"),
        (settings.vae_slicing, "enable_slicing"),
    ):
        if wanted:
            if not hasattr(vae, method):
                raise Failure("unsupported", f"the VAE of this pipeline, {type(vae).__name__}, has no {method}")
            getattr(vae, method)()


def denoisers(loaded: Runnable) -> list[Any]:
    """The networks that take the steps."""
    return [part for name, part in loaded.components.items() if name.startswith(("transformer", "unet")) and part is not None]


def tune_denoiser(loaded: Runnable, settings: Settings) -> None:
    """Attention backend, cache and compilation."""
    for network in denoisers(loaded):
        if settings.attention is not None:
            try:
                network.set_attention_backend(settings.attention)
            except (ValueError, AttributeError, ImportError, RuntimeError) as error:
                raise Failure("unsupported", f"settings.attention = {settings.attention}: {error}") from error
        if settings.cache is not None:
            try:
                network.enable_cache(cache_configuration(settings, loaded.pipe))
            except (ValueError, TypeError, AttributeError) as error:
                raise refused(f"settings.cache: {type(network).__name__} does not support {settings.cache.kind}: {error}") from error
        if settings.compile:
            network.compile()


CACHES = {
    "first_block": "FirstBlockCacheConfig",
    "faster": "FasterCacheConfig",
    "mag": "MagCacheConfig",
    "pyramid_attention": "PyramidAttentionBroadcastConfig",
    "taylorseer": "TaylorSeerCacheConfig",
    "text_kv": "TextKVCacheConfig",
}


def cache_configuration(settings: Settings, pipe: Any) -> Any:
    """The configuration of a cache method."""
    import inspect

    assert settings.cache is not None  # noqa: S101
    cls = build.find_class(CACHES[settings.cache.kind])
    taken = inspect.signature(cls).parameters
    for name in settings.cache.options:
        if name not in taken:
            raise refused(f"settings.cache.options.{name}: {cls.__name__} takes no such option", nearest(name, taken))
    options = dict(settings.cache.options)
    if "current_timestep_callback" in taken:
        options["current_timestep_callback"] = lambda: pipe.current_timestep
    return cls(**options)


def check_bases(settings: Settings, base: str) -> None:
    """Refuses parts that were made for another model, before they are fetched."""
    parts = {f"settings.loras[{at}]": lora.base for at, lora in enumerate(settings.loras)}
    if settings.motion is not None:
        parts["settings.motion_adapter"] = settings.motion.base
    for what, made_for in parts.items():
        # Names on the hub do not depend on case.
        if made_for is not None and made_for.lower() != base.lower():
            raise Failure("weights_mismatch", f"{what} is for {made_for}, but the model is {base}")


def add_loras(pipe: Any, loras: list[Lora]) -> None:
    """Adds LoRA weights."""
    for at, lora in enumerate(loras):
        if not hasattr(pipe, "load_lora_weights"):
            raise Failure("unsupported", f"{type(pipe).__name__} takes no LoRA")
        try:
            pipe.load_lora_weights(lora.id, adapter_name=f"lora{at}")
        except (ValueError, RuntimeError, KeyError, OSError) as error:
            if is_out_of_memory(error):
                raise
            raise Failure("weights_mismatch", f"settings.loras[{at}]: {lora.id} does not fit {type(pipe).__name__}: {error}") from error
    if loras:
        pipe.set_adapters([f"lora{at}" for at in range(len(loras))], [lora.scale for lora in loras])


@contextmanager
def default_dtype(dtype: torch.dtype) -> Iterator[None]:
    """New tensors have this type, for a while."""
    before = torch.get_default_dtype()
    torch.set_default_dtype(dtype)
    try:
        yield
    finally:
        torch.set_default_dtype(before)
