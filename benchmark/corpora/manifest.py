"""Records and manifests: what a corpus says about itself (DESIGN.md section 2)."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from benchmark.atomic import write_text
from benchmark.errors import BenchmarkError

Split = Literal["train", "seen", "unseen"]
SPLITS: tuple[Split, ...] = ("train", "seen", "unseen")
_ID = re.compile(r"[A-Za-z0-9._-]+")


@dataclass(frozen=True)
class Record:
    """One row of a manifest. A record may have one modality only.

    `split`: "train"; "seen" = held-out recordings of training speakers; "unseen" = held-out speakers.
    `gender`: 0 = female, 1 = male, None = not known. `audio` and `image` are paths relative to the
    corpus root, or names that the corpus alone understands (the pocket generator), or None.
    `nationality`: as the corpus spells it, None where it says nothing.
    """

    id: str
    corpus: str
    speaker: str
    gender: int | None
    split: Split
    audio: str | None = None
    image: str | None = None
    transcript: str | None = None
    nationality: str | None = None

    def __post_init__(self) -> None:
        if not _ID.fullmatch(self.id):
            raise BenchmarkError(f"Record id {self.id!r}: ids name files, so only letters, digits, '.', '_' and '-'.")


def _row(record: Record) -> dict[str, Any]:
    """Without a nationality that is not known, so that manifests of corpora that know none stay what they were."""
    row = asdict(record)
    if record.nationality is None:
        del row["nationality"]
    return row


def write_manifest(path: Path, records: Iterable[Record]) -> None:
    """One JSON object a line, keys in the order of `Record`."""
    write_text(path, "".join(json.dumps(_row(r), ensure_ascii=False) + "\n" for r in records))


def read_manifest(path: Path) -> list[Record]:
    # Not splitlines(): JSON leaves U+0085 and U+2028 as they are, and splitlines would cut there.
    return [Record(**json.loads(line)) for line in path.read_text(encoding="utf-8").split("\n") if line]


def manifest_sha256(records: Sequence[Record]) -> str:
    """Order matters: a store's rows are in manifest order."""
    digest = hashlib.sha256()
    for record in records:
        digest.update((json.dumps(_row(record), sort_keys=True) + "\n").encode())
    return digest.hexdigest()
