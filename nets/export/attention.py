"""What the transformers of this package share.

`int(...)` around a width makes it a constant of the graph; else it would be computed from shapes.
"""

import numpy as np
import torch


def attend(query, key, value, mask=None):
    """Attention of (..., tokens, width) by (..., tokens, width); `mask` is added to the scores."""
    scale = int(query.shape[-1]) ** -0.5
    scores = (query * scale) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1) @ value


def thirds(tokens):
    """Splits the common projection into query, key and value. Fixed sizes make one plain node of it."""
    return tokens.split(int(tokens.shape[-1]) // 3, -1)


def split_heads(tokens, heads):
    """(B, N, heads * width) to (B, heads, N, width)."""
    batch, count, width = tokens.shape
    return tokens.reshape(batch, count, heads, int(width) // heads).transpose(1, 2)


def join_heads(tokens):
    """(B, heads, N, width) to (B, N, heads * width)."""
    return tokens.transpose(1, 2).flatten(2)


def causal_mask(count):
    """Minus infinity above the diagonal; made by NumPy so that the graph holds it as a constant."""
    return torch.from_numpy(np.triu(np.full((count, count), -np.inf, np.float32), 1))
