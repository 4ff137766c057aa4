"""C3D trained on UCF-101: a classifier of short videos, for the inception score of videos.

Paper: Tran et al. 2015, "Learning Spatiotemporal Features with 3D Convolutional Networks",
arXiv 1412.0767. The score: Saito et al. 2020, "Train Sparsely, Generate Densely: Memory-efficient
Unsupervised Training of High-resolution Temporal GAN", arXiv 1811.09245 (TGAN v2).

c3d-ucf101
    Checkpoint: TGAN v2's `conv3d_deepnetA_ucf.npz`, written by Chainer: entries as `conv1a/W` and `conv1a/b`
    for `conv1a.weight` and `conv1a.bias`. The mean volume is in `mean2.npz`, of which rows and columns 8 to
    120 are taken; it is not in the graph. StyleGAN-V's TorchScript archive `c3d_ucf101.pt` has names that
    are not known from any public source.
    Input: `video` (B, 3, 16, 112, 112): blue, green, red in 0..255, less the mean volume.
    Output: `logits` (B, 101), before the softmax.

Each pool keeps a last, partial window, which is how 7 becomes 4 before the first linear layer.
"""

from torch import nn
from torch.nn import functional as F

from .net import Input, Net, Uniform

CLASSES = 101


def conv(channels_in, channels_out):
    return nn.Conv3d(channels_in, channels_out, 3, padding=1)


class C3d(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1a = conv(3, 64)
        self.conv2a = conv(64, 128)
        self.conv3a = conv(128, 256)
        self.conv3b = conv(256, 256)
        self.conv4a = conv(256, 512)
        self.conv4b = conv(512, 512)
        self.conv5a = conv(512, 512)
        self.conv5b = conv(512, 512)
        self.fc6 = nn.Linear(512 * 4 * 4, 4096)
        self.fc7 = nn.Linear(4096, 4096)
        self.fc8 = nn.Linear(4096, CLASSES)

    def forward(self, video):
        video = F.max_pool3d(self.conv1a(video).relu(), (1, 2, 2))
        video = F.max_pool3d(self.conv2a(video).relu(), 2)
        video = F.max_pool3d(self.conv3b(self.conv3a(video).relu()).relu(), 2)
        video = F.max_pool3d(self.conv4b(self.conv4a(video).relu()).relu(), 2)
        video = self.conv5b(self.conv5a(video).relu()).relu()
        # Zeros stand in for the missing half of the last window: no value is below zero after a ReLU.
        video = F.max_pool3d(F.pad(video, (0, 1, 0, 1)), 2)
        hidden = self.fc7(self.fc6(video.flatten(1)).relu()).relu()
        return self.fc8(hidden)


NETS = (
    Net(
        name="c3d-ucf101",
        build=C3d,
        inputs=(Input("video", ("B", 3, 16, 112, 112), Uniform(-128, 128)),),
        outputs={"logits": ("B", CLASSES)},
        cases=({"B": 1}, {"B": 2}),
        reference="pfnet-research/tgan2 c3d_ucf101.py on Chainer 7.8.1: 1.5e-6",
    ),
)
