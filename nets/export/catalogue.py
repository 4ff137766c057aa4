"""All nets by name."""

import importlib
import sys

MODULES = (
    "i3d",
    "i3d_styleganv",
    "inception",
    "c3d",
    "clip",
    "viclip",
    "videomae",
    "dino",
    "raft",
    "amt",
    "musiq",
    "lpips",
)


def collected():
    modules = [importlib.import_module(f"{__package__}.{name}") for name in MODULES]
    return {net.name: net for module in modules for net in module.NETS}


NETS = collected()


def picked(names):
    """The nets named, or all; ends the program on an unknown name."""
    unknown = [name for name in names if name not in NETS]
    if unknown:
        sys.exit(f"unknown net {', '.join(unknown)}\nhint: the nets are {', '.join(NETS)}")
    return [NETS[name] for name in names or NETS]
