"""Models of the hub: downloaded once, checked, resumed; with an answer for everything that can be in the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from vidbench_diffusers.failure import Failure

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PICKLES = ("*.bin", "*.bin.index.json", "*.pt", "*.ckpt")
OTHERS = ("*.json", "*.txt", "*.model", "*.jinja")


@contextmanager
def hub_errors(place: str) -> Iterator[None]:
    """Says what the hub's errors mean."""
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise Failure(
            "weights_missing",
            f"{place} is gated: its authors ask for consent",
            'accept their terms on the model\'s page, then pass a token: pass_env = ["HF_TOKEN"]',
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise Failure(
            "weights_missing",
            f"the hub has no {place}, or it is private",
            'vidbench models search finds ids; a private model needs pass_env = ["HF_TOKEN"]',
        ) from error
    except errors.RevisionNotFoundError as error:
        raise Failure("weights_missing", f"{place} has no such revision: {error}") from error
    except errors.HFValidationError as error:
        raise Failure("invalid_request", f"{place} is neither a folder nor an id of the hub: {error}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.DryRunError) as error:
        raise Failure(
            "weights_missing",
            f"{place} is not in the cache, and the hub cannot be reached: {error}",
            "fetch it where there is a network, or unset HF_HUB_OFFLINE",
        ) from error
    except (errors.HTTPError, OSError) as error:
        raise Failure(
            "weights_missing",
            f"{place} cannot be fetched: {error}",
            "what is there already is kept: the next load goes on from it",
        ) from error


def download(place: str, revision: str | None, variant: str | None, allow_pickle: bool, with_weights: bool) -> Path:
    """The folder of a model in the hub's cache, complete, or all of it but its weights."""
    import huggingface_hub

    patterns = [*OTHERS, *(WEIGHTS if with_weights else ()), *(PICKLES if with_weights and allow_pickle else ())]
    ignored = None if variant else ["*.fp16.*", "*.bf16.*", "*.non_ema.*"]
    chosen: dict[str, Any] = {"revision": revision, "allow_patterns": patterns, "ignore_patterns": ignored}
    with hub_errors(place):
        if is_reachable(place, revision):
            planned = huggingface_hub.snapshot_download(place, dry_run=True, **chosen)
            check_space(sum(file.file_size for file in planned if file.will_download))
            return Path(huggingface_hub.snapshot_download(place, **chosen))
        return Path(huggingface_hub.snapshot_download(place, local_files_only=True, **chosen))


def is_reachable(place: str, revision: str | None) -> bool:
    """Whether the hub answers; what it says against the model is raised. Without an answer the cache is all there is."""
    import huggingface_hub
    from huggingface_hub import errors

    try:
        huggingface_hub.HfApi(endpoint=huggingface_hub.constants.ENDPOINT).model_info(place, revision=revision)
    except (errors.HfHubHTTPError, errors.HFValidationError):
        raise
    except (errors.HTTPError, OSError):
        return False
    return True


def check_space(needed: int) -> None:
    """Refuses a download that does not fit on the disk."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    folder = next(parent for parent in [cache, *cache.parents] if parent.exists())
    if (free := shutil.disk_usage(folder).free) < needed:
        raise Failure(
            "weights_missing",
            f"the download has {needed / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free",
            "free some space, or set HF_HOME to a larger disk",
        )
