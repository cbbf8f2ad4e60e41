"""The verified local file: where it is looked for, what is refused, what is downloaded."""

from __future__ import annotations

import errno
import hashlib
import http.server
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from tqdm import tqdm

from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.weights import Weights

CONTENT = b"some published network" * 5000
SHA256 = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture(autouse=True)
def folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "own").mkdir()
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path / "own"))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("BENCHMARK_OFFLINE", raising=False)


def publish(monkeypatch: pytest.MonkeyPatch, url: str | None = None, sha256: str = SHA256) -> None:
    net = Weights("net.pt", "net.pt", "MIT", "A network.", url=url, sha256=sha256)
    monkeypatch.setattr(weights, "entries", lambda: {"net.pt": net})


def put(folder: Path, content: bytes = CONTENT) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "net.pt").write_bytes(content)
    return folder / "net.pt"


def kept(folder: Path) -> list[Path]:
    """What a download left there, besides the file that makes two of them wait for one another."""
    return [path for path in folder.iterdir() if path.suffix != ".lock"]


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404 if self.path == "/gone" else 200)
        body = {"/net.pt": CONTENT, "/other": b"another file", "/half": CONTENT[:1000], "/gone": b""}[self.path]
        self.send_header("Content-Length", str(len(CONTENT if self.path == "/half" else body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def server() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as httpd:
        thread = threading.Thread(target=httpd.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{httpd.server_port}"
        httpd.shutdown()
        thread.join()


def test_the_list_is_complete_and_well_formed() -> None:
    assert {"nisqa.tar", "nisqa_tts.tar", "nisqa_mos_only.tar", "resemblyzer/pretrained.pt", "lpips/alex.pth"} <= set(
        weights.names()
    )
    for entry in weights.entries().values():
        assert entry.licence
        assert entry.note
        assert re.fullmatch(r"[0-9a-f]{8}|[0-9a-f]{64}|", entry.sha256), entry.name
        place = "https://zenodo.org/record/" if entry.name.startswith("espnet/") else "https://github.com/"
        assert entry.url is None or entry.url.startswith(place), "the project's own place, no mirror"
        assert not Path(entry.file).is_absolute()
        assert ".." not in Path(entry.file).parts
    whole = [e for e in weights.entries().values() if len(e.sha256) == 64]
    assert len(whole) >= 9
    assert all(e.bytes for e in whole)


def test_torchvision_knows_the_addresses_it_is_asked_for() -> None:
    asked = [e for e in weights.entries().values() if e.torchvision]
    assert len(asked) == 2
    for entry in asked:
        address = weights._address(entry)
        assert address.startswith("https://")
        assert address.endswith(entry.file)


def test_neither_torch_nor_the_package_is_imported_to_find_a_package_file() -> None:
    code = (
        "import sys; from benchmark import weights; weights.find('resemblyzer/pretrained.pt');"
        "assert 'torch' not in sys.modules and 'resemblyzer' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, env={**os.environ})


def test_files_of_packages_are_verified_where_they_are_installed() -> None:
    path = weights.get("resemblyzer/pretrained.pt")
    assert path.parent.name == "resemblyzer"
    assert weights.sha256("resemblyzer/pretrained.pt") == hashlib.sha256(path.read_bytes()).hexdigest()
    assert weights.get("lpips/alex.pth").stat().st_size == 6009


def test_a_package_that_is_not_installed_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    entry = Weights("x", "x.pt", "MIT", "X.", package="no_such_package_anywhere", sha256=SHA256)
    monkeypatch.setattr(weights, "entries", lambda: {"x": entry})
    with pytest.raises(MissingWeights, match="no_such_package_anywhere"):
        weights.get("x")


def test_own_folder_comes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch)
    assert weights.find("net.pt") is None
    cached = put(tmp_path / "cache" / "weights")
    assert weights.get("net.pt") == cached
    own = put(tmp_path / "own")
    assert weights.get("net.pt") == own
    monkeypatch.delenv("BENCHMARK_WEIGHTS")
    assert weights.get("net.pt") == cached


@pytest.mark.parametrize("published", [SHA256, SHA256[:8]])
def test_another_file_is_refused_with_both_hashes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: str
) -> None:
    publish(monkeypatch, sha256=published)
    put(tmp_path / "cache" / "weights")
    put(tmp_path / "own", b"something else")
    wrong = hashlib.sha256(b"something else").hexdigest()
    for use in (weights.get, weights.find, weights.sha256):
        with pytest.raises(BenchmarkError, match=wrong) as caught:
            use("net.pt")
        assert published in str(caught.value)
    assert weights.status()[0]["verified"] is False


def test_a_file_that_changes_is_hashed_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch)
    path = put(tmp_path / "own")
    assert weights.get("net.pt") == path
    changed = bytearray(CONTENT)
    changed[100] ^= 1
    path.write_bytes(changed)
    os.utime(path, ns=(1, 1))
    with pytest.raises(BenchmarkError, match=r"is not net\.pt"):
        weights.get("net.pt")


def test_without_a_published_hash_the_users_file_is_taken_and_nothing_downloaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str
) -> None:
    publish(monkeypatch, f"{server}/net.pt", sha256="")
    with pytest.raises(MissingWeights, match=r"\$BENCHMARK_WEIGHTS as net.pt") as caught:
        weights.get("net.pt")
    assert server in str(caught.value)
    own = put(tmp_path / "own")
    assert weights.get("net.pt") == own
    assert weights.sha256("net.pt") == SHA256
    assert weights.status()[0]["verified"] is None


def test_offline_and_absent_says_the_command(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    publish(monkeypatch, f"{server}/net.pt")
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    with pytest.raises(MissingWeights, match=r"python -m benchmark weights get net\.pt"):
        weights.get("net.pt")
    with pytest.raises(MissingWeights, match=r"python -m benchmark weights get net\.pt"):
        weights.sha256("net.pt")


def test_download_is_verified_and_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, server: str, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(monkeypatch, f"{server}/net.pt")
    monkeypatch.setattr("benchmark.weights.download.tqdm", partial(tqdm, disable=False))
    path = weights.get("net.pt")
    assert path == tmp_path / "cache" / "weights" / "net.pt"
    assert path.read_bytes() == CONTENT
    assert kept(path.parent) == [path]
    out, err = capsys.readouterr()
    assert out == ""
    assert "net.pt (MIT)" in err
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    assert weights.get("net.pt") == path


@pytest.mark.parametrize(
    ("page", "error", "said"),
    [
        ("other", BenchmarkError, hashlib.sha256(b"another file").hexdigest()),
        ("half", MissingWeights, "broke off|IncompleteRead"),
        ("gone", MissingWeights, "404"),
    ],
)
def test_a_bad_download_leaves_nothing(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    server: str,
    page: str,
    error: type[BenchmarkError],
    said: str,
) -> None:
    publish(monkeypatch, f"{server}/{page}")
    with pytest.raises(error, match=said):
        weights.get("net.pt")
    assert kept(tmp_path / "cache" / "weights") == []


@pytest.mark.parametrize("published", [SHA256, ""])
def test_what_is_no_file_of_that_name_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, published: str
) -> None:
    publish(monkeypatch, sha256=published)
    path = tmp_path / "own" / "net.pt"
    put(tmp_path / "cache" / "weights")  # a good copy further on must not hide what is wrong in the user's folder
    for make, said in (
        (path.mkdir, "is a folder where a file is expected"),
        (path.touch, "is empty"),
        (lambda: path.symlink_to(tmp_path / "nowhere"), "cannot be read"),
    ):
        make()
        with pytest.raises(BenchmarkError, match=said) as caught:
            weights.get("net.pt")
        assert str(path) in str(caught.value)
        (row,) = weights.status()
        assert (row["present"], row["verified"]) == (True, False)
        assert said in str(row["problem"])
        path.rmdir() if path.is_dir() else path.unlink()
    assert weights.get("net.pt").parent == tmp_path / "cache" / "weights"


def test_a_file_that_may_not_be_read_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch)
    path = put(tmp_path / "own")

    def forbidden(*_: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(weights, "_digest", forbidden)  # root, whom tests may run as, reads everything
    with pytest.raises(BenchmarkError, match=r"net\.pt is not net\.pt: it cannot be read \(Permission denied\)"):
        weights.get("net.pt")
    assert weights.status()[0]["path"] == str(path)


def test_offline_no_socket_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "http://127.0.0.1:9/net.pt")

    def none(*_: object, **__: object) -> None:
        raise AssertionError("a socket")

    monkeypatch.setattr("socket.socket", none)
    with pytest.raises(AssertionError, match="a socket"):
        weights.get("net.pt")  # this is what the guard catches
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    with pytest.raises(MissingWeights, match="BENCHMARK_OFFLINE is set"):
        weights.get("net.pt")
    weights.status()
    put(tmp_path / "own")
    weights.get("net.pt")


