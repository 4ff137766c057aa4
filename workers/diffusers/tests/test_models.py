"""Real pipelines of diffusers with tiny random networks, and what can go wrong before and while they run."""

import json
import os
import pickle
from pathlib import Path

import pytest
import torch

from vidbench_diffusers import architectures, build, failure, loading, memory, model
from vidbench_diffusers.failure import Failure
from vidbench_diffusers.messages import Generate, Load, Params
from vidbench_diffusers.settings import Lora, MotionAdapter, Quantization, Settings

CLASSES = os.environ.get(
    "VIDBENCH_CLASSES", "WanPipeline LTXPipeline CogVideoXPipeline AnimateDiffPipeline StableVideoDiffusionPipeline WanModularPipeline"
).split()
"""A few of the classes; `VIDBENCH_CLASSES` names others."""


def asked(name, output, seed=7, **changed):
    pipeline = architectures.tiny().pipelines[name]
    shape = pipeline.shape
    params = {field: getattr(shape, field) for field in ("steps", "guidance", "frames", "width", "height", "fps")}
    inputs = {field: picture(Path(output).parent, shape) for field in pipeline.inputs}
    return Generate(
        sample="0",
        model=f"tiny/{name}",
        prompt=pipeline.prompt,
        seed=seed,
        params=Params(**params | changed),
        output=str(output),
        inputs=inputs,
    )


def picture(folder, shape):
    from PIL import Image

    path = folder / "input.png"
    Image.linear_gradient("L").resize((shape.width, shape.height)).convert("RGB").save(path)
    return str(path)


def loaded(name, **settings):
    return model.load(Load(model=f"tiny/{name}", threads=1, settings=Settings(**settings)), lambda *_: None)


@pytest.mark.parametrize("name", CLASSES)
def test_a_class_generates(name, tmp_path):
    made, said = loaded(name)
    assert said["weights"] == "random" and name in said["runtime"]
    assert said["reads_prompt"] == (name != "StableVideoDiffusionPipeline")
    steps = []
    results = [
        made.generate(asked(name, tmp_path / f"{at}.mp4", seed), lambda _, params: steps.append(params))
        for at, seed in enumerate((7, 7, 8))
    ]
    files = [Path(result["output"]).read_bytes() for result in results]
    assert files[0] == files[1] != files[2]
    total = steps[0]["total"]
    assert [step["index"] for step in steps] == [*range(1, total + 1)] * 3
    for result in results:
        inner = [stage for stage in result["stages"] if stage["name"] != "encode"]
        assert {"denoise", "vae_decode"} <= {stage["name"] for stage in inner}
        assert all(result["start_ns"] <= stage["start_ns"] <= stage["end_ns"] <= result["end_ns"] for stage in inner)
        assert result["peak_device_bytes"] is None


def test_a_picture_that_is_needed_is_asked_for(tmp_path):
    import msgspec

    made, _ = loaded("WanImageToVideoPipeline")
    without = msgspec.structs.replace(asked("WanImageToVideoPipeline", tmp_path / "a.mp4"), inputs={})
    with pytest.raises(Failure) as refusal:
        made.generate(without, lambda *_: None)
    assert "needs image" in refusal.value.message and "inputs" in refusal.value.hint


def test_every_tiny_architecture_names_components_and_classes_that_exist():
    known = architectures.tiny()
    for pipeline in known.pipelines.values():
        for part in pipeline.components.values():
            build.find_class(known.component(part).class_name)


@pytest.fixture(scope="module")
def wan(tmp_path_factory):
    """A folder with a model, as it would be on the hub."""
    folder = tmp_path_factory.mktemp("wan")
    known = architectures.tiny()
    build.assemble(build.find_class("WanPipeline"), known, known.pipelines["WanPipeline"]).save_pretrained(folder)
    return folder


def real(folder, **settings):
    return model.load(
        Load(model="me/wan", threads=1, settings=Settings(path=str(folder), call={"max_sequence_length": 16}, **settings)), lambda *_: None
    )


def test_a_folder_is_a_model_and_its_weights_have_a_hash(wan, tmp_path):
    made, said = real(wan)
    assert len(said["weights"]["sha256"]) == 64
    made.generate(asked("WanPipeline", tmp_path / "a.mp4"), lambda *_: None)
    weights = next((wan / "transformer").glob("*.safetensors"))
    changed = bytearray(weights.read_bytes())
    changed[-1] ^= 1
    before = weights.read_bytes()
    weights.write_bytes(changed)
    try:
        assert real(wan)[1]["weights"] != said["weights"]
    finally:
        weights.write_bytes(before)


