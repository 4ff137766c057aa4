"""LPIPS v0.1: how far two images are apart in the features of an image classifier.

Paper: Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric",
arXiv 1801.03924.

lpips-alex, lpips-vgg, lpips-squeeze
    Checkpoints, two each: the trunk `features.*` of torchvision's AlexNet (`alexnet-owt-7be5be79.pth`),
    VGG-16 (`vgg16-397923af.pth`) or SqueezeNet 1.1 (`squeezenet1_1-b8a52dc0.pth`), and the heads
    `lin0.model.1.weight` ... of `lpips/weights/v0.1/{alex,vgg,squeeze}.pth`; nothing to strip.
    Inputs: `image0` and `image1` (B, 3, H, W) in [-1, 1], RGB.
    Output: `distance` (B).
"""

from collections import OrderedDict

import torch
from torch import nn

from .net import Input, Net, Uniform

# From [-1, 1] to the classifiers' input, normalised with ImageNet's mean and deviation.
SHIFT = (-0.030, -0.088, -0.188)
SCALE = (0.458, 0.448, 0.450)
NORM_EPS = 1e-10


class Fire(nn.Module):
    """SqueezeNet's block: narrow, then wide by two kernels."""

    def __init__(self, channels_in, narrow, wide):
        super().__init__()
        self.squeeze = nn.Conv2d(channels_in, narrow, 1)
        self.expand1x1 = nn.Conv2d(narrow, wide, 1)
        self.expand3x3 = nn.Conv2d(narrow, wide, 3, padding=1)

    def forward(self, image):
        narrow = self.squeeze(image).relu()
        return torch.cat((self.expand1x1(narrow), self.expand3x3(narrow)), 1).relu()


class CeilPool(nn.Module):
    """A 3x3 pool of stride 2 that keeps a last, partial window.

    A row of zeros is what "ceil mode" does to the features of a ReLU, and more runtimes know it.
    """

    def forward(self, image):
        return nn.functional.max_pool2d(nn.functional.pad(image, (0, 1, 0, 1)), 3, 2)


def alex_features():
    return nn.Sequential(
        nn.Conv2d(3, 64, 11, stride=4, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(64, 192, 5, padding=2),
        nn.ReLU(),
        nn.MaxPool2d(3, 2),
        nn.Conv2d(192, 384, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(384, 256, 3, padding=1),
        nn.ReLU(),
        nn.Conv2d(256, 256, 3, padding=1),
        nn.ReLU(),
    )


def vgg_features():
    layers = []
    channels_in = 3
    for channels, convolutions in ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)):
        if layers:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(convolutions):
            layers += [nn.Conv2d(channels_in, channels, 3, padding=1), nn.ReLU()]
            channels_in = channels
    return nn.Sequential(*layers)


def squeeze_features():
    return nn.Sequential(
        nn.Conv2d(3, 64, 3, stride=2),
        nn.ReLU(),
        CeilPool(),
        Fire(64, 16, 64),
        Fire(128, 16, 64),
        CeilPool(),
        Fire(128, 32, 128),
        Fire(256, 32, 128),
        CeilPool(),
        Fire(256, 48, 192),
        Fire(384, 48, 192),
        Fire(384, 64, 256),
        Fire(512, 64, 256),
    )


def head(channels):
    """One weight for each channel; place 0 was the dropout of training."""
    convolution = nn.Conv2d(channels, 1, 1, bias=False)
    return nn.Sequential(OrderedDict(model=nn.Sequential(nn.Identity(), convolution)))


def by_channel(values):
    return torch.tensor(values).view(1, 3, 1, 1)


def unit_length(features):
    length = features.square().sum(1, keepdim=True).sqrt()
    return features / (length + NORM_EPS)


class Lpips(nn.Module):
    """`taps` are the places in `features` whose outputs are compared, with their channels."""

    def __init__(self, features, taps):
        super().__init__()
        self.features = features
        self.taps = list(taps)
        for number, channels in enumerate(taps.values()):
            self.add_module(f"lin{number}", head(channels))

    def forward(self, image0, image1):
        pairs = zip(self.tapped(image0), self.tapped(image1))
        return sum(self.layer_distance(number, *pair) for number, pair in enumerate(pairs))

    def tapped(self, image):
        image = (image - by_channel(SHIFT)) / by_channel(SCALE)
        outputs = []
        for place, layer in enumerate(self.features):
            image = layer(image)
            if place in self.taps:
                outputs.append(image)
        return outputs

    def layer_distance(self, number, features0, features1):
        squares = (unit_length(features0) - unit_length(features1)).square()
        return self.get_submodule(f"lin{number}")(squares).mean((1, 2, 3))


def net(name, features, taps):
    return Net(
        name=name,
        build=lambda: Lpips(features(), taps),
        inputs=tuple(
            Input(image, ("B", 3, "H", "W"), Uniform(-1, 1)) for image in ("image0", "image1")
        ),
        outputs={"distance": ("B",)},
        cases=({"B": 2, "H": 64, "W": 64}, {"B": 1, "H": 72, "W": 96}),
        reference="lpips 0.1.4 on a torchvision 0.29.2 trunk: 0",
    )


NETS = (
    net("lpips-alex", alex_features, {1: 64, 4: 192, 7: 384, 9: 256, 11: 256}),
    net("lpips-vgg", vgg_features, {3: 64, 8: 128, 15: 256, 22: 512, 29: 512}),
    net(
        "lpips-squeeze",
        squeeze_features,
        {1: 64, 4: 128, 7: 256, 9: 384, 10: 384, 11: 512, 12: 512},
    ),
)