def test_the_remedy_is_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert weights.remedy("nisqa.tar") == "python -m benchmark weights get nisqa.tar"
    assert weights.remedy("lpips/alex.pth") == "uv sync --reinstall-package lpips"
    assert weights.remedy("epoch_00100.pth") == "put epoch_00100.pth into $BENCHMARK_WEIGHTS"
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    assert weights.remedy("nisqa.tar").startswith("BENCHMARK_OFFLINE=0 ")


def test_no_connection_says_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    publish(monkeypatch, "http://127.0.0.1:9/net.pt")
    with pytest.raises(MissingWeights, match=r"weights get net\.pt`.*\$BENCHMARK_WEIGHTS"):
        weights.get("net.pt")


def test_unknown_names_are_answered_with_near_ones() -> None:
    for use in (weights.get, weights.find, weights.sha256):
        with pytest.raises(BenchmarkError, match=r"Did you mean nisqa\.tar"):
            use("nisqua.tar")


def test_status_has_a_row_for_every_name_and_can_be_narrowed() -> None:
    rows = weights.status()
    assert [row["name"] for row in rows] == list(weights.names())
    (row,) = weights.status(["resemblyzer/pretrained.pt"])
    assert row["present"] is True
    assert row["verified"] is True
    assert row["bytes"] == 17090379
    assert str(row["path"]).endswith("pretrained.pt")
    with pytest.raises(BenchmarkError, match="Unknown weights"):
        weights.status(["nothing"])
