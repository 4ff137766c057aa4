"""The hub, played by a server on loopback: what its refusals mean, and a download that works."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest

from vidbench_diffusers import hub, loading
from vidbench_diffusers.failure import Failure
from vidbench_diffusers.messages import Load
from vidbench_diffusers.settings import Settings

COMMIT = "1" * 40
LARGE = bytes(range(256)) * 40960
"""Large enough to be stored beside the repository, under its SHA-256."""
FILES = {
    "model_index.json": b'{"_class_name": "WanPipeline", "vae": ["diffusers", "AutoencoderKLWan"], "image_encoder": [null, null]}',
    "vae/model.safetensors": b"weights",
    "vae/model.bin": b"pickle",
    "all-in-one.safetensors": b"the same once more",
}


def digest(data):
    return hashlib.sha1(data).hexdigest()


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = self.path.split("?")[0]
        for place, (status, code) in {"/me/busy": (503, None), "/me/gated": (403, "GatedRepo")}.items():
            if place in path:
                return self.say(status, b"", {"X-Error-Code": code} if code else {}, body)
        if "/me/model" not in path:
            return self.say(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
        if path.startswith("/api/"):
            if "/tree/" in path:
                tree = [{"type": "file", "path": name, "size": len(data), "oid": digest(data)} for name, data in self.files().items()]
                return self.say(200, json.dumps(tree).encode(), {"Content-Type": "application/json"}, body)
            siblings = [{"rfilename": name, "size": len(data)} for name, data in self.files().items()]
            told = {"id": "me/model", "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
            return self.say(200, json.dumps(told).encode(), {"Content-Type": "application/json"}, body)
        if path.endswith("/large.safetensors"):
            return self.large(body)
        data = FILES[path.split(f"/resolve/{COMMIT}/")[1]]
        return self.say(200, data, {"X-Repo-Commit": COMMIT, "ETag": f'"{digest(data)}"'}, body)

    def large(self, body):
        sha256 = hashlib.sha256(LARGE).hexdigest()
        linked = {"X-Repo-Commit": COMMIT, "X-Linked-ETag": f'"{sha256}"', "X-Linked-Size": str(len(LARGE)), "ETag": f'"{sha256}"'}
        start = int(self.headers.get("Range", "bytes=0-").removeprefix("bytes=").split("-")[0])
        data = LARGE[start:]
        if body:
            self.server.starts.append(start)
        if body and self.server.damages:
            data = b"x" + data[1:]
        self.send_response(206 if start else 200)
        for name, value in (linked | {"Content-Length": str(len(data)), "Accept-Ranges": "bytes"}).items():
            self.send_header(name, value)
        self.end_headers()
        if body and self.server.stumbles:
            self.server.stumbles -= 1
            self.wfile.write(data[: self.server.sends])
            self.close_connection = True
        elif body:
            self.wfile.write(data)

    def files(self):
        return FILES | ({"vae/large.safetensors": LARGE} if self.server.has_large else {})

    def say(self, code, data, headers, body):
        self.send_response(code)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if body:
            self.wfile.write(data)

    def log_message(self, *_):
        pass


@pytest.fixture(autouse=True)
def server(monkeypatch, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    server.has_large, server.damages, server.starts = False, False, []
    server.stumbles, server.sends = 0, 3_000_000
    yield server
    server.shutdown()


def test_who_waits_hears_of_a_download_and_which_state_it_is(server, monkeypatch):
    server.has_large = True
    monkeypatch.setattr(hub, "LOOK_SECS", 0.001)
    said = []
    with hub.reporting(lambda method, params: said.append((method, params["done_bytes"], params["total_bytes"]))):
        folder = download("me/model")
        total = len(LARGE) + sum(len(data) for data in FILES.values()) - len(FILES["vae/model.bin"])
        assert {(method, of) for method, _, of in said} == {("download", total)}
        done = [done for _, done, _ in said]
        assert done[-1] == total
        said.clear()
        download("me/model")
    assert said == [], "nothing comes the second time"
    assert folder.name == COMMIT


def download(place, **changed):
    return hub.download(place, None, hub.Wanted(**changed))


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_model_comes_without_its_pickles():
    assert names(download("me/model")) == {"model_index.json", "vae/model.safetensors", "all-in-one.safetensors"}


def fetched(**settings):
    source = loading.Source(Load(model="me/model", threads=1), Settings(**settings))
    return source, source._folder()


def test_of_a_pipeline_only_the_parts_that_its_index_names_are_fetched_and_hashed():
    source, folder = fetched()
    assert names(folder) == {"model_index.json", "vae/model.safetensors"}
    (folder / "beside.safetensors").touch()
    assert list(source._own_parts(folder)) == ["vae", "image_encoder"]
    line = f"vae/model.safetensors {hashlib.sha256(b'weights').hexdigest()}\n"
    assert loading.digest(folder, source._own_parts(folder), []) == hashlib.sha256(line.encode()).hexdigest()


def test_weights_that_are_replaced_are_not_fetched():
    _, folder = fetched(components={"vae": "me/other"})
    assert names(folder) == {"model_index.json"}


def test_a_modular_pipeline_says_where_its_parts_are():
    spec = {"repo": "me/model", "subfolder": "decoder"}
    index = {"_class_name": "X", "_blocks": ["a"], "vae": [None, None, spec], "scheduler": [None, None, {"repo": "me/other"}], "steps": 3}
    assert loading.folders_of(index) == ["decoder", "scheduler"]


def test_a_repository_that_is_no_pipeline_is_refused_before_its_weights_come(monkeypatch):
    monkeypatch.delitem(FILES, "model_index.json")
    with pytest.raises(Failure, match="it is not a diffusers model"):
        fetched()


def test_one_file_of_a_repository_comes_alone():
    found = hub.local("me/model#vae/model.safetensors", allow_pickle=False)
    assert found.read_bytes() == b"weights"
    assert names(found.parent.parent) == {"vae/model.safetensors"}
    assert hub.local("me/model@main#vae", allow_pickle=False) == found.parent
    with pytest.raises(Failure, match="has no other"):
        hub.local("me/model#other.gguf", allow_pickle=False)


def test_a_path_is_no_id(tmp_path):
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.gguf").touch()
    assert hub.local(str(tmp_path), allow_pickle=False) == tmp_path
    assert hub.local(f"{tmp_path}#in/a.gguf", allow_pickle=False) == tmp_path / "in" / "a.gguf"
    with pytest.raises(Failure):
        hub.local(f"{tmp_path / 'in'}#../in", allow_pickle=False)


def test_configurations_come_without_weights():
    assert names(download("me/model", weights=False)) == {"model_index.json"}


@pytest.mark.parametrize(
    ("place", "words"),
    [("me/gated", "is gated"), ("me/nothing", "me/nothing does not exist on the hub"), ("no id at all", "neither a folder nor a hub id")],
)
def test_refusals_are_told_with_what_to_do(place, words):
    with pytest.raises(Failure) as refusal:
        download(place)
    assert words in refusal.value.message


def test_what_is_in_the_cache_needs_no_network(monkeypatch):
    first = download("me/model")
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", "http://127.0.0.1:9")
    assert download("me/model") == first
    with pytest.raises(Failure) as refusal:
        download("me/other")
    assert "not in the cache" in refusal.value.message
    assert refusal.value.kind == "unreachable"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(Failure) as refusal:
        download("me/other")
    assert refusal.value.kind == "weights_missing"


def test_a_hub_that_is_busy_is_asked_another_time_and_what_it_refuses_is_not():
    with pytest.raises(Failure) as refusal:
        download("me/busy")
    assert refusal.value.kind == "unreachable"
    with pytest.raises(Failure) as refusal, hub.hub_errors("me/model"):
        raise OSError(28, "No space left on device")
    assert refusal.value.kind == "weights_missing"


def test_a_download_that_does_not_fit_is_refused_before_it_begins(monkeypatch, tmp_path):
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 3})())
    with pytest.raises(Failure, match="GB free"):
        download("me/model")
    assert not list((tmp_path / "cache").rglob("*.safetensors"))


@pytest.fixture
def impatient(monkeypatch):
    monkeypatch.setattr("huggingface_hub.file_download.time.sleep", lambda _: None)
    monkeypatch.setattr(huggingface_hub.constants, "DOWNLOAD_CHUNK_SIZE", 2**20)


@pytest.mark.usefixtures("impatient")
def test_a_network_that_stumbles_costs_only_what_was_lost(server):
    server.has_large, server.stumbles = True, 2
    assert (download("me/model") / "vae/large.safetensors").read_bytes() == LARGE
    assert [start > 0 for start in server.starts] == [False, True, True]


@pytest.mark.usefixtures("impatient")
def test_a_network_that_is_gone_is_told_and_whole_files_are_kept(server):
    server.has_large, server.stumbles, server.sends = True, 100, 1000
    with pytest.raises(Failure, match="cannot be fetched") as refusal:
        download("me/model")
    assert "complete files are kept" in refusal.value.hint
    assert refusal.value.kind == "unreachable"
    server.stumbles = 0
    assert (download("me/model") / "vae/large.safetensors").read_bytes() == LARGE


def test_a_damaged_download_is_refused_and_fetched_again(server):
    server.has_large, server.damages = True, True
    with pytest.raises(Failure, match="was damaged in transit"):
        download("me/model")
    server.damages = False
    assert (download("me/model") / "vae/large.safetensors").read_bytes() == LARGE
