"""Random weights and inputs that any language can make again, bit for bit.

Element `i` of the tensor `name` under `seed`:

    key = fnv1a_64(utf8(name)) ^ (seed * 0x9E3779B97F4A7C15)
    u   = (splitmix64(key + (i + 1) * 0x9E3779B97F4A7C15) >> 40) / 2^24     in [0, 1)

All integers are u64 and wrap. The value comes from `u` in f64 and is rounded to f32 once, at the end:

    an LPIPS head (`lin0.model.1.weight` ...)           u / fan_in, as the trained heads are not negative
    the name ends with `running_var`                    0.5 + u
    one dimension and the name ends with `weight`       0.75 + 0.5 * u
    no dimension or one, any other name                 0.2 * (u - 0.5)
    ends with `flow_head.conv2.weight` (RAFT)           (2u - 1) * sqrt(0.06 / fan_in)
    ends with `.2.weight` behind `convblock`,           (2u - 1) * sqrt(0.0006 / fan_in)
      `flow_head`, `feat_head` or `comb_block` (AMT)
    two dimensions                                      (2u - 1) * sqrt(3 / fan_in)
    more dimensions                                     (2u - 1) * sqrt(6 / fan_in)

The small last layers keep the flows of RAFT and AMT short. With long ones both are chaotic: they turn
the rounding of a runtime into a difference of 1e-3, and AMT's image is all black and white.

`fan_in` is the product of all dimensions but the first. The rules are tried from the top.
"""

import math
import re

import numpy as np

SEED = 1

GOLDEN_GAMMA = 0x9E3779B97F4A7C15
WRAP = 2**64
# The u64 arrays of one chunk stay in the processor's cache.
CHUNK = 1 << 16
LPIPS_HEAD = re.compile(r"lin\d\.model\.1\.weight")
RAFT_LAST_LAYER = re.compile(r".*flow_head\.conv2\.weight")
AMT_LAST_LAYER = re.compile(r".*(convblock|flow_head|feat_head|comb_block)\.2\.weight")


def fnv1a_64(text):
    """The FNV-1a hash of `text`, 64 bits."""
    digest = 0xCBF29CE484222325
    for byte in text.encode():
        digest = ((digest ^ byte) * 0x100000001B3) % WRAP
    return digest


def splitmix64(z):
    """Mixes a u64 array in place and returns it."""
    z ^= z >> np.uint64(30)
    z *= np.uint64(0xBF58476D1CE4E5B9)
    z ^= z >> np.uint64(27)
    z *= np.uint64(0x94D049BB133111EB)
    z ^= z >> np.uint64(31)
    return z


def mapped(name, shape, seed, value_from_u, dtype=np.float32):
    """The tensor `name`, each element `value_from_u(u)` of its own `u`."""
    key = np.uint64(fnv1a_64(name) ^ (seed * GOLDEN_GAMMA % WRAP))
    count = math.prod(shape)
    values = np.empty(count, dtype)
    for start in range(0, count, CHUNK):
        stop = min(start + CHUNK, count)
        z = np.arange(start + 1, stop + 1, dtype=np.uint64)
        z *= np.uint64(GOLDEN_GAMMA)
        z += key
        u = (splitmix64(z) >> np.uint64(40)).astype(np.float64) / 2**24
        values[start:stop] = value_from_u(u)
    return values.reshape(shape)


def weight(name, shape, seed=SEED):
    """The weight `name`, by the rules in the module's head."""
    fan_in = math.prod(shape[1:])
    if LPIPS_HEAD.fullmatch(name):
        return mapped(name, shape, seed, lambda u: u / fan_in)
    if name.endswith("running_var"):
        return mapped(name, shape, seed, lambda u: 0.5 + u)
    if len(shape) == 1 and name.endswith("weight"):
        return mapped(name, shape, seed, lambda u: 0.75 + 0.5 * u)
    if len(shape) < 2:
        return mapped(name, shape, seed, lambda u: 0.2 * (u - 0.5))
    bound = math.sqrt(gain(name, shape) / fan_in)
    return mapped(name, shape, seed, lambda u: (2 * u - 1) * bound)


def gain(name, shape):
    """Three times the variance by which a layer multiplies; 6 keeps it level through a ReLU."""
    if RAFT_LAST_LAYER.fullmatch(name):
        return 0.06
    if AMT_LAST_LAYER.fullmatch(name):
        return 0.0006
    return 3 if len(shape) == 2 else 6
