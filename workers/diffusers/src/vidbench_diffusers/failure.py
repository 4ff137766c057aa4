"""A failure as the client sees it: what, where, why, and what to do."""

from __future__ import annotations

from typing import Any, Literal

from vidbench_diffusers.messages import INVALID_PARAMS, WORK_FAILED

Kind = Literal[
    "invalid_request",
    "unsupported",
    "out_of_memory",
    "device_lost",
    "weights_missing",
    "weights_mismatch",
    "timeout",
    "unreachable",
    "internal",
]


class Failure(Exception):  # noqa: N818
    """Why a request cannot be served."""

    def __init__(self, kind: Kind, message: str, hint: str | None = None, code: int = WORK_FAILED) -> None:
        super().__init__(message)
        self.kind: Kind = kind
        self.message = message
        self.hint = hint
        self.code = code

    def as_error(self) -> dict[str, Any]:
        """The `error` of an answer."""
        data: dict[str, Any] = {"kind": self.kind}
        if self.hint is not None:
            data["hint"] = self.hint
        return {"code": self.code, "message": self.message, "data": data}


def refused(message: str, hint: str | None = None) -> Failure:
    """A request that no worker can serve as it stands."""
    return Failure("invalid_request", message, hint)


def misfit(message: str) -> Failure:
    """Parameters that do not fit the method."""
    return Failure("invalid_request", message, code=INVALID_PARAMS)


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error of PyTorch, or of Python, says that memory has run out."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    text = str(error).lower()
    told = (
        "out of memory",
        "can't allocate memory",
        "not enough memory",
        "cudnn_status_alloc_failed",
        "cublas_status_alloc_failed",
    )
    return isinstance(error, RuntimeError) and any(words in text for words in told)


def is_device_lost(error: BaseException) -> bool:
    """Whether the device has stopped answering: every later call on it fails, too."""
    text = str(error).lower()
    told = (
        "device-side assert",
        "unspecified launch failure",
        "illegal memory access",
        "device lost",
        "ecc error",
        "fallen off the bus",
    )
    return isinstance(error, RuntimeError) and any(words in text for words in told)


def classified(error: BaseException, during: str) -> Failure:
    """The failure that stands for an exception of a library."""
    if isinstance(error, Failure):
        return error
    text = f"{during}: {type(error).__name__}: {error}"
    if is_out_of_memory(error):
        return Failure(
            "out_of_memory",
            text,
            "use fewer frames or a smaller size, or set offload, vae_tiling or a smaller dtype",
        )
    if is_device_lost(error):
        return Failure("device_lost", text, "the worker exits; check the driver log (dmesg, nvidia-smi)")
    return Failure("internal", text, "the worker log on stderr has the full traceback")
