"""A run folder -> the folder of its report: one page that opens from a disk, its media, and the files behind it."""

from __future__ import annotations

import errno
import os
import shutil
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError
from benchmark.reporting.html.collect import read_run
from benchmark.reporting.html.media import LIMIT_MB, Media
from benchmark.reporting.html.page import FILES, page

_MARK = "report.json"
"""Stands in every report; a folder without it is somebody's, and is never replaced."""


@dataclass(frozen=True)
class Report:
    """What was written. bytes: of the whole folder; media_bytes: of its sound and pictures, at most `limit`. copied,
    linked, missing: files of trials and pictures; trials: shown, of all."""

    folder: str
    run: str
    status: str
    bytes: int
    media_bytes: int
    limit: int
    trials: int
    copied: int
    linked: int
    missing: int
    seconds: float


def write_report(
    run_folder: Path, out: Path | None = None, limit_mb: float = LIMIT_MB, reproduced: Path | None = None
) -> Report:
    """Make the report of a run, finished or not, in `out` (default: `report` in the run folder); all of it or nothing.

    A report that is there already is replaced, once the new one is whole. `reproduced`: folder of the tables of papers
    that `reproduce --out` wrote.

    Raises:
        BenchmarkError: no run folder; no tables in `reproduced`; `out` is no report; the disk is full.
    """
    started = time.monotonic()
    if limit_mb < 0:
        raise BenchmarkError(f"A limit of {limit_mb:g} MB: expected at least 0.")
    run = read_run(run_folder)
    out = run_folder / "report" if out is None else out
    _replaceable(out)
    part = out.with_name(f".{out.name}.{os.getpid()}.part")
    try:
        part.mkdir(parents=True)
        media = Media(part, out, round(limit_mb * 1e6))
        html, shown = page(run, media, reproduced)
        write_text(part / "index.html", html)
        _copy(run.folder, part)
        report = Report(
            folder=str(out),
            run=run.folder.resolve().name,
            status=run.record.status,
            bytes=sum(file.stat().st_size for file in part.rglob("*") if file.is_file()),
            media_bytes=media.written,
            limit=media.limit,
            trials=shown,
            **media.counts,
            seconds=round(time.monotonic() - started, 1),
        )
        write_json(part / _MARK, asdict(report))
        _take_place(part, out)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EFBIG):
            raise
        raise BenchmarkError(
            f"Cannot write the report {out}: {error.strerror}. Nothing was changed; make room, or name another folder "
            f"with --out."
        ) from None
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return report


def _replaceable(out: Path) -> None:
    if out.resolve() == Path.cwd():
        raise BenchmarkError(f"--out {out} is the current folder. Name one of the report's own.")
    if out.is_dir() and not (out / _MARK).is_file() and any(out.iterdir()):
        raise BenchmarkError(f"{out} is there already and is no report. Name another folder with --out.")
    if out.exists() and not out.is_dir():
        raise BenchmarkError(f"{out} is a file. Name a folder with --out.")


def _take_place(part: Path, out: Path) -> None:
    """Whoever looks meanwhile sees the old report, for a moment none, or the new one; never half of one."""
    old = out.with_name(f".{out.name}.{os.getpid()}.old")
    if out.exists():
        os.replace(out, old)
    try:
        os.replace(part, out)
    except BaseException:
        if old.exists():
            os.replace(old, out)
        raise
    shutil.rmtree(old, ignore_errors=True)


def _copy(folder: Path, part: Path) -> None:
    (part / "files").mkdir()
    for name in FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, part / "files" / name)
