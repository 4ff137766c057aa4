"""Makes the catalogue's files from a table of facts: python generate.py FACTS.csv

A row of the table is one checkpoint, adapter or endpoint, with the file that it was read in (`source`). Rows that are only repositories
of code are left out: nothing of them can be named to an engine. Each row is checked against the rules of its pipeline class; one that
breaks them ends the generator.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections import defaultdict
from pathlib import Path

FOLDER = Path(__file__).parent / "models"

KINDS = {"diffusers": "checkpoint", "serving-engine": "checkpoint", "research": "checkpoint", "adapter-lora": "adapter", "api": "endpoint"}

HUB_ID = re.compile(r"[A-Za-z0-9][\w.-]*/[\w.-]+(#[\w./-]+)?")

MULTIPLES = {
    "Allegro": 8, "AnimateDiff": 8, "AnyFlow": 16, "ChronoEdit": 16, "CogVideoX": 8, "ConsisID": 8, "Cosmos": 16, "EasyAnimate": 16,
    "Helios": 16, "MiniMaxH3": 32, "HunyuanVideo15": 16, "HunyuanVideo": 16, "HunyuanSkyreels": 16, "I2VGenXL": 8, "Kandinsky5": 16, "Latte": 8, "LTX": 32, "LucyEdit": 16,
    "Mochi": 8, "PIA": 8, "SkyReelsV2": 16, "StableVideoDiffusion": 8, "TextToVideo": 8, "VideoToVideo": 8, "Wan": 16,
}
"""Width and height are multiples of it, by the beginning of a class's name: what the check_inputs of diffusers 0.42 asks for."""

FRAMES = {
    "AnyFlow": (4, 1), "ChronoEdit": (4, 1), "CogVideoX": (4, 1), "ConsisID": (4, 1), "HunyuanVideo": (4, 1), "HunyuanSkyreels": (4, 1), "Kandinsky5": (4, 1), "LTX": (8, 1),
    "LucyEdit": (4, 1), "MiniMaxH3": (17, 5), "SkyReelsV2": (4, 1), "Wan": (4, 1),
}
"""Frames are STEP times a number, plus OFFSET: the rates of the VAEs, by the documentation of diffusers."""

LENGTHS = {"MiniMaxH3": (124, 345)}
"""Least and most frames that diffusers 0.42 makes: 5 to 15 seconds at 24 frames a second, in whole chunks of the VAE."""

GATED = ("Cosmos",)
"""Classes that look at prompts and videos with cosmos_guardrail, whose weights are gated (README of nvidia/cosmos)."""

HALF = ("AnimateDiff", "I2VGenXL", "Latte", "PIA", "StableVideoDiffusion", "TextToVideo", "VideoToVideo")
"""Beginnings of classes whose documentation loads them in float16, as it does CogVideoX-2b; all others are loaded in bfloat16."""

WHOLE_VAE = ("SkyReelsV2", "Wan")
"""Those whose documentation keeps the VAE in float32."""

PARTS = {
    "animatediff (motion lora)": "lora", "ltx-2.x lora": "lora", "ltx-video lora": "lora", "wan lora": "lora",
    "wan2.1-i2v-480p lora (Remade)": "lora", "animatediff (motion module)": "motion_adapter",
    "animatediff (motion module, SDXL)": "motion_adapter", "animatediff (sparsectrl)": "controlnet", "text2video-zero": "controlnet",
}
"""How an adapter is put into its base, by family: a name of `tiny_parts.MAKERS` of the worker of diffusers."""

WAN22 = "Wan-AI/Wan2.2-{}-Diffusers"

