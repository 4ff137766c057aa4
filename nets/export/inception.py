"""Inception-v3 as the Frechet inception distance and the inception score use it.

Papers: Szegedy et al. 2016, "Rethinking the Inception Architecture for Computer Vision",
arXiv 1512.00567; Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local
Nash Equilibrium", arXiv 1706.08500.

inception-fid
    Checkpoint: `pt_inception-2015-12-05-6726825d.pth` of pytorch-fid, TensorFlow's net of December
    2015 in the names of torchvision; nothing to strip.
    Input: `image` (B, 3, H, W) in [-1, 1], RGB; resized by the host, 299x299 in the known programs.
    Outputs: `pool3` (B, 2048), and `logits` (B, 1008), before the softmax and with their bias.

Two things differ from torchvision: averages do not count the padding, and the last block pools the
largest value where the others pool the average.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .net import Input, Net, Uniform

CLASSES = 1008
BATCH_NORM_EPS = 1e-3


class Unit(nn.Module):
    """Convolution, batch norm, ReLU."""

    def __init__(self, channels_in, channels_out, kernel, **options):
        super().__init__()
        self.conv = nn.Conv2d(channels_in, channels_out, kernel, bias=False, **options)
        self.bn = nn.BatchNorm2d(channels_out, eps=BATCH_NORM_EPS)

    def forward(self, image):
        return self.bn(self.conv(image)).relu()


def average_pool(image):
    return F.avg_pool2d(image, 3, stride=1, padding=1, count_include_pad=False)


def largest_pool(image):
    return F.max_pool2d(image, 3, stride=1, padding=1)


class BlockA(nn.Module):
    def __init__(self, channels_in, pool_channels):
        super().__init__()
        self.branch1x1 = Unit(channels_in, 64, 1)
        self.branch5x5_1 = Unit(channels_in, 48, 1)
        self.branch5x5_2 = Unit(48, 64, 5, padding=2)
        self.branch3x3dbl_1 = Unit(channels_in, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, padding=1)
        self.branch_pool = Unit(channels_in, pool_channels, 1)

    def forward(self, image):
        branches = (
            self.branch1x1(image),
            self.branch5x5_2(self.branch5x5_1(image)),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(image))),
            self.branch_pool(average_pool(image)),
        )
        return torch.cat(branches, 1)


class BlockB(nn.Module):
    """Halves the size, 35 to 17."""

    def __init__(self, channels_in):
        super().__init__()
        self.branch3x3 = Unit(channels_in, 384, 3, stride=2)
        self.branch3x3dbl_1 = Unit(channels_in, 64, 1)
        self.branch3x3dbl_2 = Unit(64, 96, 3, padding=1)
        self.branch3x3dbl_3 = Unit(96, 96, 3, stride=2)

    def forward(self, image):
        branches = (
            self.branch3x3(image),
            self.branch3x3dbl_3(self.branch3x3dbl_2(self.branch3x3dbl_1(image))),
            F.max_pool2d(image, 3, stride=2),
        )
        return torch.cat(branches, 1)


class BlockC(nn.Module):
    """Kernels of 7x7 split into a row and a column."""

    def __init__(self, narrow):
        super().__init__()
        row = {"kernel": (1, 7), "padding": (0, 3)}
        column = {"kernel": (7, 1), "padding": (3, 0)}
        self.branch1x1 = Unit(768, 192, 1)
        self.branch7x7_1 = Unit(768, narrow, 1)
        self.branch7x7_2 = Unit(narrow, narrow, **row)
        self.branch7x7_3 = Unit(narrow, 192, **column)
        self.branch7x7dbl_1 = Unit(768, narrow, 1)
        self.branch7x7dbl_2 = Unit(narrow, narrow, **column)
        self.branch7x7dbl_3 = Unit(narrow, narrow, **row)
        self.branch7x7dbl_4 = Unit(narrow, narrow, **column)
        self.branch7x7dbl_5 = Unit(narrow, 192, **row)
        self.branch_pool = Unit(768, 192, 1)

    def forward(self, image):
        double = self.branch7x7dbl_2(self.branch7x7dbl_1(image))
        double = self.branch7x7dbl_4(self.branch7x7dbl_3(double))
        branches = (
            self.branch1x1(image),
            self.branch7x7_3(self.branch7x7_2(self.branch7x7_1(image))),
            self.branch7x7dbl_5(double),
            self.branch_pool(average_pool(image)),
        )
        return torch.cat(branches, 1)


class BlockD(nn.Module):
    """Halves the size, 17 to 8."""

    def __init__(self):
        super().__init__()
        self.branch3x3_1 = Unit(768, 192, 1)
        self.branch3x3_2 = Unit(192, 320, 3, stride=2)
        self.branch7x7x3_1 = Unit(768, 192, 1)
        self.branch7x7x3_2 = Unit(192, 192, (1, 7), padding=(0, 3))
        self.branch7x7x3_3 = Unit(192, 192, (7, 1), padding=(3, 0))
        self.branch7x7x3_4 = Unit(192, 192, 3, stride=2)

    def forward(self, image):
        split = self.branch7x7x3_3(self.branch7x7x3_2(self.branch7x7x3_1(image)))
        branches = (
            self.branch3x3_2(self.branch3x3_1(image)),
            self.branch7x7x3_4(split),
            F.max_pool2d(image, 3, stride=2),
        )
        return torch.cat(branches, 1)


class BlockE(nn.Module):
    """Kernels of 3x3 widened to a row and a column side by side."""

    def __init__(self, channels_in, pool):
        super().__init__()
        row = {"kernel": (1, 3), "padding": (0, 1)}
        column = {"kernel": (3, 1), "padding": (1, 0)}
        self.pool = pool
        self.branch1x1 = Unit(channels_in, 320, 1)
        self.branch3x3_1 = Unit(channels_in, 384, 1)
        self.branch3x3_2a = Unit(384, 384, **row)
        self.branch3x3_2b = Unit(384, 384, **column)
        self.branch3x3dbl_1 = Unit(channels_in, 448, 1)
        self.branch3x3dbl_2 = Unit(448, 384, 3, padding=1)
        self.branch3x3dbl_3a = Unit(384, 384, **row)
        self.branch3x3dbl_3b = Unit(384, 384, **column)
        self.branch_pool = Unit(channels_in, 192, 1)

    def forward(self, image):
        single = self.branch3x3_1(image)
        double = self.branch3x3dbl_2(self.branch3x3dbl_1(image))
        branches = (
            self.branch1x1(image),
            self.branch3x3_2a(single),
            self.branch3x3_2b(single),
            self.branch3x3dbl_3a(double),
            self.branch3x3dbl_3b(double),
            self.branch_pool(self.pool(image)),
        )
        return torch.cat(branches, 1)


class Inception(nn.Module):
    def __init__(self):
        super().__init__()
        self.Conv2d_1a_3x3 = Unit(3, 32, 3, stride=2)
        self.Conv2d_2a_3x3 = Unit(32, 32, 3)
        self.Conv2d_2b_3x3 = Unit(32, 64, 3, padding=1)
        self.Conv2d_3b_1x1 = Unit(64, 80, 1)
        self.Conv2d_4a_3x3 = Unit(80, 192, 3)
        self.Mixed_5b = BlockA(192, 32)
        self.Mixed_5c = BlockA(256, 64)
        self.Mixed_5d = BlockA(288, 64)
        self.Mixed_6a = BlockB(288)
        self.Mixed_6b = BlockC(128)
        self.Mixed_6c = BlockC(160)
        self.Mixed_6d = BlockC(160)
        self.Mixed_6e = BlockC(192)
        self.Mixed_7a = BlockD()
        self.Mixed_7b = BlockE(1280, average_pool)
        self.Mixed_7c = BlockE(2048, largest_pool)
        self.fc = nn.Linear(2048, CLASSES)

    def forward(self, image):
        image = self.Conv2d_2b_3x3(self.Conv2d_2a_3x3(self.Conv2d_1a_3x3(image)))
        image = F.max_pool2d(image, 3, stride=2)
        image = self.Conv2d_4a_3x3(self.Conv2d_3b_1x1(image))
        image = F.max_pool2d(image, 3, stride=2)
        image = self.Mixed_5d(self.Mixed_5c(self.Mixed_5b(image)))
        image = self.Mixed_6c(self.Mixed_6b(self.Mixed_6a(image)))
        image = self.Mixed_6e(self.Mixed_6d(image))
        image = self.Mixed_7c(self.Mixed_7b(self.Mixed_7a(image)))
        pooled = image.mean((2, 3))
        return pooled, self.fc(pooled)


NETS = (
    Net(
        name="inception-fid",
        build=Inception,
        inputs=(Input("image", ("B", 3, "H", "W"), Uniform(-1, 1)),),
        outputs={"pool3": ("B", 2048), "logits": ("B", CLASSES)},
        cases=({"B": 2, "H": 96, "W": 128}, {"B": 1, "H": 299, "W": 299}),
        reference="pytorch-fid 0.3.0: 0",
    ),
)
