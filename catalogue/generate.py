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
    "Helios": 16, "HunyuanVideo15": 16, "HunyuanVideo": 16, "HunyuanSkyreels": 16, "I2VGenXL": 8, "Kandinsky5": 16, "Latte": 8, "LTX": 32, "LucyEdit": 16,
    "Mochi": 8, "PIA": 8, "SkyReelsV2": 16, "StableVideoDiffusion": 8, "TextToVideo": 8, "VideoToVideo": 8, "Wan": 16,
}
"""Width and height are multiples of it, by the beginning of a class's name: what the check_inputs of diffusers 0.42 asks for."""

FRAMES = {
    "AnyFlow": (4, 1), "ChronoEdit": (4, 1), "HunyuanVideo": (4, 1), "HunyuanSkyreels": (4, 1), "Kandinsky5": (4, 1), "LTX": (8, 1),
    "LucyEdit": (4, 1), "SkyReelsV2": (4, 1), "Wan": (4, 1),
}
"""Frames are STEP times a number, plus OFFSET: the rates of the VAEs, by the documentation of diffusers."""

RENAMED = {"THUDM": "zai-org", "damo-vilab": "ali-vilab", "ai-forever": "kandinskylab", "Tencent": "tencent"}
"""Owners that the hub has renamed."""


def by_class(table: dict[str, object], classes: list[str]) -> object | None:
    """The entry of a table for all classes of a row; the longest beginning counts."""
    found = {max((name for name in table if cls.startswith(name)), key=len, default=None) for cls in classes}
    return table[found.pop()] if len(found) == 1 and None not in found else None


def model(row: dict[str, str]) -> dict[str, object]:
    """A row as the catalogue has it."""
    kind = KINDS[row["kind"]]
    classes = [name for name in row["pipeline_class"].split("|") if re.fullmatch(r"\w+Pipeline", name)] if row["kind"] in ("diffusers", "adapter-lora") else []
    numbers = {name: float(row[name]) for name in ("width", "height", "frames", "fps", "steps", "guidance") if row[name]}
    defaults = {name: value if name in ("fps", "guidance") else int(value) for name, value in numbers.items()}
    made: dict[str, object] = {"id": row["id"], "kind": kind}
    owner, _, name = row["id"].partition("/")
    if owner in RENAMED:
        made["aliases"] = [f"{RENAMED[owner]}/{name}"]
    made["engine"] = engine(row)
    if classes:
        made["classes"] = classes
    elif row["pipeline_class"]:
        made["run_by"] = row["pipeline_class"]
    made |= {"tasks": [task.strip() for task in row["task"].split("/") if task.strip()]} if row["task"] else {}
    made |= {"params_b": float(row["params_b"])} if row["params_b"] else {}
    made |= {"defaults": defaults} if defaults else {}
    made |= {"constraints": rules} if (rules := constraints(row, classes)) else {}
    made |= {name: row[name] for name in ("licence", "released") if row[name]}
    made |= {"min_vram_gb": float(row["min_vram_gb"])} if row["min_vram_gb"] else {}
    made["source"] = row["source"]
    check(made)
    return made


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
    return rules


def check(made: dict[str, object]) -> None:
    """A row's own defaults keep its rules."""
    defaults, rules = made.get("defaults", {}), made.get("constraints", {})
    for side in ("width", "height"):
        if side in defaults and defaults[side] % rules.get("size_multiple", 1):
            raise SystemExit(f"{made['id']}: {side} {defaults[side]} is no multiple of {rules['size_multiple']}")
    if "frames" in defaults and (defaults["frames"] - rules.get("frames_offset", 0)) % rules.get("frames_step", 1):
        raise SystemExit(f"{made['id']}: {defaults['frames']} frames are not {rules['frames_step']}k+{rules['frames_offset']}")


def value(found: object) -> str:
    """A value in TOML."""
    if isinstance(found, dict):
        return "{ " + ", ".join(f"{name} = {value(inner)}" for name, inner in found.items()) + " }"
    if isinstance(found, list):
        return "[" + ", ".join(value(inner) for inner in found) + "]"
    return json.dumps(found, ensure_ascii=False) if isinstance(found, str) else repr(found)


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
