"""The hub, played by a server on loopback: what its refusals mean, and a download that works."""

import hashlib
import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import huggingface_hub.constants
import pytest

from vidbench_diffusers import hub
from vidbench_diffusers.failure import Failure

COMMIT = "1" * 40
FILES = {"model_index.json": b'{"_class_name": "WanPipeline"}', "vae/model.safetensors": b"weights", "vae/model.bin": b"pickle"}


def digest(data):
    return hashlib.sha1(data).hexdigest()


class Hub(BaseHTTPRequestHandler):
    def do_HEAD(self):
        self.answer(body=False)

    def do_GET(self):
        self.answer(body=True)

    def answer(self, body):
        path = self.path.split("?")[0]
        if "/me/gated" in path:
            return self.say(403, b"", {"X-Error-Code": "GatedRepo"}, body)
        if "/me/model" not in path:
            return self.say(404, b"", {"X-Error-Code": "RepoNotFound"}, body)
        if path.startswith("/api/"):
            if "/tree/" in path:
                tree = [{"type": "file", "path": name, "size": len(data), "oid": digest(data)} for name, data in FILES.items()]
                return self.say(200, json.dumps(tree).encode(), {"Content-Type": "application/json"}, body)
            siblings = [{"rfilename": name, "size": len(data)} for name, data in FILES.items()]
            told = {"id": "me/model", "sha": COMMIT, "siblings": siblings, "private": False, "tags": [], "downloads": 0}
            return self.say(200, json.dumps(told).encode(), {"Content-Type": "application/json"}, body)
        data = FILES[path.split(f"/resolve/{COMMIT}/")[1]]
        return self.say(200, data, {"X-Repo-Commit": COMMIT, "ETag": f'"{digest(data)}"'}, body)

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
def cache(monkeypatch, tmp_path):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Hub)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    address = f"http://127.0.0.1:{server.server_address[1]}"
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", address)
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", address + "/{repo_id}/resolve/{revision}/{filename}")
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    yield tmp_path / "cache"
    server.shutdown()


def download(place, **changed):
    return hub.download(place, **{"revision": None, "variant": None, "allow_pickle": False, "with_weights": True} | changed)


def names(folder):
    return {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}


def test_a_model_comes_without_its_pickles():
    assert names(download("me/model")) == {"model_index.json", "vae/model.safetensors"}


def test_configurations_come_without_weights():
    assert names(download("me/model", with_weights=False)) == {"model_index.json"}


@pytest.mark.parametrize(
    ("place", "words"),
    [("me/gated", "is gated"), ("me/nothing", "the hub has no me/nothing"), ("no id at all", "neither a folder nor an id")],
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


def test_a_download_that_does_not_fit_is_refused_before_it_begins(monkeypatch, cache):
    monkeypatch.setattr(hub.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 3})())
    with pytest.raises(Failure, match="GB free"):
        download("me/model")
    assert not list(cache.rglob("*.safetensors"))
