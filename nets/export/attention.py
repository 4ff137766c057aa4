"""What the transformers here share."""

import numpy as np
import torch


def attend(query, key, value, mask=None):
    """Attention of (..., tokens, width) by (..., tokens, width); `mask` is added to the scores."""
    scores = (query * query.shape[-1] ** -0.5) @ key.transpose(-2, -1)
    if mask is not None:
        scores = scores + mask
    return scores.softmax(-1) @ value


def split_heads(tokens, heads):
    """(B, N, heads * width) to (B, heads, N, width)."""
    batch, count, width = tokens.shape
    return tokens.reshape(batch, count, heads, width // heads).transpose(1, 2)


def join_heads(tokens):
    """(B, heads, N, width) to (B, N, heads * width)."""
    return tokens.transpose(1, 2).flatten(2)


def causal_mask(count):
    """Minus infinity above the diagonal; made by NumPy so that the graph holds it as a constant."""
    return torch.from_numpy(np.triu(np.full((count, count), -np.inf, np.float32), 1))
