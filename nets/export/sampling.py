"""Reading images between pixels, and the correlation volumes of RAFT and AMT."""

import torch
from torch.nn import functional as F


def sampled(image, places, outside="zeros"):
    """`image` (N, C, H, W) at `places` (N, h, w, 2), x then y in pixels."""
    height, width = image.shape[-2:]
    x, y = places.unbind(-1)
    grid = torch.stack((2 * x / (width - 1) - 1, 2 * y / (height - 1) - 1), -1)
    return F.grid_sample(image, grid, padding_mode=outside, align_corners=True)


def pixel_places(image):
    """The place of each pixel of `image`, (1, 2, H, W), x then y."""
    height, width = image.shape[-2:]
    x = torch.arange(width).to(image.dtype).view(1, 1, 1, width).expand(1, 1, height, width)
    y = torch.arange(height).to(image.dtype).view(1, 1, height, 1).expand(1, 1, height, width)
    return torch.cat((x, y), 1)


def correlations(features0, features1):
    """The product of each place of one image with each place of the other, (B, H * W, H * W)."""
    product = features0.flatten(2).transpose(1, 2) @ features1.flatten(2)
    return product / int(features0.shape[1]) ** 0.5


def pyramid(volume, features, levels):
    """A volume (B, H * W, H * W) as images (B * H * W, 1, H, W), halved level by level."""
    height, width = features.shape[-2:]
    volume = volume.reshape(-1, 1, height, width)
    images = [volume]
    for _ in range(levels - 1):
        images.append(F.avg_pool2d(images[-1], 2, stride=2))
    return images


def looked_up(images, places, radius):
    """The volume around `places` (B, 2, H, W): (B, levels * (2 * radius + 1) ** 2, H, W).

    The window is transposed, its first axis moving x: so the weights that read it were trained.

    A window around a place, scaled to what `grid_sample` takes, is one product of matrices: runtimes are slow at
    adding rows of two numbers.
    """
    batch, _, height, width = places.shape
    steps = torch.linspace(-radius, radius, 2 * radius + 1)
    window = torch.stack(torch.meshgrid(steps, steps, indexing="ij"), -1)
    centres = places.permute(0, 2, 3, 1).reshape(-1, 2)
    levels = []
    for level, image in enumerate(images):
        scale = grid_scale(image).repeat(steps.numel() ** 2)
        around = torch.eye(2).repeat(1, steps.numel() ** 2) * scale / 2**level
        grid = torch.addmm(window.flatten() * scale - 1, centres, around)
        grid = grid.reshape(-1, steps.numel(), steps.numel(), 2)
        seen = F.grid_sample(image, grid, padding_mode="zeros", align_corners=True)
        levels.append(seen.reshape(batch, height, width, -1))
    return torch.cat(levels, -1).permute(0, 3, 1, 2)


def grid_scale(image):
    """How long a step of one pixel is in the units of `grid_sample`, x then y."""
    height, width = image.shape[-2:]
    return torch.cat((torch.full((1,), 2.0) / (width - 1), torch.full((1,), 2.0) / (height - 1)))
