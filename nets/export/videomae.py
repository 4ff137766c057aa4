"""The video transformers of the VideoMAE family: UMT for actions, VideoMAE v2 for the Frechet distance.

Papers: Tong et al. 2022, "VideoMAE: Masked Autoencoders are Data-Efficient Learners for Self-Supervised
Video Pre-Training", arXiv 2203.12602; Wang et al. 2023, "VideoMAE V2: Scaling Video Masked Autoencoders
with Dual Masking", arXiv 2303.16727; Li et al. 2023, "Unmasked Teacher: Towards Training-Efficient Video
Foundation Models", arXiv 2303.16058.

Both add a table `pos_embed` of sines to the patches. It is an input, for the host to compute. With `N`
places and width `D`, in f64 and rounded to f32 at the end:

    table[p][2 * i]     = sin(p / 10000^(2 * i / D))
    table[p][2 * i + 1] = cos(p / 10000^(2 * i / D))

umt-l16
    Checkpoint: `l16_ptk710_ftk710_ftk400_f16_res224.pth`; a wrapper key `model` or `module`, if any, is
    to be stripped. It may hold a `pos_embed`, which is then this table.
    Inputs: `video` (B, 3, 16, 224, 224), normalised with ImageNet's mean and deviation; `pos_embed`
    (1, 3136, 1024): the table for 8 * 14 * 14 places, stretched from 8 to 16 frames by PyTorch's linear
    interpolation (frame t reads (t + 0.5) / 2 - 0.5, held inside 0..7); its places go frame by frame,
    row by row.
    Output: `logits` (B, 400) for Kinetics-400.
videomae-g
    Checkpoint: `vit_g_hybrid_pt_1200e_ssv2_ft.pth`, its tensors under the key `module` (or `model`);
    nothing else to strip. The graph leaves `head.*` out.
    Inputs: `video` (B, 3, 16, 224, 224), in [0, 1] for the content-debiased FVD; `pos_embed`
    (1, 2048, 1408): the table for 8 * 16 * 16 places, pairs of frames then rows then columns.
    Output: `features` (B, 1408), the mean of all tokens after the norm `fc_norm`.
"""

import torch
from torch import nn
from torch.nn import functional as F

from .attention import attend, join_heads, split_heads, thirds
from .net import Input, Net, Uniform

NORM_EPS = 1e-6
HEADS = 16


class Attention(nn.Module):
    """Self-attention whose keys have no bias."""

    def __init__(self, width):
        super().__init__()
        self.q_bias = nn.Parameter(torch.empty(width))
        self.v_bias = nn.Parameter(torch.empty(width))
        self.qkv = nn.Linear(width, 3 * width, bias=False)
        self.proj = nn.Linear(width, width)

    def forward(self, tokens):
        query, key, value = thirds(self.qkv(tokens))
        parts = (query + self.q_bias, key, value + self.v_bias)
        return self.proj(join_heads(attend(*(split_heads(part, HEADS) for part in parts))))


class Mlp(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.fc1 = nn.Linear(width, hidden)
        self.fc2 = nn.Linear(hidden, width)

    def forward(self, tokens):
        return self.fc2(F.gelu(self.fc1(tokens)))


class Block(nn.Module):
    def __init__(self, width, hidden):
        super().__init__()
        self.norm1 = nn.LayerNorm(width, eps=NORM_EPS)
        self.attn = Attention(width)
        self.norm2 = nn.LayerNorm(width, eps=NORM_EPS)
        self.mlp = Mlp(width, hidden)

    def forward(self, tokens):
        tokens = tokens + self.attn(self.norm1(tokens))
        return tokens + self.mlp(self.norm2(tokens))


class PatchEmbed(nn.Module):
    def __init__(self, width, kernel):
        super().__init__()
        self.proj = nn.Conv3d(3, width, kernel, stride=kernel)

    def forward(self, video):
        return self.proj(video).flatten(2).transpose(1, 2)


class VideoTransformer(nn.Module):
    """`kernel` is the size of a patch: frames, rows, columns. Without `classes` there is no head."""

    def __init__(self, kernel, width, depth, hidden, classes=None):
        super().__init__()
        self.patch_embed = PatchEmbed(width, kernel)
        self.blocks = nn.ModuleList(Block(width, hidden) for _ in range(depth))
        self.fc_norm = nn.LayerNorm(width, eps=NORM_EPS)
        self.head = nn.Linear(width, classes) if classes else nn.Identity()

    def forward(self, video, pos_embed):
        tokens = self.patch_embed(video) + pos_embed
        for block in self.blocks:
            tokens = block(tokens)
        return self.head(self.fc_norm(tokens.mean(1)))


NETS = (
    Net(
        name="umt-l16",
        build=lambda: VideoTransformer((1, 16, 16), width=1024, depth=24, hidden=4096, classes=400),
        inputs=(
            Input("video", ("B", 3, 16, 224, 224), Uniform(-2, 2)),
            Input("pos_embed", (1, 16 * 14 * 14, 1024), Uniform(-1, 1)),
        ),
        outputs={"logits": ("B", 400)},
        cases=({"B": 1}, {"B": 2}),
        reference="vbench 0.1.5, third_party/umt: 2.7e-7",
    ),
    Net(
        name="videomae-g",
        build=lambda: VideoTransformer((2, 14, 14), width=1408, depth=40, hidden=6144),
        inputs=(
            Input("video", ("B", 3, 16, 224, 224), Uniform(0, 1)),
            Input("pos_embed", (1, 8 * 16 * 16, 1408), Uniform(-1, 1)),
        ),
        outputs={"features": ("B", 1408)},
        cases=({"B": 1}, {"B": 2}),
        reference="cd-fvd 0.1.1, third_party/VideoMAEv2: 1.4e-7",
    ),
)
