"""ViCLIP-L: videos and texts in one space. Its towers alone, without the norm that ends a comparison.

Paper: Wang et al. 2023, "InternVid: A Large-scale Video-Text Dataset for Multimodal Understanding and
Generation", arXiv 2307.06942.

viclip-l-vision, viclip-l-text
    Checkpoint: `ViClip-InternVid-10M-FLT.pth`, its tensors under the key `model`; nothing else to strip.
    Inputs: `video` (B, 8, 3, 224, 224), normalised with CLIP's mean and deviation; `tokens` i64
    (B, 32): start, words, end (49407, the largest), zeros.
    Output of both: `embedding` (B, 768), its length not 1.
"""

import torch
from torch import nn

from .clip import TextTower, Transformer
from .net import Input, Net, Tokens, Uniform

FRAMES = 8
PATCH = 14
PATCHES = (224 // PATCH) ** 2
WIDTH = 1024
EMBEDDING_WIDTH = 768
TEXT_LENGTH = 32


class VideoTower(nn.Module):
    """CLIP's vision tower over the patches of all frames at once, with one class token for them."""

    def __init__(self):
        super().__init__()
        self.class_embedding = nn.Parameter(torch.empty(WIDTH))
        self.positional_embedding = nn.Parameter(torch.empty(PATCHES + 1, WIDTH))
        self.temporal_positional_embedding = nn.Parameter(torch.empty(1, FRAMES, WIDTH))
        self.proj = nn.Parameter(torch.empty(WIDTH, EMBEDDING_WIDTH))
        kernel = (1, PATCH, PATCH)
        self.conv1 = nn.Conv3d(3, WIDTH, kernel, stride=kernel, bias=False)
        self.ln_pre = nn.LayerNorm(WIDTH)
        self.transformer = Transformer(WIDTH, depth=24)
        self.ln_post = nn.LayerNorm(WIDTH)

    def forward(self, video):
        # (B, width, frames, rows, columns) to (B, frames, patches, width).
        patches = self.conv1(video.transpose(1, 2)).flatten(3).permute(0, 2, 3, 1)
        patches = patches + self.positional_embedding[1:]
        patches = patches + self.temporal_positional_embedding.unsqueeze(2)
        summary = self.class_embedding + self.positional_embedding[0]
        summary = summary.expand(patches.shape[0], 1, -1)
        tokens = torch.cat((summary, patches.flatten(1, 2)), 1)
        tokens = self.transformer(self.ln_pre(tokens))
        return self.ln_post(tokens[:, 0]) @ self.proj


class Vision(nn.Module):
    """The video tower under the name it has in a whole ViCLIP."""

    def __init__(self):
        super().__init__()
        self.vision_encoder = VideoTower()

    def forward(self, video):
        return self.vision_encoder(video)


class Text(nn.Module):
    """The text tower under the name it has in a whole ViCLIP."""

    def __init__(self):
        super().__init__()
        self.text_encoder = TextTower(TEXT_LENGTH, 768, 12, EMBEDDING_WIDTH)

    def forward(self, tokens):
        return self.text_encoder(tokens)


NETS = (
    Net(
        name="viclip-l-vision",
        build=Vision,
        inputs=(Input("video", ("B", FRAMES, 3, 224, 224), Uniform(-2, 2)),),
        outputs={"embedding": ("B", EMBEDDING_WIDTH)},
        cases=({"B": 2}, {"B": 1}),
        reference="vbench 0.1.5, third_party/ViCLIP: 1.3e-6",
    ),
    Net(
        name="viclip-l-text",
        build=Text,
        inputs=(Input("tokens", ("B", TEXT_LENGTH), Tokens()),),
        outputs={"embedding": ("B", EMBEDDING_WIDTH)},
        cases=({"B": 2}, {"B": 1}),
        reference="vbench 0.1.5, third_party/ViCLIP: 1.0e-6",
    ),
)
