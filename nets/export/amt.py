"""AMT-S: the frame half-way between two frames.

Paper: Li et al. 2023, "AMT: All-Pairs Multi-Field Transforms for Efficient Frame Interpolation",
arXiv 2304.09790.

amt-s
    Checkpoint: `amt-s.pth`, its tensors under the key `state_dict`; nothing else to strip.
    Inputs: `img0` and `img1` (B, 3, H, W) in [0, 1], RGB, H and W multiples of 16 and at least 128:
    below, the coarsest of the four levels of correlations is one pixel and the result not a number.
    Output: `middle` (B, 3, H, W) in [0, 1].

The time is fixed at one half and the flow is found at the full size (a scale factor of 1).
"""

import torch
from torch import nn
from torch.nn import functional as F

from .net import Input, Net, Uniform
from .sampling import correlations, looked_up, pixel_places, pyramid, sampled

TIME = 0.5
LEVELS = 4
RADIUS = 3
FLOWS = 3
# Channels of the features at a half, a quarter, an eighth and a sixteenth of the size.
CHANNELS = (20, 32, 44, 56)
SIDE_CHANNELS = 20
LEAK = 0.1


def resized(image, factor):
    return F.interpolate(image, scale_factor=factor, mode="bilinear", align_corners=False)


def resized_flow(flow, factor):
    """Resizes a flow: its values, in pixels, grow with the image."""
    return factor * resized(flow, factor)


def warped(image, flow):
    """Reads `image` where `flow` points; outside, the border is repeated."""
    places = (pixel_places(image) + flow).permute(0, 2, 3, 1)
    return sampled(image, places, outside="border")


def conv(channels_in, channels_out, kernel=3, stride=1):
    return nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2)


def conv_prelu(channels_in, channels_out, stride=1):
    return nn.Sequential(conv(channels_in, channels_out, 3, stride), nn.PReLU(channels_out))


