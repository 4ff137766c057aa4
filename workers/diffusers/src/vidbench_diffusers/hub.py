"""Models of the hub: downloaded once, checked, resumed, with a clear message for everything that can go wrong."""

from __future__ import annotations

import hashlib
import re
import shutil
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any, NamedTuple

from vidbench_diffusers.failure import Failure
from vidbench_diffusers.serve import Notify

WEIGHTS = ("*.safetensors", "*.safetensors.index.json")
PICKLES = ("*.bin", "*.bin.index.json", "*.pt", "*.ckpt")
SERVER_FAILS = 500
"""The first status that blames a server and not a request."""
TOO_MANY_REQUESTS = 429
OTHERS = ("*.json", "*.txt", "*.model", "*.jinja")


@contextmanager
def hub_errors(place: str) -> Iterator[None]:
    """Turns the hub's errors into failures that say what they mean."""
    from huggingface_hub import constants, errors

    try:
        yield
    except errors.GatedRepoError as error:
        raise Failure(
            "weights_missing",
            f"{place} is gated: its authors require consent",
            'accept their terms on the model\'s page, then pass a token: pass_env = ["HF_TOKEN"]',
        ) from error
    except errors.RepositoryNotFoundError as error:
        raise Failure(
            "weights_missing",
            f"{place} does not exist on the hub, or is private",
            '`vidbench models search` finds ids; a private model needs pass_env = ["HF_TOKEN"]',
        ) from error
    except errors.RevisionNotFoundError as error:
        raise Failure("weights_missing", f"{place} has no such revision: {error}") from error
    except errors.HFValidationError as error:
        raise Failure("invalid_request", f"{place} is neither a folder nor a hub id: {error}") from error
    except (errors.LocalEntryNotFoundError, errors.OfflineModeIsEnabled, errors.DryRunError) as error:
        offline = constants.HF_HUB_OFFLINE
        raise Failure(
            "weights_missing" if offline else "unreachable",
            f"{place} is not in the cache, and " + ("HF_HUB_OFFLINE forbids access to the hub" if offline else "the hub cannot be reached"),
            "unset HF_HUB_OFFLINE, or copy HF_HOME to this machine"
            if offline
            else "check the network, or copy HF_HOME from a machine that has one; if the id is only a name, set `model` in the suite",
        ) from error
    except (errors.HTTPError, OSError) as error:
        raise Failure(
            "unreachable" if is_passing(error) else "weights_missing",
            f"{place} cannot be fetched: {error}",
            "complete files are kept; the next load fetches the rest",
        ) from error


def is_passing(error: Exception) -> bool:
    """Whether the connection or the server failed, which may pass, and not the request or the disk."""
    from huggingface_hub import errors

    if isinstance(error, errors.HfHubHTTPError):
        status: int = error.response.status_code
        return status >= SERVER_FAILS or status == TOO_MANY_REQUESTS
    return isinstance(error, (errors.HTTPError, ConnectionError, TimeoutError))


def local(place: str, allow_pickle: bool) -> Path:
    """A path, or the path of what `ID[@REVISION][#FILE or #FOLDER]` names on the hub."""
    whole, _, inner = place.partition("#")
    if Path(place).exists():
        return Path(place)
    if Path(whole).is_dir():
        return within(Path(whole), inner)
    model, _, revision = whole.partition("@")
    if not inner:
        return download(model, revision or None, Wanted(pickles=allow_pickle))
    return within(snapshot(model, revision or None, {"allow_patterns": [inner, f"{inner}/*.safetensors"]}), inner)


def within(folder: Path, inner: str) -> Path:
    """A file or a folder inside `folder`; anything outside is refused."""
    found = folder / inner
    if not found.exists() or ".." in Path(inner).parts or Path(inner).is_absolute():
        raise Failure("weights_missing", f"{folder} has no {inner}", "check the file name on the model page")
    return found


class Wanted(NamedTuple):
    """Which files of a model are wanted."""

    variant: str | None = None
    pickles: bool = False
    weights: bool = True
    folders: tuple[str, ...] | None = None
    """Only the weights in these folders are wanted: a repository may have the same in other formats and sizes too."""


