"""The loop: every line gets one answer, and bad ones do no harm."""

import io
import json
import subprocess
import sys
import time

import pytest

from vidbench_diffusers import messages
from vidbench_diffusers.failure import Failure
from vidbench_diffusers.serve import MAX_LINE_BYTES, Server


class Toy:
    def generate(self, asked, notify):
        notify("step", {"index": 1, "total": 1, "t_ns": 5})
        if asked.prompt == "fail":
            raise RuntimeError("CUDA out of memory. Tried to allocate")
        return {"output": asked.output, "start_ns": 1, "end_ns": 2, "stages": [], "peak_rss_bytes": None}

    def free(self):
        pass


def load(asked, _notify):
    if asked.model == "unknown":
        raise Failure("weights_missing", "no such model", "look elsewhere")
    return Toy(), {"id": asked.model, "revision": None, "weights": "random", "domain": "open", "runtime": "toy"}


def serve(*lines):
    sink = io.BytesIO()
    source = io.BytesIO(b"".join(line if isinstance(line, bytes) else json.dumps(line).encode() + b"\n" for line in lines))
    Server(source, sink, load, ["toy"]).run()
    return [json.loads(line) for line in sink.getvalue().splitlines()]


def call(method, params=None, at=1):
    return {"jsonrpc": "2.0", "id": at, "method": method, "params": params or {}}


START = call("initialize", {"protocol_version": 1, "client": "test"})


def generate(tmp_path, **changed):
    params = {"steps": 1, "guidance": 1.0, "frames": 1, "width": 8, "height": 8, "fps": 8.0}
    asked = {"sample": "0" * 32, "model": "toy", "prompt": "a boat", "seed": 1, "params": params, "output": str(tmp_path / "a.mp4")}
    return call("generate", asked | changed)


def test_a_whole_session(tmp_path):
    said = serve(
        START,
        call("ping"),
        call("load", {"model": "toy", "threads": 1}),
        generate(tmp_path),
        call("unload", {"model": "toy"}),
        call("shutdown"),
        call("ping"),
    )
    assert [answer.get("method") for answer in said] == [None, None, None, "step", None, None, None]
    assert said[2]["result"]["model"]["runtime"] == "toy"
    assert said[-1]["result"] == {}  # nothing is served after shutdown


@pytest.mark.parametrize(
    ("line", "code", "kind"),
    [
        (b"not json\n", messages.PARSE_ERROR, "invalid_request"),
        (b"\xff\xfe\n", messages.PARSE_ERROR, "invalid_request"),
        (b"[" * 100_000 + b"\n", messages.PARSE_ERROR, "invalid_request"),
        (b"x" * (MAX_LINE_BYTES + 10) + b"\n", messages.PARSE_ERROR, "invalid_request"),
        (b"[]\n", messages.INVALID_REQUEST, "invalid_request"),
        ({"jsonrpc": "1.0", "id": 1, "method": "ping"}, messages.INVALID_REQUEST, "invalid_request"),
        ({"jsonrpc": "2.0", "id": 1, "method": "ping", "more": 1}, messages.INVALID_REQUEST, "invalid_request"),
        (call("dance"), messages.METHOD_NOT_FOUND, "unsupported"),
        (call("ping", {"more": 1}), messages.INVALID_PARAMS, "invalid_request"),
        (call("load", {"model": "toy", "threads": 0}), messages.WORK_FAILED, "invalid_request"),
        (call("load", {"model": "toy", "threads": 1, "settings": {"dtyp": "float32"}}), messages.INVALID_PARAMS, "invalid_request"),
        (call("load", {"model": "toy", "threads": 1, "settings": {"video": {"crf": 99}}}), messages.INVALID_PARAMS, "invalid_request"),
        (call("load", {"model": "unknown", "threads": 1}), messages.WORK_FAILED, "weights_missing"),
        (call("score", {}), messages.WORK_FAILED, "unsupported"),
        (START, messages.WORK_FAILED, "invalid_request"),
    ],
)
def test_a_bad_line_is_answered_and_survived(line, code, kind):
    said = serve(START, line, call("ping", at=9))
    assert said[1]["error"]["code"] == code
    assert said[1]["error"]["data"]["kind"] == kind
    assert said[2]["id"] == 9


def test_nothing_is_served_before_initialize():
    assert serve(call("ping"))[0]["error"]["data"]["kind"] == "invalid_request"
    assert serve(call("initialize", {"protocol_version": 2, "client": "x"}))[0]["error"]["data"]["kind"] == "unsupported"


@pytest.mark.parametrize("changed", [{"frames": 0}, {"fps": 0}, {"steps": -1}, {"guidance": -1}])
def test_impossible_parameters_are_refused(tmp_path, changed):
    params = {"steps": 1, "guidance": 1.0, "frames": 1, "width": 8, "height": 8, "fps": 8.0} | changed
    said = serve(START, call("load", {"model": "toy", "threads": 1}), generate(tmp_path, params=params))
    assert said[2]["error"]["data"]["kind"] == "invalid_request"
    assert next(iter(changed)) in said[2]["error"]["message"]


def test_a_file_that_exists_is_never_overwritten(tmp_path):
    (tmp_path / "a.mp4").write_text("mine")
    said = serve(START, call("load", {"model": "toy", "threads": 1}), generate(tmp_path))
    assert "does not exist" in said[2]["error"]["message"]


def test_what_a_library_raises_gets_a_kind(tmp_path):
    said = serve(START, call("load", {"model": "toy", "threads": 1}), generate(tmp_path, prompt="fail"))
    assert said[3]["error"]["data"]["kind"] == "out_of_memory"


def test_a_worker_in_the_middle_of_something_ends_with_its_client():
    busy = "from vidbench_diffusers.serve import end_with_client as end; import time; end(0); print('on', flush=True); time.sleep(600)"
    worker = subprocess.Popen([sys.executable, "-c", busy], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert worker.stdout.readline() == b"on\n"
    worker.stdin.write(b"nobody reads this\n")
    worker.stdin.flush()
    time.sleep(0.2)
    assert worker.poll() is None, "a client that writes is there"
    worker.stdin.close()
    assert worker.wait(10) == 0
    worker.stdout.close()
