"""Models of the hub: downloaded once, checked, resumed; with an answer for everything that can be in the way."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from vidbench_diffusers.failure import Failure

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PICKLES = ("*.bin", "*.bin.index.json", "*.pt", "*.ckpt")
OTHERS = ("*.json", "*.txt", "*.model", "*.jinja")


@contextmanager
def hub_errors(place: str) -> Iterator[None]:
    """Says what the hub's errors mean."""
    import httpx
    from huggingface_hub import errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise Failure("weights_missing", f"{place} is gated: its authors ask for consent", "accept their terms on the model's page, then pass a token: pass_env = [\"HF_TOKEN\"]") from error
    except errors.RepositoryNotFoundError as error:
        raise Failure("weights_missing", f"the hub has no {place}, or it is private", "vidbench models search finds ids; a private model needs pass_env = [\"HF_TOKEN\"]") from error
    except errors.RevisionNotFoundError as error:
        raise Failure("weights_missing", f"{place} has no such revision: {error}") from error
    except errors.HFValidationError as error:
        raise Failure("invalid_request", f"{place} is neither a folder nor an id of the hub: {error}") from error
    except errors.LocalEntryNotFoundError as error:
        raise Failure("weights_missing", f"{place} is not in the cache, and the hub cannot be reached: {error}", "fetch it where there is a network, or unset HF_HUB_OFFLINE") from error
    except (errors.HfHubHTTPError, httpx.HTTPError, OSError) as error:
        raise Failure("weights_missing", f"{place} cannot be fetched: {error}", "what is there already is kept: the next load goes on from it") from error


def download(place: str, revision: str | None, variant: str | None, allow_pickle: bool) -> Path:
    """The folder of a model in the hub's cache, complete."""
    import huggingface_hub

    patterns = [*OTHERS, *WEIGHTS, *(PICKLES if allow_pickle else ())]
    ignored = None if variant else ["*.fp16.*", "*.bf16.*", "*.non_ema.*"]
    with hub_errors(place):
        planned = huggingface_hub.snapshot_download(place, revision=revision, allow_patterns=patterns, ignore_patterns=ignored, dry_run=True)
        check_space(sum(file.file_size for file in planned if file.will_download))
        return Path(huggingface_hub.snapshot_download(place, revision=revision, allow_patterns=patterns, ignore_patterns=ignored))


def check_space(needed: int) -> None:
    """Refuses a download that does not fit on the disk."""
    from huggingface_hub import constants

    cache = Path(constants.HF_HUB_CACHE)
    folder = next(parent for parent in [cache, *cache.parents] if parent.exists())
    if (free := shutil.disk_usage(folder).free) < needed:
        raise Failure("weights_missing", f"the download has {needed / 1e9:.1f} GB, and {folder} has {free / 1e9:.1f} GB free", "free some space, or set HF_HOME to a larger disk")
