"""I3D: Inception-v1 inflated to three dimensions, for the Frechet video distance.

Paper: Carreira and Zisserman 2017, "Quo Vadis, Action Recognition? A New Model and the Kinetics
Dataset", arXiv 1705.07750.

i3d-400
    Checkpoint: `i3d_pretrained_400.pt`, in the layout of piergiaj/pytorch-i3d; nothing to strip.
    Input: `video` (B, 3, T, 224, 224) in [-1, 1], RGB, T at least 9.
    Output: `logits` (B, 400), before the softmax, averaged over time.

Padding is TensorFlow's "same": as much as the last window needs, the smaller half in front. In
space all sizes are known here; in time they are computed in the graph, as T is open. Zero is as good
as minus infinity around the pools, for what enters them comes from a ReLU.

The programs that use this checkpoint give batch norms an epsilon of 1e-5, though pytorch-i3d itself
has 1e-3.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .net import Input, Net, Uniform

BATCH_NORM_EPS = 1e-5
KINETICS_CLASSES = 400

# Channels: branch 0; branch 1, 1x1 then 3x3; branch 2, 1x1 then 3x3; branch 3.
MIXED = {
    "Mixed_3b": (64, 96, 128, 16, 32, 32),
    "Mixed_3c": (128, 128, 192, 32, 96, 64),
    "Mixed_4b": (192, 96, 208, 16, 48, 64),
    "Mixed_4c": (160, 112, 224, 24, 64, 64),
    "Mixed_4d": (128, 128, 256, 24, 64, 64),
    "Mixed_4e": (112, 144, 288, 32, 64, 64),
    "Mixed_4f": (256, 160, 320, 32, 128, 128),
    "Mixed_5b": (256, 160, 320, 32, 128, 128),
    "Mixed_5c": (384, 192, 384, 48, 128, 128),
}


def halving_pad(size, kernel):
    """The "same" padding of an axis that is halved: (front, back)."""
    total = kernel - 2 + size % 2
    return total // 2, total - total // 2


def pad_to_halve(video, kernel, time_kernel=None):
    """Pads space, which is even here, and time too if it is halved."""
    front, back = halving_pad(0, kernel)
    time_pad = (0, 0) if time_kernel is None else halving_pad(video.shape[2], time_kernel)
    return F.pad(video, (front, back, front, back, *time_pad))


class Unit(nn.Module):
    """Convolution with stride 1, batch norm, ReLU."""

    def __init__(self, channels_in, channels_out, kernel):
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, channels_out, kernel, padding=kernel // 2, bias=False)
        self.bn = nn.BatchNorm3d(channels_out, eps=BATCH_NORM_EPS)

    def forward(self, video):
        return self.bn(self.conv3d(video)).relu()


class Stem(nn.Module):
    """The first unit, which halves all three axes."""

    def __init__(self):
        super().__init__()
        self.conv3d = nn.Conv3d(3, 64, 7, stride=2, bias=False)
        self.bn = nn.BatchNorm3d(64, eps=BATCH_NORM_EPS)

    def forward(self, video):
        return self.bn(self.conv3d(pad_to_halve(video, 7, time_kernel=7))).relu()


class Mixed(nn.Module):
    """An Inception block: four branches side by side."""

    def __init__(self, channels_in, channels):
        super().__init__()
        self.b0 = Unit(channels_in, channels[0], 1)
        self.b1a = Unit(channels_in, channels[1], 1)
        self.b1b = Unit(channels[1], channels[2], 3)
        self.b2a = Unit(channels_in, channels[3], 1)
        self.b2b = Unit(channels[3], channels[4], 3)
        self.b3b = Unit(channels_in, channels[5], 1)

    def forward(self, video):
        pooled = F.max_pool3d(video, 3, stride=1, padding=1)
        branches = (
            self.b0(video),
            self.b1b(self.b1a(video)),
            self.b2b(self.b2a(video)),
            self.b3b(pooled),
        )
        return torch.cat(branches, 1)


class Logits(nn.Module):
    """A convolution with bias alone; a module, for the name `logits.conv3d`."""

    def __init__(self, channels_in):
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, KINETICS_CLASSES, 1)

    def forward(self, video):
        return self.conv3d(video)


class I3d(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv3d_1a_7x7 = Stem()
        self.Conv3d_2b_1x1 = Unit(64, 64, 1)
        self.Conv3d_2c_3x3 = Unit(64, 192, 3)
        width = 192
        for name, channels in MIXED.items():
            self.add_module(name, Mixed(width, channels))
            width = channels[0] + channels[2] + channels[4] + channels[5]
        self.logits = Logits(width)

    def forward(self, video):
        video = self.Conv3d_1a_7x7(video)
        video = F.max_pool3d(pad_to_halve(video, 3), (1, 3, 3), (1, 2, 2))
        video = self.Conv3d_2c_3x3(self.Conv3d_2b_1x1(video))
        video = F.max_pool3d(pad_to_halve(video, 3), (1, 3, 3), (1, 2, 2))
        video = self.Mixed_3c(self.Mixed_3b(video))
        video = F.max_pool3d(pad_to_halve(video, 3, time_kernel=3), 3, 2)
        for letter in "bcdef":
            video = self.get_submodule(f"Mixed_4{letter}")(video)
        video = F.max_pool3d(pad_to_halve(video, 2, time_kernel=2), 2, 2)
        video = self.Mixed_5c(self.Mixed_5b(video))
        video = F.avg_pool3d(video, (2, 7, 7), stride=1)
        return self.logits(video).mean((2, 3, 4))


NETS = (
    Net(
        name="i3d-400",
        build=I3d,
        inputs=(Input("video", ("B", 3, "T", 224, 224), Uniform(-1, 1)),),
        outputs={"logits": ("B", KINETICS_CLASSES)},
        cases=({"B": 1, "T": 16}, {"B": 2, "T": 9}),
        reference="cd-fvd 0.1.1, third_party/i3d: 0",
    ),
)
