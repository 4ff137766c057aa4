"""How a model is loaded and called, as a suite's `[models.settings]` says it. Everything is part of the sample's identity."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec

Dtype = Literal["float32", "bfloat16", "float16"]


class Part(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A table of the settings."""


class Lora(Part, frozen=True):
    """Weights that are added to those of a model."""

    id: str
    """Hub id or folder."""
    file: str | None = None
    """Which file of it, where there are several."""
    scale: float = 1.0
    base: str | None = None
    """The model it was made for; another one is refused."""


class MotionAdapter(Part, frozen=True):
    """Motion modules for a model that makes images."""

    id: str
    """Hub id or folder."""
    base: str | None = None
    """The model they were made for; another one is refused."""


class Cache(Part, frozen=True):
    """A method of diffusers that skips what changes little from step to step."""

    kind: Literal["first_block", "faster", "mag", "pyramid_attention", "taylorseer", "text_kv"]
    options: dict[str, Any] = {}
    """Arguments of its configuration."""


class Quantization(Part, frozen=True):
    """Weights in fewer bits."""

    backend: str
    """As diffusers' PipelineQuantizationConfig names it, such as `bitsandbytes_8bit` or `torchao`."""
    options: dict[str, Any] = {}
    components: list[str] | None = None


class Scheduler(Part, frozen=True):
    """A scheduler in place of the model's own."""

    class_name: str
    options: dict[str, Any] = {}


class Video(Part, frozen=True):
    """How the file is written; outside the timed window."""

    codec: Literal["h264", "ffv1"] = "h264"
    crf: Annotated[int, msgspec.Meta(ge=0, le=51)] = 10
    """Quality of H.264, 0 (lossless) to 51."""


class Settings(Part, frozen=True):
    """Everything that `load` may be told."""

    weights: Literal["real", "random"] = "real"
    scale: Literal["full", "tiny"] = "full"
    """For random weights: `tiny` is a network of the same structure with a few thousand numbers."""
    architecture: str | None = None
    """For random weights at full scale: a configuration of this package, in place of the model's own."""
    class_name: str | None = None
    """Pipeline class; the model's own (`_class_name`) when absent."""
    path: str | None = None
    """Folder with the model, in place of the hub."""
    variant: str | None = None
    device: str = "auto"
    """`cpu`, `cuda`, `cuda:1`, `mps`; `auto` is the first accelerator there is, else the CPU."""
    dtype: Dtype = "float32"
    dtypes: dict[str, Dtype] = {}
    """Types of single components, such as `vae = "float32"`."""
    offload: Literal["none", "model", "sequential", "group"] = "none"
    vae_tiling: bool = False
    vae_slicing: bool = False
    attention: str | None = None
    """Attention backend as diffusers names it, such as `native`, `flash`, `sage`."""
    compile: bool = False
    """torch.compile of the denoiser."""
    quantization: Quantization | None = None
    cache: Cache | None = None
    loras: list[Lora] = []
    motion_adapter: str | MotionAdapter | None = None
    """Hub id or folder, or a table that also names the model that they are for."""
    controlnet: str | None = None
    components: dict[str, str] = {}
    """Components from elsewhere: name to hub id or folder, for models that need another repository."""
    files: dict[str, str] = {}
    """Networks in their authors' own format: component to `ID#FILE`, `ID#FOLDER` or a path; .safetensors, or .gguf."""
    scheduler: Scheduler | None = None
    generator_device: str = "cpu"
    """Where the initial noise is drawn; the same seed gives other noise elsewhere."""
    deterministic: bool = False
    """Only operations that give the same bits each time."""
    allow_pickle: bool = False
    """Load weights that are not safetensors. Such a file can run anything."""
    call: dict[str, Any] = {}
    """Arguments of the pipeline that requests cannot give, such as `guidance_scale_2`."""
    video: Video = Video()

    @property
    def motion(self) -> MotionAdapter | None:
        """The motion modules, however they were given."""
        return MotionAdapter(self.motion_adapter) if isinstance(self.motion_adapter, str) else self.motion_adapter
