"""Settings that change how a model runs: each one takes effect, and a video comes out."""

from pathlib import Path

import pytest
import torch
from safetensors.torch import save_file
from test_models import asked, loaded

from vidbench_diffusers import architectures, build, model, tiny_parts
from vidbench_diffusers.failure import Failure
from vidbench_diffusers.messages import Load
from vidbench_diffusers.settings import Cache, Lora, MotionAdapter, Scheduler, Settings, Video

WAN = "WanPipeline"


def made(tmp_path, name=WAN, **settings):
    ready, _ = loaded(name, **settings)
    result = ready.generate(asked(name, tmp_path / "made.mp4"), lambda *_: None)
    content = Path(result["output"]).read_bytes()
    Path(result["output"]).unlink()
    return ready.pipe, content


def attention_backends(pipe):
    return {str(processor._attention_backend) for processor in pipe.transformer.attn_processors.values()}


@pytest.mark.parametrize(
    ("settings", "seen"),
    [
        ({"vae_tiling": True}, lambda pipe: pipe.vae.use_tiling),
        ({"vae_slicing": True}, lambda pipe: pipe.vae.use_slicing),
        (
            {"dtype": "bfloat16", "dtypes": {"vae": "float32"}},
            lambda pipe: (pipe.transformer.dtype, pipe.vae.dtype) == (torch.bfloat16, torch.float32),
        ),
        ({"compile": True}, lambda pipe: pipe.transformer._compiled_call_impl is not None),
        ({"cache": Cache("first_block", {"threshold": 0.1})}, lambda pipe: pipe.transformer.is_cache_enabled),
        ({"cache": Cache("pyramid_attention", {"spatial_attention_block_skip_range": 2})}, lambda pipe: pipe.transformer.is_cache_enabled),
        (
            {"scheduler": Scheduler("FlowMatchEulerDiscreteScheduler", {"shift": 3.0})},
            lambda pipe: type(pipe.scheduler).__name__.startswith("Flow"),
        ),
        ({"attention": "native"}, lambda pipe: all("native" in name.lower() for name in attention_backends(pipe))),
        ({"deterministic": True}, lambda _: torch.are_deterministic_algorithms_enabled()),
    ],
)
def test_a_setting_is_taken_and_a_video_comes_out(tmp_path, settings, seen):
    try:
        pipe, content = made(tmp_path, **settings)
        assert seen(pipe)
        assert len(content) > 100
    finally:
        torch.use_deterministic_algorithms(False)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"cache": Cache("first_block", {"treshold": 0.1})}, "did you mean threshold"),
        ({"scheduler": Scheduler("NoScheduler")}, "has no class NoScheduler"),
        ({"scheduler": Scheduler("UniPCMultistepScheduler", {"zork": 1})}, "takes no such option"),
        ({"scheduler": Scheduler("WanPipeline")}, "is not a scheduler"),
        ({"dtypes": {"vea": "float32"}}, "did you mean vae"),
        ({"generator_device": "cuda:9"}, "cuda:9 is not available"),
        ({"class_name": "LTXPipeline"}, "already implies it"),
        ({"call": {"guidance_scale_3": 1.0}}, "takes no such argument"),
    ],
)
def test_what_a_setting_misspells_is_named(tmp_path, settings, words):
    with pytest.raises(Failure) as refusal:
        made(tmp_path, **settings)
    assert words in f"{refusal.value.message} {refusal.value.hint}"


def test_a_lossless_video_is_one(tmp_path):
    assert b"FFV1" in made(tmp_path, video=Video(codec="ffv1"))[1]
    assert b"FFV1" not in made(tmp_path)[1]


@pytest.fixture
def folders(tmp_path):
    """A model, as a folder, and its network."""

    def make(name):
        known = architectures.tiny()
        pipe = build.assemble(build.find_class(name), known, known.pipelines[name])
        folder = tmp_path / name
        pipe.save_pretrained(folder)
        return folder, pipe

    return make


def with_settings(name, folder, output, **settings):
    call = architectures.tiny().pipelines[name].call
    ready, _ = model.load(Load(model=f"tiny/{name}", threads=1, settings=Settings()), lambda *_: None)
    ready.free()
    ready, said = model.load(Load(model="me/model", threads=1, settings=Settings(path=str(folder), call=call, **settings)), lambda *_: None)
    ready.generate(asked(name, output), lambda *_: None)
    return output.read_bytes(), said


@pytest.mark.parametrize("name", ["WanPipeline", "WanImageToVideoPipeline", "LTXConditionPipeline", "LTX2Pipeline"])
def test_a_lora_changes_the_video_by_its_scale(tmp_path, folders, name):
    from peft import LoraConfig, get_peft_model_state_dict

    folder, pipe = folders(name)
    torch.manual_seed(3)
    pipe.transformer.add_adapter(LoraConfig(r=4, lora_alpha=64, init_lora_weights=False, target_modules=["to_q", "to_k", "to_v"]))
    type(pipe).save_lora_weights(tmp_path / "lora", get_peft_model_state_dict(pipe.transformer))
    base, _ = with_settings(name, folder, tmp_path / "base.mp4")
    full, _ = with_settings(name, folder, tmp_path / "full.mp4", loras=[Lora(id=str(tmp_path / "lora"), scale=4.0)])
    none, _ = with_settings(name, folder, tmp_path / "none.mp4", loras=[Lora(id=str(tmp_path / "lora"), scale=0.0)])
    assert base != full
    assert base == none


