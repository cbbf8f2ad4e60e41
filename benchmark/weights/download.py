"""One verified download: a temporary file, its sha256, then the name."""

from __future__ import annotations

import hashlib
import http.client
import urllib.request
from pathlib import Path

from tqdm import tqdm

from benchmark.atomic import atomic
from benchmark.errors import BenchmarkError, MissingWeights

_CHUNK = 1 << 16
_TIMEOUT = 30.0


def fetch(name: str, url: str, target: Path, sha256: str, licence: str) -> None:
    """Fetch `url` into `target` with a progress bar on stderr; kept only if its sha256 begins with `sha256`.

    Raises:
        MissingWeights: no connection, refused, or broken off.
        BenchmarkError: what came is another file; nothing is kept.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    try:
        with urllib.request.urlopen(url, timeout=_TIMEOUT) as reply, atomic(target) as file:
            length = reply.headers.get("Content-Length")
            size = int(length) if length else None
            with tqdm(total=size, unit="B", unit_scale=True, desc=f"{name} ({licence})") as bar:
                while chunk := reply.read(_CHUNK):
                    file.write(chunk)
                    digest.update(chunk)
                    bar.update(len(chunk))
            received = file.tell()  # the bar counts nothing where it is switched off
            if size is not None and received != size:
                raise MissingWeights(
                    f"{name}: {url} broke off after {received} of {size} bytes. Run the command again."
                )
            if not digest.hexdigest().startswith(sha256):
                raise BenchmarkError(
                    f"{url} sent another file than {name}: sha256 {digest.hexdigest()}, expected {sha256}. Nothing is "
                    "kept. Get it from its authors and put it into $BENCHMARK_WEIGHTS."
                )
    except (OSError, http.client.HTTPException) as error:
        raise MissingWeights(
            f"{name} cannot be downloaded from {url} into {target.parent}: {error}. Run `python -m benchmark weights "
            f"get {name}` where there is a network, or put {target.name} into $BENCHMARK_WEIGHTS."
        ) from error
