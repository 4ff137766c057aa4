"""What PyTorch, VBench and cd-fvd take for the work of `cargo xtask bench nets`: prints one JSON object.

All of them get the random weights that `vidbench nets random` wrote, so that every side computes the same. VBENCH below is
VBench's own package; what is put in its place says why.
"""

import contextlib
import importlib.metadata
import io
import json
import os
import shutil
import sys
import time
import types
from pathlib import Path

import torch
from safetensors.torch import load_file

EXPORT = Path(__file__).parents[3] / "nets"
sys.path.insert(0, str(EXPORT))
DINO_GRID = 14


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


class Weights:
    """The weights of nets in a folder of vidbench's."""

    def __init__(self, folder):
        self.folder = Path(folder)

    def __getitem__(self, net):
        return load_file(self.folder / net / "weights.safetensors")


def our_module(weights, net):
    """The definition in nets/export, with the weights."""
    from export.catalogue import NETS

    with torch.device("meta"):
        module = NETS[net].build()
    state = weights[net]
    names = module.state_dict().keys()
    # Counts of batch norms are no weights.
    state |= {name: torch.zeros((), dtype=torch.int64) for name in names if name not in state}
    module.load_state_dict({name: state[name] for name in names}, assign=True)
    return module.eval().requires_grad_(False)


def uniform(text):
    """The input `NAME=SHAPE`, values from -1 to 1."""
    from export import weights

    name, shape = text.split("=")
    shape = tuple(int(extent) for extent in shape.split("x"))
    return torch.from_numpy(weights.mapped(f"input:{name}", shape, weights.SEED, lambda u: 2 * u - 1))


def forward(folder, net, threads, *inputs):
    """Milliseconds of one pass, the least of those that fit ten seconds."""
    torch.set_num_threads(int(threads))
    module = our_module(Weights(folder), net)
    inputs = [uniform(text) for text in inputs]
    millis = []
    with torch.inference_mode():
        module(*inputs)
        begin = time.perf_counter()
        while len(millis) < 3 or (len(millis) < 20 and time.perf_counter() - begin < 10):
            start = time.perf_counter()
            module(*inputs)
            millis.append(1e3 * (time.perf_counter() - start))
    return {"millis": min(millis), "peer": version("torch")}


class Dino(torch.nn.Module):
    """DINO as its authors run it: the table of places is stretched for each image. Their program is not in a package."""

    def __init__(self, weights):
        super().__init__()
        self.net = our_module(weights, "dino-vitb16")
        self.places = weights["dino-vitb16"]["pos_embed"]

    def forward(self, image):
        rows, columns = image.shape[-2] // 16, image.shape[-1] // 16
        return self.net(image, self.stretched(rows, columns, image.shape[-2] == image.shape[-1]))

    def stretched(self, rows, columns, square):
        if square and rows * columns == DINO_GRID**2:
            return self.places
        table = self.places[:, 1:].reshape(1, DINO_GRID, DINO_GRID, -1).permute(0, 3, 1, 2)
        scale = ((rows + 0.1) / DINO_GRID, (columns + 0.1) / DINO_GRID)
        table = torch.nn.functional.interpolate(table, scale_factor=scale, mode="bicubic")
        table = table.permute(0, 2, 3, 1).reshape(1, rows * columns, -1)
        return torch.cat((self.places[:, :1], table), 1)