class Bottleneck(nn.Module):
    """A residual block, narrow in its middle. Instance norm has no weights here."""

    def __init__(self, channels_in, channels, stride):
        super().__init__()
        self.conv1 = conv(channels_in, channels // 4, 1)
        self.conv2 = conv(channels // 4, channels // 4, 3, stride)
        self.conv3 = conv(channels // 4, channels, 1)
        self.downsample = nn.Identity()
        if stride > 1:
            shortcut = conv(channels_in, channels, 1, stride)
            self.downsample = nn.Sequential(shortcut, nn.InstanceNorm2d(channels))

    def forward(self, image):
        inner = image
        for layer in (self.conv1, self.conv2, self.conv3):
            inner = F.instance_norm(layer(inner)).relu()
        return (self.downsample(image) + inner).relu()


class CorrelationEncoder(nn.Module):
    """Features to correlate, at an eighth of the size."""

    def __init__(self):
        super().__init__()
        self.conv1 = conv(3, 32, 7, 2)
        self.layer1 = nn.Sequential(Bottleneck(32, 32, 1), Bottleneck(32, 32, 1))
        self.layer2 = nn.Sequential(Bottleneck(32, 64, 2), Bottleneck(64, 64, 1))
        self.layer3 = nn.Sequential(Bottleneck(64, 96, 2), Bottleneck(96, 96, 1))
        self.conv2 = conv(96, 84, 1)

    def forward(self, image):
        image = F.instance_norm(self.conv1(image)).relu()
        return self.conv2(self.layer3(self.layer2(self.layer1(image))))


class PyramidEncoder(nn.Module):
    """Features to decode, each level half the size of the one before."""

    def __init__(self):
        super().__init__()
        width = 3
        for level, channels in enumerate(CHANNELS, 1):
            pair = nn.Sequential(conv_prelu(width, channels, 2), conv_prelu(channels, channels))
            self.add_module(f"pyramid{level}", pair)
            width = channels

    def forward(self, image):
        features = []
        for level in self.children():
            image = level(image)
            features.append(image)
        return features


class SideResidual(nn.Module):
    """Five convolutions, two of which see only the last channels."""

    def __init__(self, channels):
        super().__init__()
        self.conv1 = conv_prelu(channels, channels)
        self.conv2 = conv_prelu(SIDE_CHANNELS, SIDE_CHANNELS)
        self.conv3 = conv_prelu(channels, channels)
        self.conv4 = conv_prelu(SIDE_CHANNELS, SIDE_CHANNELS)
        self.conv5 = conv(channels, channels)
        self.prelu = nn.PReLU(channels)

    def forward(self, image):
        inner = self.conv3(at_side(self.conv2, self.conv1(image)))
        return self.prelu(image + self.conv5(at_side(self.conv4, inner)))


def at_side(layer, image):
    return torch.cat((image[:, :-SIDE_CHANNELS], layer(image[:, -SIDE_CHANNELS:])), 1)


class Decoder(nn.Module):
    """From one level to the next finer one, which has twice the size."""

    def __init__(self, channels_in, channels, channels_out):
        super().__init__()
        self.convblock = nn.Sequential(
            conv_prelu(channels_in, channels),
            SideResidual(channels),
            nn.ConvTranspose2d(channels, channels_out, 4, 2, 1),
        )

    def forward(self, *features):
        return self.convblock(torch.cat(features, 1))


class UpdateBlock(nn.Module):
    """Corrects features and flows with what the correlations show, at an eighth of the size."""

    def __init__(self, channels, factor):
        super().__init__()
        self.factor = factor
        self.convc1 = conv(2 * LEVELS * (2 * RADIUS + 1) ** 2, 64, 1)
        self.convf1 = conv(4, 40, 7)
        self.convf2 = conv(40, 20)
        self.conv = conv(64 + 20, 68)
        self.gru = self.pair(68 + 4 + channels, 76)
        self.feat_head = self.pair(76, channels)
        self.flow_head = self.pair(76, 4)

    @staticmethod
    def pair(channels_in, channels_out):
        return nn.Sequential(conv(channels_in, 76), nn.LeakyReLU(LEAK), conv(76, channels_out))

    def forward(self, features, flow, correlation):
        if self.factor > 1:
            features = resized(features, 1 / self.factor)
        seen = torch.cat((self.leaky(self.convc1, correlation), self.encoded(flow)), 1)
        hidden = self.gru(torch.cat((self.leaky(self.conv, seen), flow, features), 1))
        change, flow_change = self.feat_head(hidden), self.flow_head(hidden)
        if self.factor > 1:
            change = resized(change, self.factor)
            flow_change = resized_flow(flow_change, self.factor)
        return change, flow_change

    def encoded(self, flow):
        return self.leaky(self.convf2, self.leaky(self.convf1, flow))

    @staticmethod
    def leaky(layer, image):
        return F.leaky_relu(layer(image), LEAK)


class AmtS(nn.Module):
    def __init__(self):
        super().__init__()
        half, quarter, eighth, sixteenth = CHANNELS
        self.feat_encoder = CorrelationEncoder()
        self.encoder = PyramidEncoder()
        self.decoder4 = Decoder(2 * sixteenth + 1, 2 * sixteenth, 4 + eighth)
        self.decoder3 = Decoder(3 * eighth + 4, 3 * eighth, 4 + quarter)
        self.decoder2 = Decoder(3 * quarter + 4, 3 * quarter, 4 + half)
        self.decoder1 = Decoder(3 * half + 4, 3 * half, 8 * FLOWS)
        self.update4 = UpdateBlock(eighth, 1)
        self.update3 = UpdateBlock(quarter, 2)
        self.update2 = UpdateBlock(half, 4)
        self.comb_block = nn.Sequential(
            conv(3 * FLOWS, 6 * FLOWS), nn.PReLU(6 * FLOWS), conv(6 * FLOWS, 3)
        )

    def forward(self, img0, img1):
        mean = torch.cat((img0, img1), 2).mean((1, 2, 3), keepdim=True)
        img0, img1 = img0 - mean, img1 - mean
        volumes = correlation_pyramids(self.feat_encoder(img0), self.feat_encoder(img1))
        features0, features1 = self.encoder(img0), self.encoder(img1)

        time = torch.full_like(features0[3][:, :1], TIME)
        decoded = self.decoder4(features0[3], features1[3], time)
        features, flows = self.updated(self.update4, volumes, decoded[:, 4:], decoded[:, :4])
        for level, decoder, update in (
            (2, self.decoder3, self.update3),
            (1, self.decoder2, self.update2),
        ):
            decoded = decoder(*decoder_inputs(features, features0[level], features1[level], flows))
            finer = decoded[:, :4] + resized_flow(flows, 2)
            features, flows = self.updated(update, volumes, decoded[:, 4:], finer)
        decoded = self.decoder1(*decoder_inputs(features, features0[0], features1[0], flows))
        return self.blended(img0, img1, mean, decoded, resized_flow(flows, 2))

    @staticmethod
    def updated(block, volumes, features, flows):
        """`flows` (B, 4, H, W) points from the middle frame to the first, then to the last."""
        coarse = resized_flow(flows, 1 / block.factor) if block.factor > 1 else flows
        change, flow_change = block(features, coarse, correlation_at(volumes, coarse))
        return features + change, flows + flow_change

    def blended(self, img0, img1, mean, decoded, flows):
        """The mean of three estimates, each with its own flows, mask and remainder, then a correction."""
        n = FLOWS
        changes0, changes1, masks, rests = decoded.split((2 * n, 2 * n, n, 3 * n), 1)
        masks = masks.sigmoid()
        estimates = []
        for k in range(n):
            warped0 = warped(img0, changes0[:, 2 * k : 2 * k + 2] + flows[:, :2])
            warped1 = warped(img1, changes1[:, 2 * k : 2 * k + 2] + flows[:, 2:])
            mask = masks[:, k : k + 1]
            mixed = mask * warped0 + (1 - mask) * warped1
            estimates.append(mixed + mean + rests[:, 3 * k : 3 * k + 3])
        correction = self.comb_block(torch.cat(estimates, 1))
        return (sum(estimates) / n + correction).clamp(0, 1)


def decoder_inputs(features, features0, features1, flows):
    flow0, flow1 = flows.split(2, 1)
    return features, warped(features0, flow0), warped(features1, flow1), flow0, flow1


def correlation_pyramids(features0, features1):
    """Correlates each place of the first image with the second, and the other way round."""
    volume = correlations(features0, features1)
    return (
        pyramid(volume, features1, LEVELS),
        pyramid(volume.transpose(1, 2), features0, LEVELS),
    )


def correlation_at(volumes, flows):
    """The correlations at the places where `flows` point, when carried on to the other end of the time."""
    flow0, flow1 = flows.split(2, 1)
    places = pixel_places(flows)
    seen0 = looked_up(volumes[0], places + flow1 / TIME, RADIUS)
    seen1 = looked_up(volumes[1], places + flow0 / (1 - TIME), RADIUS)
    return torch.cat((seen0, seen1), 1)


NETS = (
    Net(
        name="amt-s",
        build=AmtS,
        inputs=tuple(Input(name, ("B", 3, "H", "W"), Uniform(0, 1)) for name in ("img0", "img1")),
        outputs={"middle": ("B", 3, "H", "W")},
        cases=({"B": 1, "H": 128, "W": 160}, {"B": 2, "H": 144, "W": 128}),
        reference="vbench 0.1.5, third_party/amt: 7.6e-6",
    ),
)
