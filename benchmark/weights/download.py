"""One verified download: a temporary file, its sha256, then the name.

Whoever answers is taken for a stranger (docs/safety.md): only http and https, never from https back to http, no more
bytes than are known or sensible, not slower than `_SLOWEST`, and only the file with the published sha256 is kept.
"""

from __future__ import annotations

import errno
import hashlib
import http.client
import shutil
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from glob import escape
from pathlib import Path
from threading import Thread
from typing import Any, TypeVar

from filelock import FileLock
from tqdm import tqdm

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError, MissingWeights

LARGEST = 4 << 30
"""Bytes taken of a file whose size nobody has published; the largest published recogniser is a quarter of it."""

_CHUNK = 1 << 16
_SILENCE = 30.0  # seconds without a byte
_ANSWER_WITHIN = 120.0  # seconds from the request to the last header, redirections included
_WINDOW, _SLOWEST = 60.0, 2048.0  # at least so many bytes a second in every window of so many seconds
_DISK = (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.ENOTDIR, errno.EEXIST)

Answer = TypeVar("Answer")


def fetch(name: str, url: str, target: Path, sha256: str, licence: str, size: int | None = None) -> None:
    """Fetch `url` into `target` with a progress bar on stderr; kept only if its sha256 begins with `sha256`.

    `size`: bytes, where published. A second process that wants the same file waits for the first; a `target` that is
    there when its turn comes is left alone. A download that broke off begins anew.

    Raises:
        MissingWeights: no connection, refused, too slow, or broken off.
        BenchmarkError: what came is another file, or the disk does not take it; nothing is kept.
    """
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with FileLock(target.with_name(f".{target.name}.lock")):
            for leftover in target.parent.glob(f".{escape(target.name)}.*.part"):  # of a killed process
                leftover.unlink()
            if not target.is_file():
                _download(name, url, target, sha256, licence, size)
    except (OSError, http.client.HTTPException) as error:
        if isinstance(error, OSError) and error.errno in _DISK:
            raise BenchmarkError(
                f"{name} cannot be kept in {target.parent}: {error.strerror}. Make room there, or set BENCHMARK_CACHE "
                "to a folder on another disk."
            ) from error
        raise MissingWeights(
            f"{name} cannot be downloaded from {url} into {target.parent}: {_reason(error)}. Run `python -m benchmark "
            f"weights get {name}` where there is a network, or put {target.name} into $BENCHMARK_WEIGHTS."
        ) from error


def _download(name: str, url: str, target: Path, sha256: str, licence: str, size: int | None) -> None:
    with _within(_ANSWER_WITHIN, lambda: _opener().open(url, timeout=_SILENCE)) as reply, atomic(target) as file:
        length = reply.headers.get("Content-Length", "")
        announced = int(length) if length.isdecimal() and len(length) < 20 else None
        if announced is not None and size is not None and announced != size:
            raise _another(name, url, f"{announced} bytes, expected {size}")
        if (announced or 0) > LARGEST:
            raise _another(name, url, f"{announced} bytes, at most {LARGEST} are taken")
        if (announced or 0) > shutil.disk_usage(target.parent).free:
            raise OSError(errno.ENOSPC, f"{announced} bytes do not fit on the disk")
        digest, received, start = hashlib.sha256(), 0, b""
        with tqdm(total=announced or size, unit="B", unit_scale=True, desc=f"{name} ({licence})") as bar:
            for chunk in _paced(reply):
                file.write(chunk)
                digest.update(chunk)
                bar.update(len(chunk))
                start, received = start or chunk[:64], received + len(chunk)
                if received > (size or LARGEST):
                    raise _another(name, url, f"more than {size or LARGEST} bytes")
        if announced is not None and received != announced:
            raise MissingWeights(
                f"{name}: {url} broke off after {received} of {announced} bytes. Run the command again."
            )
        if not digest.hexdigest().startswith(sha256):
            page = " (a web page: the sign-in of a proxy?)" if start.lstrip().startswith(b"<") else ""
            raise _another(name, url, f"sha256 {digest.hexdigest()}{page}, expected {sha256}")


def _paced(reply: http.client.HTTPResponse) -> Iterator[bytes]:
    """The body as it comes in.

    Raises:
        TimeoutError: a byte now and then, so that no time limit of the socket ends it.
    """
    since, received = time.monotonic(), 0
    while chunk := reply.read1(_CHUNK):
        yield chunk
        received += len(chunk)
        elapsed = time.monotonic() - since
        if elapsed > _WINDOW:
            if received < _SLOWEST * elapsed:
                raise TimeoutError(f"only {received} bytes came in {elapsed:.0f} seconds")
            since, received = time.monotonic(), 0


def _within(seconds: float, call: Callable[[], Answer]) -> Answer:
    """The call's result. A server may feed headers a byte at a time, which no time limit of the socket ends.

    Raises:
        TimeoutError: it takes longer; its thread is left to end with the process.
    """
    outcome: list[Answer | BaseException] = []

    def work() -> None:
        try:
            outcome.append(call())
        except BaseException as error:
            outcome.append(error)

    thread = Thread(target=work, daemon=True)
    thread.start()
    thread.join(seconds)
    if not outcome:
        raise TimeoutError(f"no whole answer within {seconds:.0f} seconds")
    if isinstance(outcome[0], BaseException):
        raise outcome[0]
    return outcome[0]


class _Redirect(urllib.request.HTTPRedirectHandler):
    """Another host is as good as the first, for the sha256 decides; a lesser scheme is not."""

    def redirect_request(self, req: Any, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Any:
        if not newurl.startswith(("https://",) if req.type == "https" else ("https://", "http://")):
            raise urllib.error.URLError(f"it leads from {req.type} to {newurl[:200]!r}")
        fp.close()  # the base class would read its body to the end, if there is one
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _opener() -> urllib.request.OpenerDirector:
    """For http and https, through the proxies of the environment; no file:, ftp: or data:."""
    opener = urllib.request.OpenerDirector()
    for handler in (
        urllib.request.ProxyHandler(),
        urllib.request.UnknownHandler(),
        urllib.request.HTTPHandler(),
        urllib.request.HTTPSHandler(),
        urllib.request.HTTPDefaultErrorHandler(),
        urllib.request.HTTPErrorProcessor(),
        _Redirect(),
    ):
        opener.add_handler(handler)
    return opener


def _reason(error: Exception) -> str:
    """Without what the server wrote into its status line: that would reach the user's terminal."""
    if isinstance(error, urllib.error.HTTPError):
        return f"it answers HTTP {error.code}"
    return str(error.reason if isinstance(error, urllib.error.URLError) else error) or type(error).__name__


def _another(name: str, url: str, what: str) -> BenchmarkError:
    return BenchmarkError(
        f"{url} sent another file than {name}: {what}. Nothing is kept. Get it from its authors and put it into "
        "$BENCHMARK_WEIGHTS."
    )
