"""What other programs take for the work of `cargo xtask bench`: prints one JSON object with seconds and versions.

Run by the benchmarks with the Python that VIDBENCH_BENCH_PYTHON names; CONTRIBUTING.md says how to make one.
"""

import importlib.metadata
import json
import os
import sys
import time


def files(folder):
    return [os.path.join(folder, name) for name in sorted(os.listdir(folder))]


def version(package):
    return f"{package} {importlib.metadata.version(package)}"


def timed(work):
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def flicker(folder):
    """VBench's own module, temporal_flickering.py."""
    from vbench.temporal_flickering import temporal_flickering

    clips = files(folder)
    return {"secs": timed(lambda: temporal_flickering(clips)), "peer": version("vbench")}


def frames_of(path):
    import cv2

    video = cv2.VideoCapture(path)
    while True:
        there, frame = video.read()
        if not there:
            return
        yield cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)


def pairs(fast, full):
    """scikit-image's PSNR and SSIM, torchmetrics' MS-SSIM, the mean absolute difference of VBench; decoded by OpenCV."""
    import numpy as np
    import torch
    from skimage.metrics import peak_signal_noise_ratio, structural_similarity
    from torchmetrics.functional.image import multiscale_structural_similarity_index_measure as ms_ssim

    def tensor(frame):
        return torch.from_numpy(frame).permute(2, 0, 1)[None].float()

    def pair(sample, reference):
        before = None
        for a, b in zip(frames_of(sample), frames_of(reference)):
            peak_signal_noise_ratio(b, a, data_range=255)
            structural_similarity(
                b, a, channel_axis=2, data_range=255, gaussian_weights=True, sigma=1.5, use_sample_covariance=False
            )
            ms_ssim(tensor(a), tensor(b), data_range=255.0)
            if before is not None:
                np.mean(np.abs(a.astype(np.float32) - before.astype(np.float32)))
            before = a

    def work():
        for sample, reference in zip(files(fast), files(full)):
            pair(sample, reference)

    return {"secs": timed(work), "peer": ", ".join(map(version, ["scikit-image", "torchmetrics"]))}


def decoders(folder, threads):
    """Every frame of every clip as RGB in an array."""
    clips, threads = files(folder), int(threads)

    def opencv():
        import cv2

        def read(path):
            options = [cv2.CAP_PROP_N_THREADS, threads]
            video = cv2.VideoCapture(path, cv2.CAP_FFMPEG, options)
            while True:
                there, frame = video.read()
                if not there:
                    return
                cv2.cvtColor(frame, cv2.COLOR_BGR2RGB)

        cv2.setNumThreads(threads)
        return lambda: [read(path) for path in clips]

    def pyav():
        import av

        def read(path):
            with av.open(path) as container:
                stream = container.streams.video[0]
                stream.codec_context.thread_count = threads
                stream.codec_context.thread_type = "AUTO"
                for frame in container.decode(stream):
                    frame.to_ndarray(format="rgb24")

        return lambda: [read(path) for path in clips]

    def decord():
        import decord

        def read(path):
            reader = decord.VideoReader(path, ctx=decord.cpu(0), num_threads=threads)
            for at in range(len(reader)):
                reader[at].asnumpy()

        return lambda: [read(path) for path in clips]

    def torchcodec():
        from torchcodec.decoders import VideoDecoder

        def read(path):
            decoder = VideoDecoder(path, num_ffmpeg_threads=threads, dimension_order="NHWC")
            for at in range(len(decoder)):
                decoder[at]

        return lambda: [read(path) for path in clips]

    found, absent = {}, {}
    for make in [opencv, pyav, decord, torchcodec]:
        try:
            work = make()
            work()
            found[make.__name__] = timed(work)
        except Exception as error:  # a peer that is absent or broken is told of, and the others are timed
            absent[make.__name__] = str(error).splitlines()[0][:160]
    return {"secs": found, "absent": absent}


def make_features(folder, count, dims):
    """Two sets of normal features as files."""
    import numpy as np

    count, dims = int(count), int(dims)
    np.save(os.path.join(folder, "x.npy"), np.random.RandomState(1).randn(count, dims).astype(np.float32))
    y = np.random.RandomState(2).randn(count, dims) * 1.1 + 0.05
    np.save(os.path.join(folder, "y.npy"), y.astype(np.float32))
    return {"peer": version("numpy")}


def frechet(folder):
    """SciPy's general square root, as pytorch-fid, clean-fid and cd-fvd take it."""
    import numpy as np
    import scipy.linalg

    x, y = (np.load(os.path.join(folder, name)).astype(np.float64) for name in ["x.npy", "y.npy"])
    value = None

    def work():
        nonlocal value
        s1, s2 = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
        root = scipy.linalg.sqrtm(s1 @ s2)
        difference = x.mean(0) - y.mean(0)
        value = difference @ difference + np.trace(s1) + np.trace(s2) - 2 * np.trace(root.real)

    return {"secs": timed(work), "value": value, "peer": version("scipy")}


TASKS = {
    "flicker": flicker,
    "pairs": pairs,
    "decoders": decoders,
    "make_features": make_features,
    "frechet": frechet,
}

print(json.dumps(TASKS[sys.argv[1]](*sys.argv[2:])))
