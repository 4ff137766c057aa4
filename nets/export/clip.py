"""CLIP: images and texts in one space. Its towers alone, without the norm that ends a comparison.

Paper: Radford et al. 2021, "Learning Transferable Visual Models From Natural Language Supervision",
arXiv 2103.00020.

clip-vit-b32-vision, clip-vit-l14-vision
    Checkpoint: OpenAI's `ViT-B-32.pt` and `ViT-L-14.pt`, the tensors `visual.*`. Both are TorchScript
    archives, most of their weights f16; nothing to strip.
    Input: `image` (B, 3, 224, 224), normalised with CLIP's mean and deviation.
    Output: `embedding` (B, 512) or (B, 768), its length not 1.
clip-vit-b32-text
    Checkpoint: `ViT-B-32.pt`, the tensors that do not start with `visual.`, without `logit_scale`.
    Input: `tokens` i64 (B, 77): start, words, end (49407, the largest), zeros.
    Output: `embedding` (B, 512), its length not 1.
aesthetic-head
    Checkpoint: `sa_0_4_vit_l_14_linear.pth` of LAION's aesthetic predictor; nothing to strip.
    Input: `embedding` (B, 768) of clip-vit-l14-vision.
    Output: `score` (B, 1).
"""

import torch
from torch import nn
from torch.nn import functional as F

from .attention import attend, causal_mask, join_heads, split_heads, thirds
from .net import Input, Net, Tokens, Uniform


class Attention(nn.Module):
    """Self-attention with the projections to query, key and value in one matrix."""

    def __init__(self, width, heads):
        super().__init__()
        self.heads = heads
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)

    def forward(self, tokens, mask):
        projected = F.linear(tokens, self.in_proj_weight, self.in_proj_bias)
        heads = (split_heads(part, self.heads) for part in thirds(projected))
        return self.out_proj(join_heads(attend(*heads, mask)))


class Mlp(nn.Module):
    """Two layers around QuickGELU, the sigmoid's cheap stand-in for GELU that CLIP was trained with."""

    def __init__(self, width):
        super().__init__()
        self.c_fc = nn.Linear(width, 4 * width)
        self.c_proj = nn.Linear(4 * width, width)

    def forward(self, tokens):
        hidden = self.c_fc(tokens)
        return self.c_proj(hidden * torch.sigmoid(1.702 * hidden))


class Block(nn.Module):
    def __init__(self, width, heads):
        super().__init__()
        self.attn = Attention(width, heads)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = Mlp(width)
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, tokens, mask):
        tokens = tokens + self.attn(self.ln_1(tokens), mask)
        return tokens + self.mlp(self.ln_2(tokens))


class Transformer(nn.Module):
    """A tower's blocks. All its heads are 64 wide."""

    def __init__(self, width, depth):
        super().__init__()
        self.resblocks = nn.ModuleList(Block(width, width // 64) for _ in range(depth))

    def forward(self, tokens, mask=None):
        for block in self.resblocks:
            tokens = block(tokens, mask)
        return tokens


class VisionTower(nn.Module):
    def __init__(self, patch, width, depth, embedding_width):
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(torch.empty((224 // patch) ** 2 + 1, width))
        self.proj = nn.Parameter(torch.empty(width, embedding_width))
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = Transformer(width, depth)
        self.ln_post = nn.LayerNorm(width)

    def forward(self, image):
        patches = self.conv1(image).flatten(2).transpose(1, 2)
        summary = self.class_embedding.expand(patches.shape[0], 1, -1)
        tokens = torch.cat((summary, patches), 1) + self.positional_embedding
        tokens = self.transformer(self.ln_pre(tokens))
        return self.ln_post(tokens[:, 0]) @ self.proj


class Vision(nn.Module):
    """The vision tower under the name it has in a whole CLIP."""

    def __init__(self, **sizes):
        super().__init__()
        self.visual = VisionTower(**sizes)

    def forward(self, image):
        return self.visual(image)


class TextTower(nn.Module):
    """The text tower. Each of `tokens` looks only back, so the token that ends the text has seen all of it."""

    def __init__(self, length, width, depth, embedding_width):
        super().__init__()
        self.length = length
        self.positional_embedding = nn.Parameter(torch.empty(length, width))
        self.text_projection = nn.Parameter(torch.empty(width, embedding_width))
        self.transformer = Transformer(width, depth)
        self.token_embedding = nn.Embedding(49408, width)
        self.ln_final = nn.LayerNorm(width)

    def forward(self, tokens):
        hidden = self.token_embedding(tokens) + self.positional_embedding
        hidden = self.transformer(hidden, causal_mask(self.length))
        return at_end_of_text(self.ln_final(hidden), tokens) @ self.text_projection


def at_end_of_text(hidden, tokens):
    """The row of `hidden` (B, N, width) where `tokens` (B, N) is largest, the first of equals.

    A product with ones and zeros is exact, and plainer in a graph than a gather over two axes.
    """
    places = torch.arange(int(tokens.shape[1]))
    chosen = (places == tokens.argmax(1, keepdim=True)).to(hidden.dtype)
    return (chosen.unsqueeze(1) @ hidden).squeeze(1)


class AestheticHead(nn.Module):
    """A linear layer on the embedding's direction."""

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.empty(1, 768))
        self.bias = nn.Parameter(torch.empty(1))

    def forward(self, embedding):
        length = embedding.square().sum(-1, keepdim=True).sqrt()
        return F.linear(embedding / length, self.weight, self.bias)


NORMALISED_IMAGE = Input("image", ("B", 3, 224, 224), Uniform(-2, 2))
BATCHES = ({"B": 2}, {"B": 1})

NETS = (
    Net(
        name="clip-vit-b32-vision",
        build=lambda: Vision(patch=32, width=768, depth=12, embedding_width=512),
        inputs=(NORMALISED_IMAGE,),
        outputs={"embedding": ("B", 512)},
        cases=BATCHES,
        reference="open_clip 3.3.0, ViT-B-32-quickgelu: 9.4e-7",
    ),
    Net(
        name="clip-vit-b32-text",
        build=lambda: TextTower(length=77, width=512, depth=12, embedding_width=512),
        inputs=(Input("tokens", ("B", 77), Tokens()),),
        outputs={"embedding": ("B", 512)},
        cases=BATCHES,
        reference="open_clip 3.3.0, ViT-B-32-quickgelu: 1.1e-6",
    ),
    Net(
        name="clip-vit-l14-vision",
        build=lambda: Vision(patch=14, width=1024, depth=24, embedding_width=768),
        inputs=(NORMALISED_IMAGE,),
        outputs={"embedding": ("B", 768)},
        cases=BATCHES,
        reference="open_clip 3.3.0, ViT-L-14-quickgelu: 1.0e-6",
    ),
    Net(
        name="aesthetic-head",
        build=AestheticHead,
        inputs=(Input("embedding", ("B", 768), Uniform(-2, 2)),),
        outputs={"score": ("B", 1)},
        cases=({"B": 3}, {"B": 1}),
        reference="vbench 0.1.5, its normalize and nn.Linear: 0",
    ),
)
