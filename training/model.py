"""The networks of the embedded text-to-video model: autoencoder, denoiser, classifier, and the sampler.

Only operations that ONNX Runtime and tract both run well: Conv2d, MatMul, RMS norm by hand, SiLU, Softmax, reshapes.
Activations are stored as [N, H, W, C] or [N, positions, C], so that norms and linear layers read contiguous values.
"""

import math

import torch
import torch.nn.functional as F
from torch import nn

FRAMES, SIZE = 16, 64
CHUNK = 4  # frames that one latent frame stands for
FRAME_CHANNELS = 8  # latent channels of one frame; a chunk stacks those of its frames
LATENT = (FRAMES // CHUNK, CHUNK * FRAME_CHANNELS, 8, 8)  # [T, C, H, W]
POSITIONS = LATENT[0] * LATENT[2] * LATENT[3]
CARDINALITIES = (2, 6, 3, 4, 4)  # size, colour, shape, motion, background; the index after the last means "not given"
NAMES = ("size", "color", "shape", "motion", "background")


ROW = 192  # a multiple of every width here, and of the 64 numbers that tract's kernel for repeated rows asks for


def scaled(x, factor, offset=None):
    """x times a factor, plus an offset, for each channel. The same as x * factor + offset, in rows of 192 numbers."""
    def wide(row):
        return row.repeat(*[1] * (row.dim() - 1), ROW // x.shape[-1])

    shape = [int(n) for n in x.shape[1:]]
    y = x.reshape(-1, math.prod(shape) // ROW, ROW) * wide(factor)
    return (y if offset is None else y + wide(offset)).reshape(-1, *shape)


def conv(layer, x):
    """A convolution of [N, H, W, C]."""
    return layer(x.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)


def conv_of_slices(layer, x):
    """A 3x3 convolution of a small [N, H, W, C]. ONNX gets nine shifted slices in one product: faster in tract."""
    if not torch.onnx.is_in_onnx_export():
        return conv(layer, x)
    rows, columns = int(x.shape[1]), int(x.shape[2])
    padded = F.pad(x, (0, 0, 1, 1, 1, 1))
    slices = [padded[:, i : i + rows, j : j + columns] for i in range(3) for j in range(3)]
    weight = layer.weight.permute(0, 2, 3, 1).reshape(layer.out_channels, -1)
    return F.linear(torch.cat(slices, -1), weight, layer.bias)


class RmsNorm(nn.Module):
    """Root-mean-square norm over the last dimension."""

    def __init__(self, width):
        super().__init__()
        self.gain = nn.Parameter(torch.ones(width))

    def without_gain(self, x):
        if torch.onnx.is_in_onnx_export():
            return x * torch.reciprocal(torch.sqrt((x * x).mean(-1, keepdim=True) + 1e-6))
        return F.rms_norm(x, self.gain.shape, eps=1e-6)

    def forward(self, x):
        return scaled(self.without_gain(x), self.gain)


class ResBlock(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.norm1, self.norm2 = RmsNorm(width), RmsNorm(width)
        self.conv1 = nn.Conv2d(width, width, 3, padding=1)
        self.conv2 = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        h = conv(self.conv1, F.silu(self.norm1(x)))
        return x + conv(self.conv2, F.silu(self.norm2(h)))


class PixelShuffle(nn.Module):
    """[N, H, W, 4 C] -> [N, 2 H, 2 W, C], channels in the order of torch's pixel shuffle."""

    def forward(self, x):
        h, w, c = (int(n) for n in x.shape[1:])
        return x.reshape(-1, h, w, c // 4, 2, 2).permute(0, 1, 4, 2, 5, 3).reshape(-1, 2 * h, 2 * w, c // 4)


def along(layers, x):
    """Runs layers over [N, H, W, C]."""
    for layer in layers:
        x = conv(layer, x) if isinstance(layer, nn.Conv2d) else layer(x)
    return x


class Encoder(nn.Module):
    """Frames [N, 3, 64, 64] in [0, 1] -> latents [N, 8, 8, 8]. Not shipped."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.PixelUnshuffle(4),
            nn.Conv2d(48, 48, 3, padding=1),
            ResBlock(48),
            nn.Conv2d(48, 96, 3, stride=2, padding=1),
            ResBlock(96),
            nn.Conv2d(96, FRAME_CHANNELS, 1),
        )
        # Unit variance per channel, so that the diffusion needs no further scaling.
        self.unit = nn.BatchNorm2d(FRAME_CHANNELS, affine=False, momentum=0.01)

    def forward(self, frames):
        x = self.net[0](frames * 2 - 1).permute(0, 2, 3, 1)
        return self.unit(along(self.net[1:], x).permute(0, 3, 1, 2).float())


class Decoder(nn.Module):
    """Latents of single frames [N, 8, 8, 8] -> frames [N, 3, 64, 64] in [0, 1]."""

    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(
            nn.Conv2d(FRAME_CHANNELS, 96, 3, padding=1),
            ResBlock(96),
            nn.Conv2d(96, 192, 1),
            PixelShuffle(),
            ResBlock(48),
            nn.Conv2d(48, 96, 1),
            PixelShuffle(),
            ResBlock(24),
            nn.Conv2d(24, 12, 3, padding=1),
            PixelShuffle(),
        )

    def unclamped(self, z):
        return along(self.net, z.permute(0, 2, 3, 1)).permute(0, 3, 1, 2).float() * 0.5 + 0.5

    def forward(self, z):
        return self.unclamped(z).clamp(0, 1)

    def clips(self, z):
        """Latent clips [N, 4, 32, 8, 8] -> clips [N, 16, 3, 64, 64] in [0, 1]."""
        return self(z.reshape(-1, FRAME_CHANNELS, *LATENT[2:])).reshape(-1, FRAMES, 3, SIZE, SIZE)


class Attention(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.width, self.heads = width, heads
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.out = nn.Linear(width, width)

    def forward(self, x):
        size = self.width // self.heads
        qkv = self.qkv(x).reshape(-1, POSITIONS, 3, self.heads, size).permute(2, 0, 3, 1, 4)
        q, k, v = qkv[0], qkv[1], qkv[2]
        scores = torch.matmul(q, k.transpose(-1, -2)) * size**-0.5
        mixed = torch.matmul(torch.softmax(scores, -1), v)
        return self.out(mixed.transpose(1, 2).reshape(-1, POSITIONS, self.width))


class Block(nn.Module):
    """Spatial convolution, mixing over time at each place, maybe attention over all positions, and an MLP."""

    def __init__(self, width, cond, attends, heads=3):
        super().__init__()
        t, self.width = LATENT[0], width
        self.film = nn.Linear(cond, 4 * width)
        self.norm1, self.norm3 = RmsNorm(width), RmsNorm(width)
        self.norm2 = RmsNorm(width) if attends else None
        self.conv = nn.Conv2d(width, width, 3, padding=1)
        self.time_in = nn.Linear(t * width, 2 * width)
        self.time_out = nn.Linear(2 * width, t * width)
        self.attention = Attention(width, heads) if attends else None
        self.mlp_in = nn.Linear(width, 2 * width)
        self.mlp_out = nn.Linear(2 * width, width)
        for layer in (self.time_out, self.mlp_out, *([self.attention.out] if attends else [])):
            nn.init.zeros_(layer.weight)
            nn.init.zeros_(layer.bias)

    def forward(self, x, cond):
        t, _, rows, columns = LATENT
        places, c = rows * columns, self.width
        film = self.film(cond).reshape(-1, 4, 1, c)
        # The gain is multiplied into the factor, which is one row and not 256.
        h = F.silu(scaled(self.norm1.without_gain(x), self.norm1.gain * (1 + film[:, 0]), film[:, 1]))
        h = conv_of_slices(self.conv, h.reshape(-1, rows, columns, c))
        h = F.silu(h).reshape(-1, t, places, c).transpose(1, 2).reshape(-1, places, t * c)
        h = self.time_out(F.silu(self.time_in(h)))
        x = x + h.reshape(-1, places, t, c).transpose(1, 2).reshape(-1, POSITIONS, c)
        if self.attention is not None:
            x = x + self.attention(self.norm2(x))
        h = scaled(self.norm3.without_gain(x), self.norm3.gain * (1 + film[:, 2]), film[:, 3])
        return x + self.mlp_out(F.silu(self.mlp_in(h)))


class Denoiser(nn.Module):
    """(z [B, 4, 32, 8, 8], s [B], attributes int64 [B, 5]) -> estimate of the clean latent, same shape as z."""

    def __init__(self, width=96, depth=5, cond=160):
        super().__init__()
        t, channels, rows, columns = LATENT
        self.embed_in = nn.Linear(channels, width)
        self.position = nn.Parameter(torch.randn(POSITIONS, width) * 0.1)
        self.attributes = nn.ModuleList(nn.Embedding(n + 1, cond) for n in CARDINALITIES)
        for table in self.attributes:
            nn.init.normal_(table.weight, std=0.3)
        self.time = nn.Sequential(nn.Linear(64, cond), nn.SiLU(), nn.Linear(cond, cond))
        frequencies = torch.exp(torch.linspace(0, math.log(200.0), 32))
        self.register_buffer("frequencies", frequencies)
        self.blocks = nn.ModuleList(Block(width, cond, attends=i % 2 == 1) for i in range(depth))
        self.norm = RmsNorm(width)
        self.out = nn.Linear(width, channels)
        nn.init.zeros_(self.out.weight)
        nn.init.zeros_(self.out.bias)

    def forward(self, z, s, attributes):
        t, channels, rows, columns = LATENT
        angle = s.unsqueeze(1) * self.frequencies
        cond = self.time(torch.cat([torch.sin(angle), torch.cos(angle)], 1))
        for i, table in enumerate(self.attributes):
            cond = cond + table(attributes[:, i])
        cond = F.silu(cond)
        tokens = z.reshape(-1, t, channels, rows * columns).transpose(2, 3).reshape(-1, POSITIONS, channels)
        x = self.embed_in(tokens) + self.position
        for block in self.blocks:
            x = block(x, cond)
        x = self.out(self.norm(x)).float()
        return x.reshape(-1, t, rows * columns, channels).transpose(2, 3).reshape(-1, *LATENT)


class Classifier(nn.Module):
    """Clip [B, 16, 3, 64, 64] in [0, 1] -> 64 features, for the Frechet distance, and five logit vectors."""

    def __init__(self):
        super().__init__()
        layers, width = [], 3 * CHUNK
        for out in (24, 48, 64, 64):
            layers += [nn.Conv2d(width, out, 3, stride=2, padding=1), nn.SiLU()]
            width = out
        self.convs = nn.Sequential(*layers)
        self.chunk = nn.Linear(64 * 4 * 4, 64)
        self.hidden = nn.Linear(64 * FRAMES // CHUNK, 128)
        self.features = nn.Linear(128, 64)
        self.heads = nn.ModuleList(nn.Linear(64, n) for n in CARDINALITIES)

    def forward(self, clip):
        h = self.convs(clip.reshape(-1, 3 * CHUNK, SIZE, SIZE) * 2 - 1)
        h = F.silu(self.chunk(h.reshape(-1, 64 * 4 * 4)))
        h = F.silu(self.hidden(h.reshape(-1, 64 * FRAMES // CHUNK)))
        features = torch.tanh(self.features(h))  # bounded, so that no outlier rules their covariance
        return (features, *(head(features) for head in self.heads))


def shifted(u, shift):
    """Moves a uniform noise level towards the noisy end; 0 and 1 stay."""
    return shift * u / (1 + (shift - 1) * u)


def sample(denoiser, attributes, noise, steps, guidance, shift):
    """Euler steps from noise (s = 1) to the latent (s = 0) along z = (1 - s) x + s e."""
    levels = [shifted(1 - i / steps, shift) for i in range(steps + 1)]
    null = torch.tensor(CARDINALITIES).expand_as(attributes)
    z = noise
    for s, following in zip(levels, levels[1:]):
        level = torch.full((len(z),), s, dtype=torch.float32)
        x = denoiser(z, level, attributes)
        if guidance != 1:
            unguided = denoiser(z, level, null)
            x = unguided + guidance * (x - unguided)
        z = x + (following / s) * (z - x)
    return z
