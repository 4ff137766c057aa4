"""DINO ViT-B/16: a self-supervised vision transformer, for the consistency of a subject.

Paper: Caron et al. 2021, "Emerging Properties in Self-Supervised Vision Transformers",
arXiv 2104.14294.

dino-vitb16
    Checkpoint: `dino_vitbase16_pretrain.pth`; nothing to strip. Its `pos_embed` (1, 197, 768) is not
    in the graph: the host interpolates it to the image's grid and gives it as an input.
    Inputs: `image` (B, 3, H, W), normalised, H and W multiples of 16; `pos_embed`
    (1, N, 768) with N = 1 + H/16 * W/16, the first row for the class token, then the patches row by row.
    Output: `cls` (B, 768), the class token after the last norm.
"""

import torch
from torch import nn

from .attention import attend, join_heads, split_heads, thirds
from .net import Input, Net, Uniform

WIDTH = 768
HEADS = 12
DEPTH = 12
PATCH = 16
NORM_EPS = 1e-6


class PatchEmbed(nn.Module):
    def __init__(self):
        super().__init__()
        self.proj = nn.Conv2d(3, WIDTH, PATCH, stride=PATCH)

    def forward(self, image):
        return self.proj(image).flatten(2).transpose(1, 2)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.qkv = nn.Linear(WIDTH, 3 * WIDTH)
        self.proj = nn.Linear(WIDTH, WIDTH)

    def forward(self, tokens):
        heads = (split_heads(part, HEADS) for part in thirds(self.qkv(tokens)))
        return self.proj(join_heads(attend(*heads)))


class Mlp(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(WIDTH, 4 * WIDTH)
        self.fc2 = nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, tokens):
        return self.fc2(nn.functional.gelu(self.fc1(tokens)))


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.norm1 = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.attn = Attention()
        self.norm2 = nn.LayerNorm(WIDTH, eps=NORM_EPS)
        self.mlp = Mlp()

    def forward(self, tokens):
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class Dino(nn.Module):
    def __init__(self):
        super().__init__()
        self.cls_token = nn.Parameter(torch.empty(1, 1, WIDTH))
        self.patch_embed = PatchEmbed()
        self.blocks = nn.ModuleList(Block() for _ in range(DEPTH))
        self.norm = nn.LayerNorm(WIDTH, eps=NORM_EPS)

    def forward(self, image, pos_embed):
        patches = self.patch_embed(image)
        summary = self.cls_token.expand(patches.shape[0], -1, -1)
        tokens = torch.cat((summary, patches), 1) + pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        return self.norm(tokens[:, 0])


NETS = (
    Net(
        name="dino-vitb16",
        build=Dino,
        inputs=(
            Input("image", ("B", 3, "H", "W"), Uniform(-2, 2)),
            Input("pos_embed", (1, "N", WIDTH), Uniform(-0.1, 0.1)),
        ),
        outputs={"cls": ("B", WIDTH)},
        cases=({"B": 2, "H": 96, "W": 160, "N": 61}, {"B": 1, "H": 224, "W": 224, "N": 197}),
        reference="timm 1.0.31, vit_base_patch16_224.dino: 7.3e-7",
    ),
)