FILES: list[tuple[str, str, list[str], str | None]] = [
    (r"Lightricks/LTX-Video#ltx-video-2b-v0\.9(\.1)?\.safetensors", "file", ["LTXPipeline"], "Lightricks/LTX-Video"),
    (r"Lightricks/LTX-Video#ltx-video-2b-v0\.9\.5\.safetensors", "file", ["LTXConditionPipeline"], "Lightricks/LTX-Video-0.9.5"),
    (r"Lightricks/LTX-Video#ltxv-2b-(?!.*fp8).*", "file", ["LTXConditionPipeline"], "Lightricks/LTX-Video-2B-0.9.6-Distilled-04-25"),
    (r"Lightricks/LTX-Video#ltxv-13b-(?!.*fp8).*", "file", ["LTXConditionPipeline"], "Lightricks/LTX-Video-0.9.8-13B-distilled"),
    (r"(city96|pollockjj|tsqn)/(LTX-Video-gguf|ltx-video-2b-v0\.9\.1-gguf|LTX-Video)", "gguf", ["LTXPipeline"], "Lightricks/LTX-Video"),
    (r"city96/LTX-Video-0\.9\.5-gguf", "gguf", ["LTXConditionPipeline"], "Lightricks/LTX-Video-0.9.5"),
    (r"city96/LTX-Video-0\.9\.6-.*", "gguf", ["LTXConditionPipeline"], "Lightricks/LTX-Video-2B-0.9.6-Distilled-04-25"),
    (r"wsbagnsv1/ltxv-13b-0\.9\.7-dev-GGUF", "gguf", ["LTXConditionPipeline"], "Lightricks/LTX-Video-0.9.7-dev"),
    (r"QuantStack/LTXV-13B-0\.9\.8-.*", "gguf", ["LTXConditionPipeline"], "Lightricks/LTX-Video-0.9.8-13B-distilled"),
    (r"calcuis/wan-1\.3b-gguf", "gguf", ["WanPipeline"], "Wan-AI/Wan2.1-T2V-1.3B-Diffusers"),
    (r"(calcuis/wan-gguf|(city96|weiweiw01)/Wan2\.1-T2V-14B-gguf)", "gguf", ["WanPipeline"], "Wan-AI/Wan2.1-T2V-14B-Diffusers"),
    (r"city96/(Wan2\.1-(?:I2V|FLF2V)-14B-\d+P)-gguf", "gguf", ["WanImageToVideoPipeline"], None),
    (r"QuantStack/Wan2\.1_14B_VACE-GGUF", "gguf", ["WanVACEPipeline"], "Wan-AI/Wan2.1-VACE-14B-diffusers"),
    (r"(bullerwins|QuantStack)/Wan2\.2-T2V-A14B-GGUF", "gguf", ["WanPipeline"], WAN22.format("T2V-A14B")),
    (r"(bullerwins|QuantStack)/Wan2\.2-I2V-A14B-GGUF", "gguf", ["WanImageToVideoPipeline"], WAN22.format("I2V-A14B")),
    (r"QuantStack/Wan2\.2-TI2V-5B-GGUF", "gguf", ["WanPipeline"], WAN22.format("TI2V-5B")),
    (r"Wan-AI/Wan2\.[12]-T(I?)2V-(1\.3B|14B|A14B|5B)", "shards", ["WanPipeline"], None),
    (r"Wan-AI/Wan2\.[12]-(I2V|FLF2V)-A?14B(-\d+P)?", "shards", ["WanImageToVideoPipeline"], None),
    (r"Wan-AI/Wan2\.1-VACE-(1\.3B|14B)", "shards", ["WanVACEPipeline"], None),
    (r"Comfy-Org/Wan_2\.[12]_ComfyUI_[Rr]epackaged", "file", ["WanPipeline", "WanImageToVideoPipeline"], None),
    (r"Skywork/SkyReels-V2-DF-(1\.3B|14B)-\d+P", "shards", ["SkyReelsV2DiffusionForcingPipeline"], None),
    (r"Skywork/SkyReels-V2-I2V-(1\.3B|14B)-\d+P", "shards", ["SkyReelsV2ImageToVideoPipeline"], None),
    (r"Skywork/SkyReels-V2-T2V-14B-\d+P", "shards", ["SkyReelsV2Pipeline"], None),
]
"""Checkpoints in their authors' own format, which go into a model that diffusers loads: pattern of the id, part, classes, that model.

Formats with 8 or fewer bits other than GGUF are left out: what diffusers makes of them was not looked up.
"""

NEEDS = {"sdnq": "the package sdnq, which the environment of the worker has not"}
"""What a row needs beside its class, by a word of its id."""

CREDITS = "github:Comfy-Org/docs: prices of partner nodes, 211 credits a dollar; the vendor's own may differ"

