"""Runs pipelines of tiny networks through the worker protocol, each class in a process of its own.

python check_classes.py [CLASS ...]: one line a class, and JSON with --json.
"""
import json, subprocess, sys, tempfile, time, os
from pathlib import Path

from vidbench_diffusers import architectures

def image(folder, w, h):
    from PIL import Image
    p = Path(folder) / "input.png"
    Image.linear_gradient("L").resize((w, h)).convert("RGB").save(p)
    return str(p)

def clip(folder, w, h, n):
    import numpy as np
    from vidbench_diffusers.settings import Video
    from vidbench_diffusers import video
    p = Path(folder) / "input.mp4"
    frames = (np.full((h, w, 3), 16 * at % 256, np.uint8) for at in range(n))
    video.write(str(p), frames, 8, Video())
    return str(p)

def check(name):
    pipeline = architectures.tiny().pipelines[name]
    shape = pipeline.shape
    model = f"tiny/{name}"
    with tempfile.TemporaryDirectory() as folder:
        inputs = {field: image(folder, shape.width, shape.height) if "video" not in field else clip(folder, shape.width, shape.height, shape.frames) for field in pipeline.inputs}
        requests = [
            ("initialize", {"protocol_version": 1, "client": "check"}),
            ("load", {"model": model, "threads": 1}),
        ]
        params = {k: getattr(shape, k) for k in ("steps", "guidance", "frames", "width", "height", "fps")}
        for at, seed in enumerate((7, 7, 8)):
            requests.append(("generate", {"sample": "0" * 32, "model": model, "prompt": pipeline.prompt, "seed": seed, "params": params, "output": f"{folder}/{at}.mp4", "inputs": inputs}))
        requests.append(("shutdown", {}))
        text = "".join(json.dumps({"jsonrpc": "2.0", "id": at, "method": m, "params": p}) + "\n" for at, (m, p) in enumerate(requests))
        done = subprocess.run([sys.executable, "-m", "vidbench_diffusers"], input=text, capture_output=True, text=True, timeout=400)
        answers = [json.loads(line) for line in done.stdout.splitlines()]
        errors = [a["error"]["message"] for a in answers if "error" in a]
        if errors or done.returncode:
            return {"ok": False, "why": (errors or [done.stderr[-800:]])[0], "log": done.stderr[-int(os.environ.get("LOG", "2500")):]}
        results = [a["result"] for a in answers if "result" in a]
        made = results[2:5]
        digests = [Path(r["output"]).read_bytes() for r in made]
        import av
        with av.open(made[0]["output"]) as f:
            got = (sum(1 for _ in f.decode(video=0)), f.streams.video[0].width, f.streams.video[0].height)
        steps = [a["params"] for a in answers if a.get("method") == "step"]
        return {"ok": got == (shape.frames, shape.width, shape.height) and digests[0] == digests[1] and digests[0] != digests[2],
                "got": got, "same": digests[0] == digests[1], "other": digests[0] != digests[2], "steps": steps[0]["total"] if steps else 0,
                "stages": [s["name"] for s in made[1]["stages"]], "runtime": results[1]["model"]["runtime"]}

names = [a for a in sys.argv[1:] if not a.startswith("-")] or list(architectures.tiny().pipelines)
for name in names:
    start = time.time()
    try: r = check(name)
    except Exception as e: r = {"ok": False, "why": repr(e)}
    log = r.pop("log", "")
    print("ok " if r["ok"] else "BAD", name, f"{time.time()-start:.1f}s", r, flush=True)
    if log and "-v" in sys.argv: print(log)
