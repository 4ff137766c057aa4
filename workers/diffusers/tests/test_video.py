"""Frames of any form become pictures, pictures become a file, and files become inputs."""

import subprocess
import sys

import av
import numpy as np
import pytest
import torch
from PIL import Image

from vidbench_diffusers import video
from vidbench_diffusers.failure import Failure
from vidbench_diffusers.settings import Video


def frames(height=32, width=48, count=5):
    return [np.random.default_rng(at).integers(0, 256, (height, width, 3), dtype=np.uint8) for at in range(count)]


def decoded(path):
    with av.open(str(path)) as file:
        return [frame.to_ndarray(format="rgb24") for frame in file.decode(video=0)]


@pytest.mark.parametrize("size", [(32, 48), (33, 47)])
def test_ffv1_keeps_every_byte(tmp_path, size):
    made = frames(*size)
    video.write(str(tmp_path / "a.mp4"), made, 8.0, Video(codec="ffv1"))
    assert all(np.array_equal(a, b) for a, b in zip(made, decoded(tmp_path / "a.mp4"), strict=True))


@pytest.mark.parametrize("codec", ["h264", "ffv1"])
def test_the_same_frames_are_the_same_bytes(tmp_path, codec):
    smooth = [np.full((32, 32, 3), 40 + at, np.uint8) + np.arange(32, dtype=np.uint8)[None, :, None] for at in range(9)]
    files = []
    for at in range(8):
        video.write(str(tmp_path / f"{at}.mp4"), smooth, 8.0, Video(codec=codec))
        files.append((tmp_path / f"{at}.mp4").read_bytes())
    assert len(set(files)) == 1


def test_h264_says_its_colours_and_rate(tmp_path):
    video.write(str(tmp_path / "a.mp4"), frames(), 23.976, Video())
    with av.open(str(tmp_path / "a.mp4")) as file:
        stream = file.streams.video[0]
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
        assert abs(float(stream.average_rate) - 23.976) < 0.01


def test_every_form_of_a_clip_is_the_same_pictures():
    bytes_ = frames()
    floats = np.stack(bytes_).astype(np.float32) / 255
    tensor = torch.from_numpy(floats).permute(0, 3, 1, 2)
    for output in (floats[None], tensor[None], [[Image.fromarray(frame) for frame in bytes_]]):
        seen = list(video.pictures(video.only_clip(output)))
        assert all(np.array_equal(a, b) for a, b in zip(bytes_, seen, strict=True))


def test_numbers_that_are_not_finite_are_no_video():
    with pytest.raises(Failure, match="non-finite"):
        video.picture(np.full((4, 4, 3), np.nan, np.float32))


@pytest.mark.parametrize("content", [b"", b"text", b"\x89PNG\r\n\x1a\n"])
@pytest.mark.parametrize("name", ["a.png", "a.mp4"])
def test_inputs_that_cannot_be_read_are_refused(tmp_path, name, content):
    (tmp_path / name).write_bytes(content)
    with pytest.raises(Failure, match="cannot be read"):
        video.read("image", str(tmp_path / name))
    with pytest.raises(Failure, match="no file"):
        video.read("image", str(tmp_path / "nothing.png"))


def test_a_huge_image_is_refused_before_it_is_decoded(tmp_path):
    Image.new("1", (20_000, 20_000)).save(tmp_path / "huge.png")
    with pytest.raises(Failure, match="pixels"):
        video.read("image", str(tmp_path / "huge.png"))


MEMORY = """
import resource, sys, torch
from vidbench_diffusers import video
from vidbench_diffusers.settings import Video

frames = torch.rand(81, 3, 720, 1280, dtype=torch.float32)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
video.write(sys.argv[1], video.pictures(frames), 16.0, Video())
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)
"""


def test_a_long_clip_leaves_without_a_second_copy(tmp_path):
    said = subprocess.run([sys.executable, "-c", MEMORY, str(tmp_path / "a.mp4")], capture_output=True, text=True, check=True)
    as_bytes_mib = 81 * 3 * 720 * 1280 / 2**20
    assert float(said.stdout) < as_bytes_mib, "not even one of a byte a value"
