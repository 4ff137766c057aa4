"""What travels on the line: requests and their parameters, parsed into types. docs/worker-protocol.md is the contract."""

from __future__ import annotations

from typing import Any

import msgspec

from vidbench_diffusers.settings import Settings

PROTOCOL_VERSION = 1

PARSE_ERROR = -32700
INVALID_REQUEST = -32600
METHOD_NOT_FOUND = -32601
INVALID_PARAMS = -32602
WORK_FAILED = -32000


class Strict(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A message whose unknown fields are refused, never dropped."""


class Request(Strict, frozen=True):
    """One line of the client."""

    jsonrpc: str
    id: int
    method: str
    params: dict[str, Any] | None = None


class Empty(Strict, frozen=True):
    """Parameters of `ping` and `shutdown`."""


class Initialize(Strict, frozen=True):
    """Parameters of `initialize`."""

    protocol_version: int
    client: str


class Load(Strict, frozen=True):
    """Parameters of `load`."""

    model: str
    threads: int
    revision: str | None = None
    settings: Settings = Settings()


class Params(Strict, frozen=True):
    """What every model is asked for besides prompt and seed."""

    steps: int
    guidance: float
    frames: int
    width: int
    height: int
    fps: float


class Generate(Strict, frozen=True):
    """Parameters of `generate`."""

    sample: str
    model: str
    prompt: str
    seed: int
    params: Params
    output: str
    negative: str | None = None
    inputs: dict[str, str] = {}
    """Files that the video is made from, by their role: `image`, `last_image`, `video`, ..."""


class Unload(Strict, frozen=True):
    """Parameters of `unload`."""

    model: str
