"""Turns frames of any pipeline into pictures of bytes, and pictures into a file."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image, ImageOps

from vidbench_diffusers.failure import Failure, refused
from vidbench_diffusers.settings import Video

Picture = npt.NDArray[np.uint8]
"""Height x width x 3."""

IMAGES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".ppm"}
MAX_INPUT_BYTES = 512 << 20
MAX_INPUT_PIXELS = 8192 * 8192
MAX_INPUT_FRAMES = 10_000
BT709 = 1


def only_clip(output: Any) -> Any:
    """The frames of the one video of an output, in whatever form the pipeline gives them."""
    for name in ("frames", "videos", "images", "video"):
        if (found := getattr(output, name, None)) is not None:
            output = found
            break
    if isinstance(output, tuple):
        output = output[0]
    video_dims = 5
    if isinstance(output, torch.Tensor | np.ndarray) and output.ndim == video_dims:
        return output[0]
    return output[0] if isinstance(output, list) and isinstance(output[0], list | torch.Tensor | np.ndarray) else output


def pictures(clip: Any) -> Iterator[Picture]:
    """Yields one frame after the other, so that no second copy of the clip is made."""
    for frame in clip:
        yield picture(frame)


def picture(frame: Any) -> Picture:
    """One frame as bytes."""
    if isinstance(frame, torch.Tensor):
        if frame.ndim == 3 and frame.shape[0] == 3:  # channels first
            frame = frame.permute(1, 2, 0)
        frame = frame.float().cpu().numpy() if frame.is_floating_point() else frame.cpu().numpy()
    array = np.asarray(frame)
    if np.issubdtype(array.dtype, np.floating):
        if not np.isfinite(array).all():
            raise Failure(
                "internal",
                "the pipeline returned frames with non-finite values",
                "try dtype float32, at least for the VAE",
            )
        array = (array.clip(0, 1) * 255).round().astype(np.uint8)
    if array.ndim != 3 or array.shape[2] != 3 or array.dtype != np.uint8:
        raise Failure("internal", f"the pipeline returned frames of shape {array.shape} and type {array.dtype}")
    return np.ascontiguousarray(array)


def write(path: str, frames: Iterable[Picture], fps: float, video: Video) -> None:
    """Writes a file, with the colours of BT.709 in limited range, or lossless RGB."""
    import av

    rate = Fraction(fps).limit_denominator(1001)
    lossless = video.codec == "ffv1"
    # No random ids and no versions of libraries are written, so that the same frames give the same bytes.
    with av.open(path, "w", format="matroska" if lossless else "mp4", container_options={"fflags": "+bitexact"}) as file:
        stream = None
        for frame in frames:
            if stream is None:
                height, width = frame.shape[:2]
                stream = file.add_stream("ffv1" if lossless else "libx264", rate=rate)
                stream.width, stream.height = width, height
                stream.pix_fmt = "bgr0" if lossless else "yuv420p" if width % 2 == height % 2 == 0 else "yuv444p"
                stream.codec_context.thread_count = 1
                if not lossless:
                    # x264's macroblock tree gives other bytes from call to call on small pictures.
                    stream.options = {"crf": str(video.crf), "x264-params": "mbtree=0"}
                    context = stream.codec_context
                    context.colorspace = context.color_primaries = context.color_trc = BT709
                    context.color_range = 1
            image = av.VideoFrame.from_ndarray(frame, format="rgb24")
            target = {} if lossless else {"dst_colorspace": "ITU709"}
            file.mux(stream.encode(image.reformat(format=stream.pix_fmt, **target)))
        if stream is None:
            raise Failure("internal", "the pipeline returned no frames")
        file.mux(stream.encode())


def read(name: str, path: str) -> Any:
    """Reads a file that a video is made from: an image, or the frames of a video."""
    file = Path(path)
    if not file.is_file():
        raise refused(f"input {name}: no file {path}")
    if (size := file.stat().st_size) > MAX_INPUT_BYTES:
        raise refused(f"input {name}: {path} has {size} bytes; the limit is {MAX_INPUT_BYTES}")
    try:
        return read_image(file) if file.suffix.lower() in IMAGES else read_video(file)
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise refused(f"input {name}: {path} cannot be read: {error}") from error


def reduced(given: Any, width: int, height: int, times: float) -> Any:
    """An image, or frames, reduced to the size from which a video is made that many times larger."""
    if width % times or height % times:
        raise refused(f"{width}x{height} was requested: this pipeline enlarges videos {times} times, so both must be multiples of that")
    size = (int(width / times), int(height / times))
    images = [image if image.size == size else image.resize(size) for image in (given if isinstance(given, list) else [given])]
    return images if isinstance(given, list) else images[0]


def read_image(file: Path) -> Any:
    """An image in RGB, rotated as its EXIF data says."""
    with Image.open(file) as image:
        check_pixels(*image.size)
        return ImageOps.exif_transpose(image).convert("RGB")


def read_video(file: Path) -> list[Any]:
    """The frames of a video as images."""
    import av

    with av.open(str(file)) as container:
        if not container.streams.video:
            raise ValueError("it has no video")
        stream = container.streams.video[0]
        check_pixels(stream.width, stream.height)
        frames: list[Any] = []
        for frame in container.decode(stream):
            if len(frames) == MAX_INPUT_FRAMES:
                raise ValueError(f"it has more than {MAX_INPUT_FRAMES} frames")
            frames.append(frame.to_image())
        if not frames:
            raise ValueError("it has no frames")
        return frames


def tensor(given: Any, is_mask: bool) -> torch.Tensor:
    """Images as one tensor of batch, channels, frames, height and width: colours from 0 to 1; masks have one channel, of 0 and 255."""
    images = given if isinstance(given, list) else [given]
    found = torch.stack([torch.from_numpy(np.array(image.convert("L" if is_mask else "RGB"))) for image in images])
    half = 128
    return (found >= half).float()[None, None] * 255 if is_mask else found.permute(3, 0, 1, 2)[None] / 255


def check_pixels(width: int, height: int) -> None:
    """Refuses a size before anything of it is decoded."""
    if width * height > MAX_INPUT_PIXELS:
        raise ValueError(f"{width}x{height} is more than {MAX_INPUT_PIXELS} pixels")
