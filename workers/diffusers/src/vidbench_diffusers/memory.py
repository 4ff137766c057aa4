"""Memory of the process and of its device."""

from __future__ import annotations

import gc
from contextlib import suppress
from pathlib import Path

import torch

SLACK_BYTES = 64 << 20
"""How much more than before a device may hold, once everything of a failed call is freed."""


def peak_rss_bytes() -> int | None:
    """Largest resident set of this process since `reset_peaks`; none where the system does not tell."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return None
    peak = next((line.split() for line in lines if line.startswith("VmHWM:")), None)
    return int(peak[1]) * 1024 if peak else None


def wait_for(device: torch.device) -> None:
    """Waits until the device has finished its work."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def reset_peaks(device: torch.device) -> None:
    """Starts new peaks, for the process and for its device."""
    # Writing 5 resets VmHWM (proc_pid_clear_refs(5)). Where the file may not be written, the peak is that of the process's whole life.
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)


def peak_device_bytes(device: torch.device) -> dict[str, int] | None:
    """Peak since `reset_peaks`: of tensors, and of what PyTorch took from the driver. None on a CPU."""
    if device.type != "cuda":
        return None
    return {"allocated": torch.cuda.max_memory_allocated(device), "reserved": torch.cuda.max_memory_reserved(device)}


def allocated_bytes(device: torch.device) -> int:
    """What tensors hold on the device now."""
    return torch.cuda.memory_allocated(device) if device.type == "cuda" else 0


def recovered(device: torch.device, before: int) -> bool:
    """Frees what nothing holds, and says whether the device is back to what it held before."""
    gc.collect()
    if device.type != "cuda":
        return True
    torch.cuda.empty_cache()
    return allocated_bytes(device) <= before + SLACK_BYTES
