"""What the exporter has to know of a network: how to build it, what goes in and what comes out."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from torch import nn

from . import weights

END_OF_TEXT = 49407


@dataclass(frozen=True)
class Uniform:
    """f32 values `low + (high - low) * u`."""

    low: float
    high: float

    def array(self, name, shape, seed):
        return weights.mapped(name, shape, seed, lambda u: self.low + (self.high - self.low) * u)

    def described(self):
        rule = "low + (high - low) * u"
        return {"rule": rule, "dtype": "f32", "low": self.low, "high": self.high}


@dataclass(frozen=True)
class Index:
    """i64 values `floor(u * count)`."""

    count: int

    def array(self, name, shape, seed):
        return weights.mapped(name, shape, seed, lambda u: np.floor(u * self.count), np.int64)

    def described(self):
        return {"rule": "floor(u * count)", "dtype": "i64", "count": self.count}


@dataclass(frozen=True)
class Tokens:
    """i64 values `1 + floor(u * 49000)`; the last value of each row is the end of the text."""

    def array(self, name, shape, seed):
        tokens = weights.mapped(name, shape, seed, lambda u: 1 + np.floor(u * 49000), np.int64)
        tokens[..., -1] = END_OF_TEXT
        return tokens

    def described(self):
        rule = f"1 + floor(u * 49000), the last of each row {END_OF_TEXT}"
        return {"rule": rule, "dtype": "i64"}


@dataclass(frozen=True)
class Mask:
    """f32 ones, except that the last `zeros` of each row are 0."""

    zeros: int

    def array(self, name, shape, seed):
        mask = np.ones(shape, np.float32)
        mask[..., shape[-1] - self.zeros :] = 0
        return mask

    def described(self):
        return {"rule": "1, the last `zeros` of each row 0", "dtype": "f32", "zeros": self.zeros}


@dataclass(frozen=True)
class Input:
    """One input of a graph. A dimension given as text is an axis left open."""

    name: str
    shape: tuple
    values: Uniform | Index | Tokens | Mask

    def concrete_shape(self, axes):
        return tuple(axes[dim] if isinstance(dim, str) else dim for dim in self.shape)

    def array(self, axes, seed=weights.SEED):
        return self.values.array(f"input:{self.name}", self.concrete_shape(axes), seed)


@dataclass(frozen=True)
class Net:
    """A network, the sizes it is tried at, and what it was compared with."""

    name: str
    build: Callable[[], nn.Module]
    inputs: tuple[Input, ...]
    # Name to shape; axes left open are given as text, as in an input.
    outputs: dict[str, tuple]
    # A size for each axis left open; the first case is the one traced.
    cases: tuple[dict[str, int], ...]
    reference: str

    def arrays(self, axes):
        return [entry.array(axes) for entry in self.inputs]
