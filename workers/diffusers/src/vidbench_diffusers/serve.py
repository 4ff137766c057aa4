"""The loop that reads requests and answers them, one at a time, whatever a line contains."""

from __future__ import annotations

import os
import select
import sys
import threading
import time
import traceback
from collections.abc import Callable
from typing import IO, Any, Protocol, TypeVar

import msgspec

from vidbench_diffusers import __version__, messages
from vidbench_diffusers.failure import Failure, classified, misfit, refused
from vidbench_diffusers.settings import Settings

MAX_LINE_BYTES = 4 << 20

T = TypeVar("T")


class Notify(Protocol):
    """Reports how a request progresses."""

    def __call__(self, method: str, params: dict[str, Any]) -> None:
        """Writes a notification."""


class Model(Protocol):
    """A model that is loaded."""

    def generate(self, asked: messages.Generate, notify: Notify) -> dict[str, Any]:
        """Makes one video."""

    def free(self) -> None:
        """Gives back what it holds."""


Loader = Callable[[messages.Load, Notify], tuple[Model, dict[str, Any]]]


def private_stdout() -> IO[bytes]:
    """The stream of the protocol; whatever libraries print goes to stderr from here on."""
    stream = os.fdopen(os.dup(1), "wb", buffering=0)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    return stream


def end_with_client(source: int) -> None:
    """Ends this process as soon as nobody can write to `source` any more, even in the middle of a request."""

    def wait() -> None:
        client = select.poll()
        # No events are requested, so only the end of the other side wakes it.
        client.register(source, 0)
        client.poll()
        os._exit(0)

    threading.Thread(target=wait, daemon=True).start()