def test_a_lora_of_another_model_is_refused(tmp_path, folders):
    from peft import LoraConfig, get_peft_model_state_dict

    _, other = folders("LTXConditionPipeline")
    other.transformer.add_adapter(LoraConfig(r=4, init_lora_weights=False, target_modules=["to_q"]))
    type(other).save_lora_weights(tmp_path / "lora", get_peft_model_state_dict(other.transformer))
    folder, _ = folders(WAN)
    with pytest.raises(Failure) as refusal:
        with_settings(WAN, folder, tmp_path / "a.mp4", loras=[Lora(id=str(tmp_path / "lora"))])
    assert refusal.value.kind == "weights_mismatch"


PARTS = [(name, part) for name, pipeline in architectures.tiny().pipelines.items() for part in pipeline.parts]


def parted(name, part, output):
    ready, _ = model.load(Load(model=f"tiny/{name}{part}", threads=1, settings=Settings()), lambda *_: None)
    ready.generate(asked(name, output), lambda *_: None)
    return output.read_bytes()


@pytest.mark.parametrize(
    ("name", "part"), [pair for pair in PARTS if pair[0] in {WAN, "LTXPipeline", "AnimateDiffPipeline", "SkyReelsV2Pipeline"}]
)
def test_a_part_from_elsewhere_changes_the_video(tmp_path, name, part):
    assert parted(name, f"/{part}", tmp_path / "with.mp4") != parted(name, "", tmp_path / "without.mp4")


def test_a_part_that_is_misspelt_is_named(tmp_path):
    with pytest.raises(Failure, match="unknown part lroa") as refusal:
        parted(WAN, "/lroa", tmp_path / "a.mp4")
    assert "did you mean lora" in refusal.value.hint


@pytest.mark.parametrize("name", [WAN, "LTXPipeline", "WanVACEPipeline", "SkyReelsV2Pipeline"])
def test_the_authors_names_go_back_to_the_same_network(folders, name):
    folder, pipe = folders(name)
    network = pipe.transformer
    back = type(network).from_single_file(tiny_parts.authors_names(network), config=str(folder / "transformer"))
    assert all(torch.equal(weight, back.state_dict()[key]) for key, weight in network.state_dict().items())


@pytest.mark.parametrize("kind", ["file", "gguf", "shards"])
def test_files_of_networks_are_the_same_network(tmp_path, folders, kind):
    folder, pipe = folders(WAN)
    (tmp_path / kind).mkdir()
    files = tiny_parts.settings(kind, pipe, tmp_path / kind)["files"]
    video, said = with_settings(WAN, folder, tmp_path / "a.mp4", files=files)
    _, other = with_settings(WAN, folder, tmp_path / "b.mp4")
    assert said["weights"] != other["weights"]
    assert len(video) > 100


def test_a_file_that_lacks_a_part_of_the_network_is_refused(tmp_path, folders):
    folder, pipe = folders(WAN)
    weights = tiny_parts.authors_names(pipe.transformer)
    weights.pop("head.head.weight")
    save_file(weights, tmp_path / "model.safetensors")
    with pytest.raises(Failure, match="tensors are missing") as refusal:
        with_settings(WAN, folder, tmp_path / "a.mp4", files={"transformer": str(tmp_path / "model.safetensors")})
    assert refusal.value.kind == "weights_mismatch"


@pytest.mark.parametrize(
    ("files", "words"),
    [
        ({"transfomer": "PLACE"}, "did you mean transformer"),
        ({"transformer": "PLACE/model.ckpt"}, "may execute code when loaded"),
        ({"transformer": "PLACE"}, "has no .safetensors"),
        ({"scheduler": "PLACE"}, "from a folder"),
        ({"transformer": "PLACE/rubbish.safetensors"}, "rubbish.safetensors does not fit WanTransformer3DModel"),
        ({"transformer": "PLACE/rubbish.gguf"}, "rubbish.gguf does not fit WanTransformer3DModel"),
    ],
)
def test_a_file_that_cannot_be_put_in_is_refused(tmp_path, folders, files, words):
    folder, _ = folders(WAN)
    for name in ("model.ckpt", "rubbish.safetensors", "rubbish.gguf"):
        (tmp_path / name).write_bytes(b"rubbish" * 100)
    (tmp_path / "empty").mkdir()
    place = tmp_path / "empty" if list(files.values()) == ["PLACE"] else tmp_path
    with pytest.raises(Failure) as refusal:
        with_settings(WAN, folder, tmp_path / "a.mp4", files={name: path.replace("PLACE", str(place)) for name, path in files.items()})
    assert words in f"{refusal.value.message} {refusal.value.hint}"


def test_a_modular_pipeline_takes_no_files(tmp_path):
    with pytest.raises(Failure, match="modular"):
        model.load(
            Load(model="tiny/WanModularPipeline", threads=1, settings=Settings(files={"transformer": str(tmp_path)})), lambda *_: None
        )


@pytest.mark.parametrize("name", ["AnimateDiffPipeline", "AnimateDiffSDXLPipeline", "PIAPipeline"])
def test_a_motion_adapter_comes_from_elsewhere(tmp_path, folders, name):
    folder, _ = folders(name)
    known = architectures.tiny()
    torch.manual_seed(5)
    other = build.component(known, known.pipelines[name].components["motion_adapter"], {})
    for weight in other.parameters():
        torch.nn.init.normal_(weight, std=0.5)
    other.save_pretrained(tmp_path / "motion")
    base, _ = with_settings(name, folder, tmp_path / "base.mp4")
    changed, _ = with_settings(name, folder, tmp_path / "changed.mp4", motion_adapter=str(tmp_path / "motion"))
    assert base != changed
    told = MotionAdapter(str(tmp_path / "motion"), base="Me/Model")
    again, _ = with_settings(name, folder, tmp_path / "again.mp4", motion_adapter=told)
    assert again == changed
