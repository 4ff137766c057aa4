"""RAFT, the large one: optical flow by 20 refinements of a field at an eighth of the size.

Paper: Teed and Deng 2020, "RAFT: Recurrent All-Pairs Field Transforms for Optical Flow",
arXiv 2003.12039.

raft
    Checkpoint: `raft-things.pth`, each name with the prefix `module.`, which is to be stripped. Of the
    tensors that it holds twice, `cnet.layer2.0.norm3.*` and `cnet.layer2.0.downsample.1.*` (and so for
    `layer3`), the graph names the latter.
    Inputs: `image1` and `image2` (B, 3, H, W) in 0..255, RGB, H and W multiples of 8 and at least 128:
    below, the coarsest of the four levels of correlations is one pixel and the flow not a number.
    Output: `flow` (B, 2, H, W), from image 1 to image 2 in pixels, x then y.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .net import Input, Net, Uniform
from .sampling import correlations, looked_up, pixel_places, pyramid

ITERATIONS = 20
LEVELS = 4
RADIUS = 4
HIDDEN = 128


class Residual(nn.Module):
    """Two convolutions beside a shortcut; a stride of 2 makes the shortcut a convolution too."""

    def __init__(self, channels_in, channels, stride, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride=stride, padding=1)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1)
        self.norm1 = norm(channels)
        self.norm2 = norm(channels)
        self.downsample = nn.Identity()
        if stride > 1:
            shortcut = nn.Conv2d(channels_in, channels, 1, stride=stride)
            self.downsample = nn.Sequential(shortcut, norm(channels))

    def forward(self, image):
        inner = self.norm1(self.conv1(image)).relu()
        inner = self.norm2(self.conv2(inner)).relu()
        return (self.downsample(image) + inner).relu()


class Encoder(nn.Module):
    """Features at an eighth of the size."""

    def __init__(self, channels_out, norm):
        super().__init__()
        self.conv1 = nn.Conv2d(3, 64, 7, stride=2, padding=3)
        self.norm1 = norm(64)
        self.layer1 = nn.Sequential(Residual(64, 64, 1, norm), Residual(64, 64, 1, norm))
        self.layer2 = nn.Sequential(Residual(64, 96, 2, norm), Residual(96, 96, 1, norm))
        self.layer3 = nn.Sequential(Residual(96, 128, 2, norm), Residual(128, 128, 1, norm))
        self.conv2 = nn.Conv2d(128, channels_out, 1)

    def forward(self, image):
        image = self.norm1(self.conv1(image)).relu()
        return self.conv2(self.layer3(self.layer2(self.layer1(image))))


class MotionEncoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.convc1 = nn.Conv2d(LEVELS * (2 * RADIUS + 1) ** 2, 256, 1)
        self.convc2 = nn.Conv2d(256, 192, 3, padding=1)
        self.convf1 = nn.Conv2d(2, 128, 7, padding=3)
        self.convf2 = nn.Conv2d(128, 64, 3, padding=1)
        self.conv = nn.Conv2d(64 + 192, 128 - 2, 3, padding=1)

    def forward(self, flow, correlation):
        correlation = self.convc2(self.convc1(correlation).relu()).relu()
        encoded = self.convf2(self.convf1(flow).relu()).relu()
        both = self.conv(torch.cat((correlation, encoded), 1)).relu()
        return torch.cat((both, flow), 1)


class SeparableGru(nn.Module):
    """A convolutional GRU, applied along rows and then along columns.

    Its input is the hidden state, the context and the motion, side by side. The context is the same in
    each of the 20 refinements, so that its share of each convolution is computed once: a third of them.
    """

    def __init__(self, channels_in):
        super().__init__()
        for number, kernel in ((1, (1, 5)), (2, (5, 1))):
            padding = (kernel[0] // 2, kernel[1] // 2)
            for gate in "zrq":
                layer = nn.Conv2d(HIDDEN + channels_in, HIDDEN, kernel, padding=padding)
                self.add_module(f"conv{gate}{number}", layer)

    def prepared(self, context):
        """For each direction, the convolutions that remain, and what the context adds to them."""
        return [
            (
                Shared((self.convz1, self.convr1), context),
                Shared((self.convq1,), context),
            ),
            (
                Shared((self.convz2, self.convr2), context),
                Shared((self.convq2,), context),
            ),
        ]

    def forward(self, hidden, motion, prepared):
        for gates, candidate in prepared:
            update, reset = gates(hidden, motion).sigmoid().split(HIDDEN, 1)
            new = candidate(reset * hidden, motion).tanh()
            hidden = (1 - update) * hidden + update * new
        return hidden


class Shared:
    """Several convolutions of one input as one; the middle channels, the context, are computed beforehand."""

    def __init__(self, layers, context):
        weight = torch.cat([layer.weight for layer in layers])
        bias = torch.cat([layer.bias for layer in layers])
        before, middle, after = weight.split((HIDDEN, HIDDEN, weight.shape[1] - 2 * HIDDEN), 1)
        self.padding = layers[0].padding
        self.weight = torch.cat((before, after), 1)
        self.added = F.conv2d(context, middle, bias, padding=self.padding)

    def __call__(self, hidden, motion):
        both = torch.cat((hidden, motion), 1)
        return F.conv2d(both, self.weight, padding=self.padding) + self.added


class FlowHead(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(HIDDEN, 256, 3, padding=1)
        self.conv2 = nn.Conv2d(256, 2, 3, padding=1)

    def forward(self, hidden):
        return self.conv2(self.conv1(hidden).relu())


class UpdateBlock(nn.Module):
    def __init__(self):
        super().__init__()
        self.encoder = MotionEncoder()
        self.gru = SeparableGru(128 + HIDDEN)
        self.flow_head = FlowHead()
        self.mask = nn.Sequential(
            nn.Conv2d(HIDDEN, 256, 3, padding=1), nn.ReLU(), nn.Conv2d(256, 9 * 64, 1)
        )

    def forward(self, hidden, prepared, correlation, flow):
        hidden = self.gru(hidden, self.encoder(flow, correlation), prepared)
        return hidden, self.flow_head(hidden)


def upsampled(flow, mask):
    """`flow` at eight times the size: each pixel a mean of nine neighbours, weighed by `mask`."""
    batch, _, height, width = flow.shape
    weights = mask.reshape(batch, 1, 9, 8, 8, height, width).softmax(2)
    # A convolution that copies each of the nine neighbours, plain in any runtime.
    copy = torch.eye(9).reshape(9, 1, 3, 3)
    neighbours = F.conv2d(8 * flow.reshape(-1, 1, height, width), copy, padding=1)
    neighbours = neighbours.reshape(batch, 2, 9, 1, 1, height, width)
    fine = (weights * neighbours).sum(2)
    return fine.permute(0, 1, 4, 2, 5, 3).reshape(batch, 2, 8 * height, 8 * width)


class Raft(nn.Module):
    def __init__(self):
        super().__init__()
        self.fnet = Encoder(256, nn.InstanceNorm2d)
        self.cnet = Encoder(2 * HIDDEN, nn.BatchNorm2d)
        self.update_block = UpdateBlock()

    def forward(self, image1, image2):
        image1, image2 = 2 * image1 / 255 - 1, 2 * image2 / 255 - 1
        features1, features2 = self.fnet(image1), self.fnet(image2)
        images = pyramid(correlations(features1, features2), features1, LEVELS)
        hidden, context = self.cnet(image1).split(HIDDEN, 1)
        hidden, prepared = hidden.tanh(), self.update_block.gru.prepared(context.relu())
        start = pixel_places(features1).expand(image1.shape[0], -1, -1, -1)
        places = start
        for _ in range(ITERATIONS):
            correlation = looked_up(images, places, RADIUS)
            hidden, change = self.update_block(hidden, prepared, correlation, places - start)
            places = places + change
        return upsampled(places - start, 0.25 * self.update_block.mask(hidden))


NETS = (
    Net(
        name="raft",
        build=Raft,
        inputs=tuple(
            Input(image, ("B", 3, "H", "W"), Uniform(0, 255)) for image in ("image1", "image2")
        ),
        outputs={"flow": ("B", 2, "H", "W")},
        cases=({"B": 1, "H": 128, "W": 160}, {"B": 2, "H": 144, "W": 136}),
        reference="vbench 0.1.5, third_party/RAFT: 9.6e-7",
    ),
)