class Server:
    """One client and what it has been told."""

    def __init__(self, source: IO[bytes], sink: IO[bytes], load: Loader, models: list[str]) -> None:
        self._source = source
        self._sink = sink
        self._load = load
        self._models = models
        self._initialized = False
        self._loaded: dict[str, Model] = {}
        self._gone = False

    def run(self) -> None:
        """Serves until `shutdown`, the end of input, or a device that stopped answering."""
        while not self._gone:
            line = self._source.readline(MAX_LINE_BYTES + 1)
            if not line:
                return
            if len(line) > MAX_LINE_BYTES and not line.endswith(b"\n"):
                self._skip_line()
                self._say(
                    id=None,
                    error=Failure(
                        "invalid_request", f"the line is longer than {MAX_LINE_BYTES} bytes", code=messages.PARSE_ERROR
                    ).as_error(),
                )
                continue
            self._answer(line)

    def _skip_line(self) -> None:
        while (rest := self._source.readline(MAX_LINE_BYTES)) and not rest.endswith(b"\n"):
            pass

    def _answer(self, line: bytes) -> None:
        try:
            request = parse_request(line)
        except UnreadableError as error:
            self._say(id=error.id, error=error.failure.as_error())
            return
        try:
            self._say(id=request.id, result=self._dispatch(request))
        except Exception as error:
            failure = classified(error, request.method)
            if failure is not error:
                traceback.print_exception(error)
            self._say(id=request.id, error=failure.as_error())
            self._gone = failure.kind == "device_lost" or getattr(error, "fatal", False)

    def _say(self, **message: Any) -> None:
        self._sink.write(msgspec.json.encode({"jsonrpc": "2.0", **message}) + b"\n")

    def _notify(self, method: str, params: dict[str, Any]) -> None:
        self._say(method=method, params=params)

    def _dispatch(self, request: messages.Request) -> dict[str, Any]:
        methods: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
            "initialize": self._initialize,
            "ping": self._ping,
            "load": self._load_model,
            "generate": self._generate,
            "unload": self._unload,
            "shutdown": self._shutdown,
        }
        if request.method not in methods and request.method != "score":
            known = ", ".join(methods)
            raise Failure(
                "unsupported",
                f"unknown method {request.method!r:.64}: known: {known}",
                code=messages.METHOD_NOT_FOUND,
            )
        if self._initialized == (request.method == "initialize"):
            raise refused("initialize came twice" if self._initialized else f"{request.method} came before initialize")
        if request.method == "score":
            raise Failure("unsupported", "this worker does not score")
        return methods[request.method](request.params or {})

    def _initialize(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = parse(params, messages.Initialize).protocol_version
        if asked != messages.PROTOCOL_VERSION:
            spoken = messages.PROTOCOL_VERSION
            raise Failure(
                "unsupported",
                f"protocol version {asked} is not supported: this worker speaks {spoken}",
                "use a client and a worker from the same release",
            )
        self._initialized = True
        return {
            "protocol_version": messages.PROTOCOL_VERSION,
            "name": "vidbench-diffusers",
            "version": __version__,
            "capabilities": {
                "models": self._models,
                "any_model": True,
                "metrics": [],
                "settings": [field.encode_name for field in msgspec.structs.fields(Settings)],
            },
            "clock_ns": time.monotonic_ns(),
        }

    def _ping(self, params: dict[str, Any]) -> dict[str, Any]:
        parse(params, messages.Empty)
        return {"clock_ns": time.monotonic_ns()}

    def _load_model(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = parse(params, messages.Load)
        if asked.threads < 1:
            raise refused("threads must be 1 or more")
        start = time.monotonic()
        if (old := self._loaded.pop(asked.model, None)) is not None:
            old.free()
        model, said = self._load(asked, self._notify)
        self._loaded[asked.model] = model
        return {"model": said, "load_secs": time.monotonic() - start}

    def _generate(self, params: dict[str, Any]) -> dict[str, Any]:
        asked = parse(params, messages.Generate)
        model = self._model(asked.model)
        check(asked)
        return model.generate(asked, self._notify)

    def _unload(self, params: dict[str, Any]) -> dict[str, Any]:
        model = parse(params, messages.Unload).model
        self._model(model).free()
        del self._loaded[model]
        return {}

    def _shutdown(self, params: dict[str, Any]) -> dict[str, Any]:
        parse(params, messages.Empty)
        self._gone = True
        return {}

    def _model(self, name: str) -> Model:
        if name not in self._loaded:
            raise refused(f"model {name} is not loaded", "send load first")
        return self._loaded[name]


class UnreadableError(Exception):
    """A line that is not a request, with the id for the answer."""

    def __init__(self, request_id: int | None, code: int, message: str) -> None:
        super().__init__(message)
        self.id = request_id
        self.failure = Failure("invalid_request", message, code=code)


def parse_request(line: bytes) -> messages.Request:
    """Reads one line as a request."""
    try:
        value = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise UnreadableError(None, messages.PARSE_ERROR, f"the line is not JSON: {error}") from error
    named = value.get("id") if isinstance(value, dict) else None
    request_id = named if isinstance(named, int) and not isinstance(named, bool) and named >= 0 else None
    try:
        request = msgspec.convert(value, messages.Request)
    except msgspec.ValidationError as error:
        raise UnreadableError(request_id, messages.INVALID_REQUEST, f"not a request: {error}") from error
    if request.jsonrpc != "2.0" or request_id is None:
        raise UnreadableError(request_id, messages.INVALID_REQUEST, "not a request of JSON-RPC 2.0 with an id of 0 or more")
    return request


def parse(params: dict[str, Any], into: type[T]) -> T:
    """Reads parameters; unknown fields are refused."""
    try:
        return msgspec.convert(params, into)
    except msgspec.ValidationError as error:
        raise misfit(f"parameters do not fit: {error}") from error


def check(asked: messages.Generate) -> None:
    """Checks what holds for every model."""
    params = asked.params
    numbers = {
        "steps": params.steps,
        "frames": params.frames,
        "width": params.width,
        "height": params.height,
        "fps": params.fps,
    }
    for name, value in numbers.items():
        if not 0 < value < float("inf"):
            raise refused(f"{name} is {value}: it must be more than 0")
    if not (0 <= params.guidance < float("inf")):
        raise refused(f"guidance is {params.guidance}: it must be 0 or more")
    if not 0 <= asked.seed < 1 << 64:
        raise refused(f"seed is {asked.seed}: it must be 0 to 2^64 - 1")
    # A string, as it is named in the answer.
    folder = os.path.dirname(asked.output)
    if not os.path.isdir(folder) or os.path.lexists(asked.output):
        raise refused(f"output {asked.output} must be a file that does not exist, in a folder that does")
