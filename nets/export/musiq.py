"""MUSIQ: the quality of an image from patches of it at several sizes.

Paper: Ke et al. 2021, "MUSIQ: Multi-scale Image Quality Transformer", arXiv 2108.05997.

musiq-spaq
    Checkpoint: `musiq_spaq_ckpt-358bb6af.pth` of pyiqa; a prefix `module.`, if any, is to be stripped.
    Inputs, for L patches of 32x32:
        `patches` (B, L, 3072): for each patch its red, then green, then blue pixels, row by row, in
        [-1, 1]; zeros for a patch that only fills up;
        `spatial` i64 (B, L): the patch's cell in a grid of 10x10 over the image, row * 10 + column;
        `scale` i64 (B, L): 0 for the longer side of 224, 1 for 384, 2 for the image as it is;
        `mask` f32 (B, L): 1 for a patch, 0 for a filler.
    Output: `score` (B, 1), about 0 to 100.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .attention import join_heads, split_heads
from .net import Index, Input, Mask, Net, Uniform

PATCH = 32
STEM_CHANNELS = 64
WIDTH = 384
HEADS = 6
DEPTH = 14
HIDDEN = 1152
GRID_CELLS = 100
SCALES = 3
TOKEN_CELLS = (PATCH // 4) ** 2
NORM_EPS = 1e-6
# The trained net has seen this value in place of minus infinity.
MASKED_SCORE = -1e3


class StandardConv(nn.Conv2d):
    """A convolution that takes its kernels with mean 0 and deviation 1."""

    def forward(self, image):
        centred = self.weight - self.weight.mean((1, 2, 3), keepdim=True)
        count = centred[0].numel()
        variance = centred.square().sum((1, 2, 3), keepdim=True) / (count - 1)
        return F.conv2d(image, centred / (variance.sqrt() + 1e-5), None, self.stride, self.padding)


def standard_conv(channels_in, channels_out, kernel, **options):
    return StandardConv(channels_in, channels_out, kernel, bias=False, **options)


def group_norm(channels, eps=1e-4):
    return nn.GroupNorm(32, channels, eps=eps)


class Bottleneck(nn.Module):
    def __init__(self, channels, channels_out):
        super().__init__()
        self.conv1 = standard_conv(channels, channels, 1)
        self.gn1 = group_norm(channels)
        self.conv2 = standard_conv(channels, channels, 3, padding=1)
        self.gn2 = group_norm(channels)
        self.conv3 = standard_conv(channels, channels_out, 1)
        self.gn3 = group_norm(channels_out)
        self.conv_proj = standard_conv(channels, channels_out, 1)
        self.gn_proj = group_norm(channels_out)

    def forward(self, image):
        inner = self.gn1(self.conv1(image)).relu()
        inner = self.gn2(self.conv2(inner)).relu()
        inner = self.gn3(self.conv3(inner))
        return (inner + self.gn_proj(self.conv_proj(image))).relu()


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.query = nn.Linear(WIDTH, WIDTH)
        self.key = nn.Linear(WIDTH, WIDTH)
        self.value = nn.Linear(WIDTH, WIDTH)
        self.out = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens, masked):
        layers = (self.query, self.key, self.value)
        query, key, value = (split_heads(layer(tokens), HEADS) for layer in layers)
        scores = query @ key.transpose(-2, -1) * (WIDTH // HEADS) ** -0.5
        scores = scores.masked_fill(masked, MASKED_SCORE)
        return self.out(join_heads(scores.softmax(-1) @ value))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, HIDDEN)
        self.fc2 = nn.Linear(HIDDEN, WIDTH)

    def forward(self, tokens):
        return self.fc2(F.gelu(self.fc1(tokens)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.attention = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.mlp = Mlp()

    def forward(self, tokens, masked):
        tokens = tokens + self.attention(self.norm1(tokens), masked)
        return tokens + self.mlp(self.norm2(tokens))


class SpatialTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.position_emb = nn.Parameter(torch.empty(1, GRID_CELLS, WIDTH))

    def forward(self, cells):
        return F.embedding(cells, self.position_emb[0])


class ScaleTable(nn.Module):
    def __init__(self):
        super().__init__()
        self.scale_emb = nn.Parameter(torch.empty(SCALES, WIDTH))

    def forward(self, scales):
        return F.embedding(scales, self.scale_emb)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.posembed_input = SpatialTable()
        self.scaleembed_input = ScaleTable()
        self.encoder_norm = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.transformer = nn.ModuleDict({f"encoderblock_{n}": Block() for n in range(DEPTH)})

    def forward(self, tokens, spatial, scale, mask):
        tokens = tokens + self.posembed_input(spatial) + self.scaleembed_input(scale)
        tokens = torch.cat((self.cls.expand(tokens.shape[0], -1, -1), tokens), 1)
        mask = torch.cat((torch.ones_like(mask[:, :1]), mask), 1)
        masked = (mask[:, None, :, None] * mask[:, None, None, :]) == 0
        for block in self.transformer.values():
            tokens = block(tokens, masked)
        return self.encoder_norm(tokens[:, 0])


class Musiq(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv_root = standard_conv(3, STEM_CHANNELS, 7, stride=2)
        self.gn_root = group_norm(STEM_CHANNELS, eps=1e-6)
        self.block1 = Bottleneck(STEM_CHANNELS, 4 * STEM_CHANNELS)
        self.embedding = nn.Linear(4 * STEM_CHANNELS * TOKEN_CELLS, WIDTH)
        self.transformer_encoder = Encoder()
        self.head = nn.Linear(WIDTH, 1)

    def forward(self, patches, spatial, scale, mask):
        batch, count, _ = patches.shape
        features = self.stem(patches.reshape(-1, 3, PATCH, PATCH))
        # Rows, columns, channels: the order of TensorFlow, where the weights come from.
        tokens = features.permute(0, 2, 3, 1).reshape(batch, count, -1)
        tokens = self.embedding(tokens)
        return self.head(self.transformer_encoder(tokens, spatial, scale, mask))

    def stem(self, image):
        """Each halving pads as TensorFlow's "same" does: more behind than in front."""
        image = self.gn_root(self.conv_root(F.pad(image, (2, 3, 2, 3)))).relu()
        return self.block1(F.max_pool2d(F.pad(image, (0, 1, 0, 1)), 3, 2))


NETS = (
    Net(
        name="musiq-spaq",
        build=Musiq,
        inputs=(
            Input("patches", ("B", "L", 3 * PATCH * PATCH), Uniform(-1, 1)),
            Input("spatial", ("B", "L"), Index(GRID_CELLS)),
            Input("scale", ("B", "L"), Index(SCALES)),
            Input("mask", ("B", "L"), Mask(zeros=3)),
        ),
        outputs={"score": ("B", 1)},
        cases=({"B": 2, "L": 20}, {"B": 1, "L": 33}),
        reference="pyiqa 0.1.16, archs/musiq_arch.py: 5.8e-7",
    ),
)