@pytest.mark.parametrize(
    ("settings", "kind", "words"),
    [
        ({"device": "cuda:7"}, "unsupported", "cuda:7 is not available"),
        ({"device": "toaster"}, "invalid_request", "toaster"),
        ({"offload": "model", "device": "cpu"}, "unsupported", "nowhere to offload"),
        ({"attention": "no_such_backend"}, "unsupported", "no_such_backend"),
        ({"loras": [Lora(id="someone/lora", base="another/model")]}, "weights_mismatch", "is for another/model"),
        ({"motion_adapter": MotionAdapter("someone/motion", base="another/model")}, "weights_mismatch", "motion_adapter is for"),
        ({"class_name": "WanPipelineOfTomorrow"}, "unsupported", "has no"),
        ({"class_name": "LTXPipeline"}, "invalid_request", "LTXPipeline takes a LTXVideoTransformer3DModel as transformer"),
        ({"class_name": "AnimateDiffPipeline"}, "invalid_request", "needs a unet, but this model (WanPipeline) has none"),
    ],
)
def test_settings_that_cannot_be_met_are_refused(wan, settings, kind, words):
    with pytest.raises(Failure) as refusal:
        real(wan, **settings)
    assert refusal.value.kind == kind
    assert words in refusal.value.message


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"weights": "random", "quantization": Quantization("nonsense")}, "quantization: a model with random weights"),
        ({"weights": "random", "files": {"transformer": "a.gguf"}}, "files: a model with random weights"),
        ({"weights": "random", "variant": "fp16"}, "variant: a model with random weights"),
        ({"scale": "tiny"}, "scale"),
        ({"architecture": "wan2.1-t2v-1.3b"}, "architecture needs random weights"),
        ({"components": {"vea": "somewhere"}}, "components.vea: WanPipeline has no such component"),
        ({"controlnet": "somewhere"}, "controlnet: WanPipeline takes none"),
        ({"quantization": Quantization("bitsandbytes_8bit")}, "quantization.options: bitsandbytes_8bit needs at least one"),
        ({"quantization": Quantization("bitsandbytes_8bit", {"load_in_8bit": True})}, "bitsandbytes"),  # no GPU, or no package
    ],
)
def test_a_setting_that_nothing_would_read_is_refused(wan, monkeypatch, settings, words):
    monkeypatch.setattr("vidbench_diffusers.hub.local", lambda place, _: Path(place))
    with pytest.raises(Failure) as refusal:
        real(wan, **settings)
    assert words in refusal.value.message


def test_random_weights_have_the_types_that_are_asked_for(wan):
    made, _ = real(wan, weights="random", dtype="bfloat16", dtypes={"vae": "float32"})
    assert (made.pipe.transformer.dtype, made.pipe.vae.dtype) == (torch.bfloat16, torch.float32)


def test_a_configuration_without_weights_is_enough_for_random_ones(wan, tmp_path):
    import shutil

    folder = tmp_path / "configurations"
    shutil.copytree(wan, folder, ignore=shutil.ignore_patterns("*.safetensors"))
    made, said = real(folder, weights="random")
    assert said["weights"] == "random"
    made.generate(asked("WanPipeline", tmp_path / "a.mp4"), lambda *_: None)


def test_a_folder_without_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(Failure, match=r"no model_index\.json"):
        real(tmp_path)
    (tmp_path / "model_index.json").write_text(json.dumps({"_class_name": "Wan9Pipeline", "_diffusers_version": "9.0"}))
    with pytest.raises(Failure, match=r"has no Wan9Pipeline; the model was saved by 9\.0"):
        real(tmp_path)
    (tmp_path / "model_index.json").write_text("{")
    with pytest.raises(Failure, match="is not JSON"):
        real(tmp_path)


class Canary:
    def __reduce__(self):
        return (Path.touch, (Path(os.environ["VIDBENCH_CANARY"]),))


def test_pickled_weights_are_refused_and_never_run(wan, tmp_path, monkeypatch):
    import shutil

    folder = tmp_path / "pickled"
    shutil.copytree(wan, folder)
    monkeypatch.setenv("VIDBENCH_CANARY", str(tmp_path / "canary"))
    for weights in (folder / "transformer").glob("*.safetensors"):
        weights.unlink()
    (folder / "transformer" / "diffusion_pytorch_model.bin").write_bytes(pickle.dumps(Canary()))
    with pytest.raises(Failure) as refusal:
        real(folder)
    assert "other than safetensors" in refusal.value.message and "allow_pickle" in refusal.value.hint
    assert not (tmp_path / "canary").exists()


def test_without_a_network_the_cache_is_all_there_is(monkeypatch, tmp_path):
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(Failure) as refusal:
        model.load(Load(model="someone/model", threads=1), lambda *_: None)
    assert refusal.value.kind == "weights_missing"
    assert refusal.value.hint == "unset HF_HUB_OFFLINE, or copy HF_HOME to this machine"