def download(place: str, revision: str | None, wanted: Wanted) -> Path:
    """The folder of a model in the hub's cache, with the weights that are wanted."""
    weights = (*WEIGHTS, *(PICKLES if wanted.pickles else ())) if wanted.weights else ()
    if wanted.folders is not None:
        weights = tuple(f"{folder}/{pattern}" for folder in wanted.folders for pattern in weights)
    ignored = [] if wanted.variant else ["*.fp16.*", "*.bf16.*", "*.non_ema.*"]
    return snapshot(place, revision, {"allow_patterns": [*OTHERS, *weights], "ignore_patterns": ignored})


def snapshot(place: str, revision: str | None, patterns: dict[str, Any]) -> Path:
    """The folder with the files of a repository that match."""
    import huggingface_hub

    chosen = {"revision": revision, **patterns}
    with hub_errors(place):
        if not is_reachable(place, revision):
            return Path(huggingface_hub.snapshot_download(place, local_files_only=True, **chosen))
        planned = huggingface_hub.snapshot_download(place, dry_run=True, **chosen)
        new = [file for file in planned if file.will_download]
        total = sum(file.file_size for file in new)
        check_space(total)
        with watching(cache_of(place), total if new else None):
            folder = Path(huggingface_hub.snapshot_download(place, **chosen))
    for file in new:
        check_content(folder / file.filename)
    if new:
        report(total, total)
    return folder


def cache_of(place: str) -> Path:
    """The folder of a repository in the hub's cache."""
    from huggingface_hub import constants, file_download

    return Path(constants.HF_HUB_CACHE, str(file_download.repo_folder_name(repo_id=place, repo_type="model")))


_notify: ContextVar[Notify | None] = ContextVar("_notify", default=None)
"""The function that reports downloads."""


@contextmanager
def reporting(notify: Notify) -> Iterator[None]:
    """Reports what is downloaded within."""
    token = _notify.set(notify)
    try:
        yield
    finally:
        _notify.reset(token)


def report(done: int, total: int) -> None:
    """Reports how much has arrived."""
    if (notify := _notify.get()) is not None:
        notify("download", {"done_bytes": done, "total_bytes": total})


LOOK_SECS = 1.0
"""How often to look how much has arrived."""


@contextmanager
def watching(folder: Path, total: int | None) -> Iterator[None]:
    """Reports the bytes in a folder whenever they have grown: a client that hears nothing knows that none arrive."""
    if total is None or _notify.get() is None:
        yield
        return
    before, ended, context = size(folder), threading.Event(), copy_context()

    def look() -> None:
        told = -1
        while not ended.wait(LOOK_SECS):
            if (done := max(size(folder) - before, 0)) > told:
                report(done, total)
                told = done

    thread = threading.Thread(target=context.run, args=(look,), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


def size(folder: Path) -> int:
    """Bytes on the disk of a repository's files, including incomplete ones."""
    blobs = list((folder / "blobs").glob("*")) if folder.is_dir() else []
    taken = 0
    for blob in blobs:
        # A file gets another name when it is complete.
        with suppress(FileNotFoundError):
            taken += blob.stat().st_blocks * 512
    return taken


def check_content(path: Path) -> None:
    """Refuses a large file whose SHA-256 is not the one in its name: the hub's client compares only sizes."""
    blob = path.resolve()
    if not re.fullmatch("[0-9a-f]{64}", blob.name):
        return
    with blob.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if found != blob.name:
        blob.unlink()
        path.unlink(missing_ok=True)
        raise Failure(
            "weights_mismatch",
            f"{path.name} was damaged in transit: its SHA-256 is {found}, but the hub states {blob.name}",
            "it was removed; the next load fetches it again",
        )


def is_reachable(place: str, revision: str | None) -> bool:
    """Whether the hub answers. If it refuses the model, that is raised; without an answer, only the cache is left."""
    import huggingface_hub
    from huggingface_hub import errors

    try:
        huggingface_hub.HfApi(endpoint=huggingface_hub.constants.ENDPOINT).model_info(place, revision=revision)
    except (errors.HfHubHTTPError, errors.HFValidationError) as error:
        if not is_passing(error):
            raise
        return False
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
            f"the download needs {needed / 1e9:.1f} GB, but {folder} has {free / 1e9:.1f} GB free",
            "free some space, or set HF_HOME to a larger disk",
        )
