"""I3D once more, as StyleGAN-V's Frechet video distance has it.

Paper: Carreira and Zisserman 2017, "Quo Vadis, Action Recognition? A New Model and the Kinetics
Dataset", arXiv 1705.07750. The weights are those of TensorFlow Hub's `deepmind/i3d-kinetics-400/1`.

i3d-styleganv
    Checkpoint: `i3d_torchscript.pt`, a TorchScript archive; nothing to strip.
    Input: `video` (B, 3, T, 224, 224) in [-1, 1], RGB, T at least 9.
    Output: `logits` (B, 400), before the softmax, averaged over time: what the archive gives with
    `return_features=True`, `rescale=False` and `resize=False`.

The names of the tensors are inferred, not read from the archive, which was not at hand: they are
those of the class `I3D` in `src/i3dpt.py` of hassony2/kinetics_i3d_pytorch at 786fbae, and the
archive's class is `src.i3dpt_jit.I3D`. The README tells what speaks for it.

The arithmetic is that of `i3d-400` but for the epsilon of batch norms, which is TensorFlow's here.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .i3d import KINETICS_CLASSES, MIXED, pad_to_halve
from .net import Input, Net, Uniform

BATCH_NORM_EPS = 1e-3


class Unit(nn.Module):
    """Convolution, batch norm, ReLU; padded if its stride is 1."""

    def __init__(self, channels_in, channels_out, kernel, stride=1):
        super().__init__()
        padding = kernel // 2 if stride == 1 else 0
        self.conv3d = nn.Conv3d(channels_in, channels_out, kernel, stride, padding, bias=False)
        self.batch3d = nn.BatchNorm3d(channels_out, eps=BATCH_NORM_EPS)

    def forward(self, video):
        return self.batch3d(self.conv3d(video)).relu()


class Logits(nn.Module):
    """A convolution with bias alone; a module, for the name `conv3d_0c_1x1.conv3d`."""

    def __init__(self, channels_in):
        super().__init__()
        self.conv3d = nn.Conv3d(channels_in, KINETICS_CLASSES, 1)

    def forward(self, video):
        return self.conv3d(video)


class Mixed(nn.Module):
    """An Inception block: four branches side by side."""

    def __init__(self, channels_in, channels):
        super().__init__()
        self.branch_0 = Unit(channels_in, channels[0], 1)
        self.branch_1 = nn.Sequential(
            Unit(channels_in, channels[1], 1), Unit(channels[1], channels[2], 3)
        )
        self.branch_2 = nn.Sequential(
            Unit(channels_in, channels[3], 1), Unit(channels[3], channels[4], 3)
        )
        self.branch_3 = nn.Sequential(nn.MaxPool3d(3, 1, 1), Unit(channels_in, channels[5], 1))

    def forward(self, video):
        branches = (self.branch_0, self.branch_1, self.branch_2, self.branch_3)
        return torch.cat([branch(video) for branch in branches], 1)


class I3dStyleganv(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv3d_1a_7x7 = Unit(3, 64, 7, stride=2)
        self.conv3d_2b_1x1 = Unit(64, 64, 1)
        self.conv3d_2c_3x3 = Unit(64, 192, 3)
        width = 192
        for name, channels in MIXED.items():
            self.add_module(name.lower(), Mixed(width, channels))
            width = channels[0] + channels[2] + channels[4] + channels[5]
        self.conv3d_0c_1x1 = Logits(width)

    def forward(self, video):
        video = self.conv3d_1a_7x7(pad_to_halve(video, 7, time_kernel=7))
        video = F.max_pool3d(pad_to_halve(video, 3), (1, 3, 3), (1, 2, 2))
        video = self.conv3d_2c_3x3(self.conv3d_2b_1x1(video))
        video = F.max_pool3d(pad_to_halve(video, 3), (1, 3, 3), (1, 2, 2))
        video = self.mixed_3c(self.mixed_3b(video))
        video = F.max_pool3d(pad_to_halve(video, 3, time_kernel=3), 3, 2)
        for letter in "bcdef":
            video = self.get_submodule(f"mixed_4{letter}")(video)
        video = F.max_pool3d(pad_to_halve(video, 2, time_kernel=2), 2, 2)
        video = self.mixed_5c(self.mixed_5b(video))
        video = F.avg_pool3d(video, (2, 7, 7), stride=1)
        return self.conv3d_0c_1x1(video).mean((2, 3, 4))


NETS = (
    Net(
        name="i3d-styleganv",
        build=I3dStyleganv,
        inputs=(Input("video", ("B", 3, "T", 224, 224), Uniform(-1, 1)),),
        outputs={"logits": ("B", KINETICS_CLASSES)},
        cases=({"B": 1, "T": 16}, {"B": 2, "T": 9}),
        reference="hassony2/kinetics_i3d_pytorch at 786fbae, src/i3dpt.py: 0",
    ),
)