def test_what_a_pipeline_refuses_before_it_works_is_the_requests_fault(tmp_path):
    made, _ = loaded("WanPipeline")
    with pytest.raises(Failure) as told:
        made.generate(asked("WanPipeline", tmp_path / "a.mp4", width=33, height=33), lambda *_: None)
    assert told.value.kind == "invalid_request" and "divisible by 16" in told.value.message
    made.generate(asked("WanPipeline", tmp_path / "b.mp4"), lambda *_: None)


def test_the_peak_of_memory_is_that_of_the_sample():
    memory.reset_peaks(torch.device("cpu"))
    before = memory.peak_rss_bytes()
    large = torch.ones(64 << 20, dtype=torch.uint8)
    assert memory.peak_rss_bytes() > before + (60 << 20)
    del large
    memory.reset_peaks(torch.device("cpu"))
    assert memory.peak_rss_bytes() < before + (30 << 20)


def test_memory_that_runs_out_is_told_and_given_back(tmp_path):
    made, _ = loaded("WanPipeline")
    with pytest.raises(Failure) as told:
        made.generate(asked("WanPipeline", tmp_path / "a.mp4", frames=4_000_001, width=16_000, height=16_000), lambda *_: None)
    assert told.value.kind == "out_of_memory"
    made.generate(asked("WanPipeline", tmp_path / "b.mp4"), lambda *_: None)


def test_memory_that_runs_out_in_the_second_step_is_told_and_given_back(tmp_path, monkeypatch):
    made, _ = loaded("WanPipeline")
    ended, step = [], made.pipe.scheduler.step

    def hungry(*args, **kwargs):
        if ended:
            torch.empty(2**50)
        ended.append(step(*args, **kwargs))
        return ended[-1]

    monkeypatch.setattr(made.pipe.scheduler, "step", hungry)
    with pytest.raises(Failure) as told:
        made.generate(asked("WanPipeline", tmp_path / "a.mp4"), lambda *_: None)
    assert told.value.kind == "out_of_memory" and len(ended) == 1
    monkeypatch.undo()
    made.generate(asked("WanPipeline", tmp_path / "b.mp4"), lambda *_: None)


def test_memory_that_ends_while_a_model_is_loaded_is_told_and_the_next_is_loaded():
    import resource

    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    held = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (held + 2**30, hard))
    try:
        with pytest.raises(Failure) as told:
            model.load(
                Load(model="me/model", threads=1, settings=Settings(weights="random", architecture="wan2.1-t2v-1.3b")), lambda *_: None
            )
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
    assert told.value.kind == "out_of_memory", told.value.message
    assert loaded("WanPipeline")


def test_errors_of_libraries_get_their_kind():
    kinds = {
        "out_of_memory": [torch.OutOfMemoryError("x"), MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
        "device_lost": [RuntimeError("CUDA error: device-side assert triggered")],
        "internal": [ValueError("out of range")],
    }
    for kind, errors in kinds.items():
        assert {failure.classified(error, "generate").kind for error in errors} == {kind}


def test_memory_of_this_process_is_known():
    assert memory.peak_rss_bytes() > 1 << 20
    assert memory.peak_device_bytes(torch.device("cpu")) is None


def test_a_device_that_is_there():
    assert loading.device_of("cpu").type == "cpu"


BILLIONS = {"wan2.1-t2v-1.3b": (1.42, 5.68), "ltx-video-2b": (1.92, 4.76), "cogvideox-2b": (1.69, 4.76)}
"""Parameters of the denoiser and of the text encoder, in billions, as they are published or counted from the published files."""


@pytest.mark.parametrize("name", architectures.names())
def test_a_full_architecture_has_the_size_of_its_model(name):
    known = architectures.full(name)
    pipeline = next(iter(known.pipelines.values()))
    with torch.device("meta"):
        parts = {
            role: build.component(known, part, {}) for role, part in pipeline.components.items() if role in ("transformer", "text_encoder")
        }
    counted = tuple(sum(weight.numel() for weight in parts[role].parameters()) / 1e9 for role in ("transformer", "text_encoder"))
    assert counted == pytest.approx(BILLIONS[name], abs=0.01)


def test_a_model_of_the_hub_is_built_tiny_under_its_own_name():
    settings = Settings(weights="random", scale="tiny", class_name="WanPipeline")
    _, said = model.load(Load(model="Wan-AI/Wan2.1-T2V-1.3B-Diffusers", threads=1, settings=settings), lambda *_: None)
    assert said["weights"] == "random"
