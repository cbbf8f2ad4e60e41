"""Atomic writes: a reader sees the old file or the new one, never half of one; a full disk loses neither."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any


@contextmanager
def atomic(path: Path, mode: str = "wb") -> Iterator[IO[Any]]:
    """A file that takes `path`'s name only when the block ends well: same folder, fsync, rename, fsync of the folder.

    Raises:
        OSError: as the disk says (ENOSPC, EACCES); `path` is then untouched and the temporary file gone.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open(mode, encoding=None if "b" in mode else "utf-8") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
        folder = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    finally:
        temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    with atomic(path, "w") as file:
        file.write(text)


def write_json(path: Path, value: Any) -> None:
    """Indented JSON; NaN is refused, because no other reader takes it."""
    write_text(path, json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False) + "\n")