PRICES: dict[str, tuple[float, float, str]] = {
    "openai:sora-2": (0.10, 1, ""), "openai:sora-2-pro": (0.30, 1, "720p"), "gemini:veo-2.0-generate-001": (0.50, 1, ""),
    "gemini:veo-3.0-generate-001": (0.20, 1, "without sound"), "gemini:veo-3.1-generate": (0.20, 1, "without sound"),
    "gemini:veo-3.1-fast-generate-preview": (0.08, 1, "720p, without sound"),
    "gemini:veo-3.1-lite-generate-preview": (0.03, 1, "720p, without sound"),
    "kling:kling-v3.0-t2v": (0.084, 1, "720p, without sound"), "kling:kling-v3.0-i2v": (0.084, 1, "720p, without sound"),
    "kling:kling-v2.6-t2v": (0.07, 1, "without sound"), "kling:kling-v2.6-i2v": (0.07, 1, "without sound"),
    "kling:kling-v2.5-turbo-t2v": (0.35, 5, "pro"), "kling:kling-v2.5-turbo-i2v": (0.35, 5, "pro"),
    "runway:gen4_turbo": (0.0715, 1, ""), "runway:aleph2": (0.40, 1, ""), "luma:ray-2": (1.02, 5, "720p"),
    "luma:ray-flash-2": (0.34, 5, "720p"), "luma:ray-3.2": (0.30, 5, "720p"), "dashscope:wan2.5-t2v-preview": (0.10, 1, "720p"),
    "dashscope:wan2.5-i2v-preview": (0.10, 1, "720p"), "dashscope:wan2.6-t2v": (0.10, 1, "720p"), "dashscope:wan2.6-i2v": (0.10, 1, "720p"),
    "dashscope:wan2.7-t2v": (0.10, 1, "720p"), "dashscope:wan2.7-i2v": (0.10, 1, "720p"), "minimax:MiniMax-H3": (0.129, 1, "768p"),
    "minimax:MiniMax-Hailuo-02": (0.28, 6, "768p"), "vidu:viduq3-pro": (0.15, 1, "720p"), "vidu:viduq3-turbo": (0.06, 1, "720p"),
    "pixverse:v3.5": (0.60, 5, "720p"), "lightricks-api:LTX-2 (Fast)": (0.04, 1, "1080p"), "lightricks-api:LTX-2 (Pro)": (0.06, 1, "1080p"),
    "lightricks-api:LTX-2.5 (Pro)": (0.243, 1, "1080p"), "xai:grok-imagine-video": (0.07, 1, "720p"), "bfl:flux-3-video": (0.243, 1, "720p"),
}
"""Dollars, for so many seconds of video, and of which kind; read in `CREDITS`."""

RENAMED = {"THUDM": "zai-org", "damo-vilab": "ali-vilab", "ai-forever": "kandinskylab", "Tencent": "tencent"}
"""Owners that the hub has renamed."""


def by_class(table: dict[str, object], classes: list[str]) -> object | None:
    """The entry of a table for all classes of a row; the longest beginning counts."""
    found = {max((name for name in table if cls.startswith(name)), key=len, default=None) for cls in classes}
    return table[found.pop()] if len(found) == 1 and None not in found else None


def model(row: dict[str, str]) -> dict[str, object]:
    """A row as the catalogue has it."""
    kind = KINDS[row["kind"]]
    part, classes, base = beside(row)
    numbers = {name: float(row[name]) for name in ("width", "height", "frames", "fps", "steps", "guidance") if row[name]}
    defaults = {name: value if name in ("fps", "guidance") else int(value) for name, value in numbers.items()}
    made: dict[str, object] = {"id": row["id"], "kind": kind}
    owner, _, name = row["id"].partition("/")
    if owner in RENAMED:
        made["aliases"] = [f"{RENAMED[owner]}/{name}"]
    made["engine"] = "diffusers" if classes else engine(row)
    if classes:
        made |= {"classes": classes} | ({"part": part} if part else {}) | ({"base": base} if base else {})
        made |= {"needs": text for word, text in NEEDS.items() if word in row["id"].lower()}
        made |= precision(row["id"], classes)
        made |= {"gated": True} if classes[0].startswith(GATED) else {}
    elif row["pipeline_class"]:
        made["run_by"] = row["pipeline_class"]
    made |= {"tasks": [task.strip() for task in row["task"].split("/") if task.strip()]} if row["task"] else {}
    made |= {"params_b": float(row["params_b"])} if row["params_b"] else {}
    made |= {"defaults": defaults} if defaults else {}
    made |= {"constraints": rules} if (rules := constraints(row, classes)) else {}
    made |= {name: row[name] for name in ("licence", "released") if row[name]}
    made |= {"min_vram_gb": float(row["min_vram_gb"])} if row["min_vram_gb"] else {}
    if row["id"] in PRICES:
        usd, seconds, of = PRICES[row["id"]]
        made["price"] = {"usd": usd, "seconds": seconds} | ({"of": of} if of else {}) | {"source": CREDITS}
    made["source"] = row["source"]
    check(made)
    return made


def precision(model: str, classes: list[str]) -> dict[str, object]:
    """The types of numbers that the documentation of diffusers loads it in."""
    made: dict[str, object] = {"dtype": "float16" if classes[0].startswith(HALF) or "CogVideoX-2b" in model else "bfloat16"}
    return made | ({"dtypes": {"vae": "float32"}} if classes[0].startswith(WHOLE_VAE) else {})