def clip_model(weights, name):
    """OpenAI's CLIP in 32-bit floats. `clip.load` would round weights to 16 bit, as those of OpenAI are and ours are not."""
    import clip

    vision, width, layers, patch, text = {
        "ViT-B/32": ("clip-vit-b32-vision", 768, 12, 32, 512),
        "ViT-L/14": ("clip-vit-l14-vision", 1024, 24, 14, 768),
    }[name]
    model = clip.model.CLIP(text, 224, layers, width, patch, 77, 49408, text, text // 64, 12)
    left_out = model.load_state_dict(weights[vision], strict=False)
    if left_out.unexpected_keys or any(key.startswith("visual.") for key in left_out.missing_keys):
        raise ValueError(f"{name}: {left_out}")
    return model.float().eval(), None


def checkpoints(weights, cache):
    """Files of weights where VBench looks for those that it would fetch."""

    def save(path, value):
        path = cache / path
        path.parent.mkdir(parents=True, exist_ok=True)
        torch.save(value, path)

    import clip

    raft = {f"module.{name}": tensor for name, tensor in weights["raft"].items()}
    doubled = [name for name in raft if ".cnet.layer" in name and ".downsample.1." in name]
    doubled += [name for name in raft if ".fnet.layer" in name and ".downsample.1." in name]
    raft |= {name.replace("downsample.1", "norm3"): raft[name] for name in doubled}
    counts = {f"{name[:-len('running_mean')]}num_batches_tracked" for name in raft if name.endswith("running_mean")}
    raft |= {name: torch.zeros((), dtype=torch.int64) for name in counts}
    save("raft_model/models/raft-things.pth", raft)
    save("amt_model/amt-s.pth", {"state_dict": weights["amt-s"]})
    save("aesthetic_model/emb_reader/sa_0_4_vit_l_14_linear.pth", weights["aesthetic-head"])
    save("pyiqa_model/musiq_spaq_ckpt-358bb6af.pth", weights["musiq-spaq"])
    (cache / "ViCLIP").mkdir(exist_ok=True)
    vocabulary = "bpe_simple_vocab_16e6.txt.gz"
    shutil.copy(Path(clip.__file__).parent / vocabulary, cache / "ViCLIP" / vocabulary)


def vbench(folder, cache, clips, *dimensions):
    """VBench's own evaluation, as `vbench evaluate` runs it on a folder of clips: seconds of each dimension, and its scores."""
    weights, cache = Weights(folder), Path(cache)
    os.environ["VBENCH_CACHE_DIR"] = str(cache)
    checkpoints(weights, cache)
    import clip
    import vbench

    # Both of these fetch programs or weights.
    clip.load = lambda name, device: clip_model(weights, name)
    torch.hub.load = lambda **_: Dino(weights)
    start = time.perf_counter()
    seconds, cpu_seconds = {}, {}
    evaluation = vbench.VBench(torch.device("cpu"), "", str(cache / "results"))
    scores = {}
    for dimension in dimensions:
        begin, cpu_begin = time.perf_counter(), time.process_time()
        evaluation.evaluate(clips, dimension, dimension_list=[dimension], mode="custom_input")
        seconds[dimension] = time.perf_counter() - begin
        cpu_seconds[dimension] = time.process_time() - cpu_begin
        results = json.loads((cache / "results" / f"{dimension}_eval_results.json").read_text())
        mean, clip_results = results[dimension]
        each = {Path(entry["video_path"]).name: float(entry["video_results"]) for entry in clip_results}
        scores[dimension] = {"mean": mean, "clips": each}
    return {
        "secs": time.perf_counter() - start,
        "by_dimension": seconds,
        "cpu_by_dimension": cpu_seconds,
        "scores": scores,
        "peer": version("vbench"),
    }


def pyav_decoder():
    """PyAV behind the two calls by which torchvision's `VideoClips` reads files with TorchCodec, which wants libraries of FFmpeg
    that need not be there. Earlier torchvision read with PyAV itself."""
    import av

    class Decoder:
        def __init__(self, path, dimension_order="NHWC"):
            with av.open(path) as container:
                stream = container.streams.video[0]
                frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(stream)]
                rate = float(stream.average_rate)
            self.frames = frames
            self.metadata = types.SimpleNamespace(num_frames=len(frames), average_fps=rate)

        def get_frames_at(self, indices):
            import numpy

            return types.SimpleNamespace(data=torch.from_numpy(numpy.stack([self.frames[at] for at in indices])))

    return types.SimpleNamespace(decoders=types.SimpleNamespace(VideoDecoder=Decoder))


def cdfvd(folder, scratch, model, real, fake):
    """cd-fvd's own distance of two folders of clips."""
    import torchvision.datasets.video_utils as video_utils

    net = {"i3d": "i3d-400", "videomae": "videomae-g"}[model]
    checkpoint = Path(scratch) / f"{net}.pt"
    torch.save(Weights(folder)[net], checkpoint)
    video_utils._get_torchcodec = pyav_decoder
    from cdfvd import fvd

    start = time.perf_counter()
    distance = fvd.cdfvd(model, ckpt_path=str(checkpoint), n_real="full", n_fake="full", device="cpu")
    loaders = [distance.load_videos(path, data_type="video_folder", num_workers=0) for path in (real, fake)]
    distance.compute_real_stats(loaders[0])
    distance.compute_fake_stats(loaders[1])
    value = distance.compute_fvd_from_stats()
    secs = time.perf_counter() - start
    return {"secs": secs, "value": float(value), "peer": version("cd-fvd")}


def onnx_runtime():
    """The library of ONNX Runtime, for our side."""
    import onnxruntime

    return {"library": str(next(Path(onnxruntime.__file__).parent.glob("capi/libonnxruntime.so.*")))}


TASKS = {"onnx_runtime": onnx_runtime, "forward": forward, "vbench": vbench, "cdfvd": cdfvd}


def main():
    # The packages print as they go; what they print is no part of the answer.
    with contextlib.redirect_stdout(io.StringIO()):
        answer = TASKS[sys.argv[1]](*sys.argv[2:])
    print(json.dumps(answer))


if __name__ == "__main__":
    main()
