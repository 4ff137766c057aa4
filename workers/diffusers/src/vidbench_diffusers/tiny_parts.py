"""Weights that come beside a tiny model, random as it is, so that loading each kind can be shown without a download.

`tiny/WanPipeline/lora` is the tiny WanPipeline with a LoRA; the last word is a name of `MAKERS`.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from vidbench_diffusers import build
from vidbench_diffusers.failure import Failure

SEED = 3
"""Gives other numbers than the model's own seed."""


def lora(pipe: Any, folder: Path) -> dict[str, Any]:
    """A LoRA of the denoiser's attention."""
    from peft import LoraConfig, get_peft_model_state_dict

    name = denoiser(pipe)
    network = getattr(pipe, name)
    network.add_adapter(LoraConfig(r=4, lora_alpha=64, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v"]))
    pipe.save_lora_weights(folder, get_peft_model_state_dict(network))
    network.delete_adapters("default")
    return {"loras": [{"id": str(folder), "scale": 4.0}]}


def motion_adapter(pipe: Any, folder: Path) -> dict[str, Any]:
    """Motion modules with numbers of their own."""
    again(pipe.motion_adapter).save_pretrained(folder)
    return {"motion_adapter": str(folder)}


def controlnet(pipe: Any, folder: Path) -> dict[str, Any]:
    """A control network with numbers of its own."""
    again(pipe.controlnet).save_pretrained(folder)
    return {"controlnet": str(folder)}


def file(pipe: Any, folder: Path) -> dict[str, Any]:
    """The denoiser in one file, under the names that its authors use."""
    from safetensors.torch import save_file

    name = denoiser(pipe)
    save_file(authors_names(again(getattr(pipe, name))), folder / "model.safetensors")
    return {"files": {name: str(folder / "model.safetensors")}}


def shards(pipe: Any, folder: Path) -> dict[str, Any]:
    """The denoiser in two files, under the names that its authors use."""
    from safetensors.torch import save_file

    name = denoiser(pipe)
    weights = sorted(authors_names(again(getattr(pipe, name))).items())
    half = len(weights) // 2
    for at, part in enumerate((weights[:half], weights[half:]), 1):
        save_file(dict(part), folder / f"model-{at:05}-of-00002.safetensors")
    return {"files": {name: str(folder)}}


def gguf(pipe: Any, folder: Path) -> dict[str, Any]:
    """The denoiser as GGUF: Q8_0 where a row has whole blocks, as the converters of the field do."""
    import gguf as format_

    name = denoiser(pipe)
    writer = format_.GGUFWriter(folder / "model.gguf", "vidbench-tiny")
    q8 = format_.GGMLQuantizationType.Q8_0
    for key, weight in authors_names(again(getattr(pipe, name))).items():
        array = weight.float().numpy()
        if array.ndim == 2 and array.shape[-1] % format_.GGML_QUANT_SIZES[q8][0] == 0:
            writer.add_tensor(key, format_.quants.quantize(array, q8), raw_dtype=q8)
        else:
            writer.add_tensor(key, array)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()
    return {"files": {name: str(folder / "model.gguf")}}


MAKERS: dict[str, Callable[[Any, Path], dict[str, Any]]] = {
    maker.__name__: maker for maker in (lora, motion_adapter, controlnet, file, shards, gguf)
}


def settings(part: str, pipe: Any, folder: Path) -> dict[str, Any]:
    """Makes a part of a pipeline in an empty folder, and returns the settings that load it."""
    torch.manual_seed(SEED)
    return MAKERS[part](pipe, folder)


def denoiser(pipe: Any) -> str:
    """The component that takes the steps."""
    return "transformer" if "transformer" in pipe.components else "unet"


def again(network: Any) -> Any:
    """A network of the same configuration with other numbers."""
    return build.stirred(type(network).from_config(network.config), std=0.2)


WAN = (
    (r"condition_embedder\.time_embedder\.linear_1", "time_embedding.0"),
    (r"condition_embedder\.time_embedder\.linear_2", "time_embedding.2"),
    (r"condition_embedder\.text_embedder\.linear_1", "text_embedding.0"),
    (r"condition_embedder\.text_embedder\.linear_2", "text_embedding.2"),
    (r"condition_embedder\.time_proj", "time_projection.1"),
    (r"condition_embedder\.image_embedder\.norm1", "img_emb.proj.0"),
    (r"condition_embedder\.image_embedder\.ff\.net\.0\.proj", "img_emb.proj.1"),
    (r"condition_embedder\.image_embedder\.ff\.net\.2", "img_emb.proj.3"),
    (r"condition_embedder\.image_embedder\.norm2", "img_emb.proj.4"),
    (r"^scale_shift_table", "head.modulation"),
    (r"^proj_out", "head.head"),
    (r"^(vace_blocks\.\d+)\.proj_in", r"\1.before_proj"),
    (r"^(vace_blocks\.\d+)\.proj_out", r"\1.after_proj"),
    (r"scale_shift_table", "modulation"),
    (r"\.attn1\.", ".self_attn."),
    (r"\.attn2\.", ".cross_attn."),
    (r"\.to_out\.0\.", ".o."),
    (r"\.to_([qkv])\.", r".\1."),
    (r"\.add_([kv])_proj\.", r".\1_img."),
    (r"\.norm_added_k\.", ".norm_k_img."),
    (r"ffn\.net\.0\.proj", "ffn.0"),
    (r"ffn\.net\.2", "ffn.2"),
    (r"(blocks\.\d+)\.norm2\.", r"\1.norm3."),
)
"""From the names of diffusers to those of github.com/Wan-Video/Wan2.1, `wan/modules/model.py`."""

LTX = (
    (r"^proj_in", "patchify_proj"),
    (r"^time_embed", "adaln_single"),
    (r"norm_([qk])", r"\1_norm"),
    (r"^", "model.diffusion_model."),
)
"""From the names of diffusers to those of the files of huggingface.co/Lightricks/LTX-Video."""

AUTHORS = {
    "WanTransformer3DModel": WAN,
    "WanVACETransformer3DModel": WAN,
    "SkyReelsV2Transformer3DModel": WAN,
    "LTXVideoTransformer3DModel": LTX,
}


def authors_names(network: Any) -> dict[str, torch.Tensor]:
    """The weights under the names that the network's authors gave them."""
    kind = type(network).__name__
    if kind not in AUTHORS:
        raise Failure("unsupported", f"the authors' tensor names for {kind} are unknown")
    named = {}
    for key, weight in network.state_dict().items():
        new = key
        for pattern, name in AUTHORS[kind]:
            new = re.sub(pattern, name, new)
        named[new] = weight.contiguous()
    return named