def beside(row: dict[str, str]) -> tuple[str | None, list[str], str | None]:
    """How weights are put into another model, the classes that take them, and that model where it is known."""
    classes = [name for name in row["pipeline_class"].split("|") if re.fullmatch(r"\w+Pipeline", name)]
    if row["kind"] == "diffusers":
        return None, classes, None
    if row["kind"] == "adapter-lora":
        return PARTS.get(row["family"]), classes, "Wan-AI/Wan2.1-I2V-14B-480P-Diffusers" if "Remade" in row["family"] else None
    for pattern, part, known, base in FILES:
        if re.fullmatch(pattern, row["id"]):
            return part, known, base or twin(row["id"])
    return None, [], None


def twin(model: str) -> str | None:
    """The same model as diffusers loads it."""
    name = re.sub("-gguf$", "", model.rpartition("/")[2], flags=re.IGNORECASE)
    if name.startswith("SkyReels"):
        return f"Skywork/{name}-Diffusers"
    return f"Wan-AI/{name}-{'diffusers' if 'VACE' in name or 'FLF2V' in name else 'Diffusers'}" if name.startswith("Wan2") else None


def engine(row: dict[str, str]) -> str:
    """How vidbench would run it."""
    if row["kind"] == "api":
        return row["id"].partition(":")[0] if ":" in row["id"] else "hosted"
    return "diffusers" if row["kind"] in ("diffusers", "adapter-lora") else "command"


def constraints(row: dict[str, str], classes: list[str]) -> dict[str, int]:
    """Rules of the pipeline class."""
    rules: dict[str, int] = {}
    if classes and (multiple := by_class(MULTIPLES, classes)):
        rules["size_multiple"] = multiple
    if row["family"].startswith("cogvideox-1.5"):
        rules |= {"frames_step": 16, "frames_offset": 1}
    elif classes and (frames := by_class(FRAMES, classes)) and not any("Framepack" in cls for cls in classes):
        rules |= {"frames_step": frames[0], "frames_offset": frames[1]}
    if classes and (lengths := by_class(LENGTHS, classes)):
        rules |= {"frames_min": lengths[0], "frames_max": lengths[1]}
    return rules


def check(made: dict[str, object]) -> None:
    """A row's own defaults keep its rules."""
    defaults, rules = made.get("defaults", {}), made.get("constraints", {})
    for side in ("width", "height"):
        if side in defaults and defaults[side] % rules.get("size_multiple", 1):
            raise SystemExit(f"{made['id']}: {side} {defaults[side]} is no multiple of {rules['size_multiple']}")
    if made.get("base") == made["id"]:
        raise SystemExit(f"{made['id']} is put into itself")
    if "frames" in defaults and (defaults["frames"] - rules.get("frames_offset", 0)) % rules.get("frames_step", 1):
        raise SystemExit(f"{made['id']}: {defaults['frames']} frames are not {rules['frames_step']}k+{rules['frames_offset']}")


def value(found: object) -> str:
    """A value in TOML."""
    if isinstance(found, dict):
        return "{ " + ", ".join(f"{name} = {value(inner)}" for name, inner in found.items()) + " }"
    if isinstance(found, list):
        return "[" + ", ".join(value(inner) for inner in found) + "]"
    return json.dumps(found, ensure_ascii=False) if isinstance(found, str | bool) else repr(found)


def wanted(row: dict[str, str]) -> bool:
    """Whether it can be named to an engine."""
    return row["kind"] == "api" or bool(HUB_ID.fullmatch(row["id"]))


def file_name(row: dict[str, str]) -> str:
    """One file a family; endpoints by their provider."""
    name = engine(row) if row["kind"] == "api" else row["family"]
    return re.sub(r"[^a-z0-9.]+", "-", name.lower()).strip("-.")


def main() -> None:
    """Reads the table and writes the files anew."""
    families: dict[str, list[dict[str, str]]] = defaultdict(list)
    with Path(sys.argv[1]).open(newline="") as file:
        for row in csv.DictReader(file):
            if wanted(row):
                families[file_name(row)].append(row)
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.toml"):
        old.unlink()
    for name, rows in sorted(families.items()):
        family = rows[0]["family"] if rows[0]["kind"] != "api" else engine(rows[0])
        text = f"family = {value(family)}\n"
        for row in sorted(rows, key=lambda row: row["id"].lower()):
            text += "\n[[models]]\n" + "".join(f"{key} = {value(found)}\n" for key, found in model(row).items())
        (FOLDER / f"{name}.toml").write_text(text)
    print(f"{sum(map(len, families.values()))} models in {len(families)} files")


if __name__ == "__main__":
    main()
