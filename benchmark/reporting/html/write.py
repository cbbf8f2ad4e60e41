"""A run folder -> the folder of its report: one page that opens from a disk, its media, and the files behind it."""

from __future__ import annotations

import errno
import os
import shutil
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError
from benchmark.reporting.html.collect import Run, read_run
from benchmark.reporting.html.extras import read_reproduced, style_tables
from benchmark.reporting.html.figures import COLOURS, curves
from benchmark.reporting.html.media import LIMIT_MB, SECONDS, Media
from benchmark.reporting.html.numbers import distributions, failures, metrics, overviews
from benchmark.reporting.html.origin import provenance, real_people, took
from benchmark.reporting.html.trials import media_folders, shown_trials

_MARK = "report.json"
"""Stands in every report; a folder without it is somebody's, and is never replaced."""
_FILES = ("run.json", "table.md", "table.csv", "table.tex", "table.json", "differences.json")


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
        page, shown = _page(run, media, reproduced)
        write_text(part / "index.html", page)
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
    for name in _FILES:
        if (folder / name).is_file():
            shutil.copyfile(folder / name, part / "files" / name)


def _page(run: Run, media: Media, reproduced: Path | None) -> tuple[str, int]:
    """(HTML, trials shown). Pictures of the whole run go into the media before the trials."""
    drawn = [(picture, media.picture(picture.path)) for picture in run.pictures if not picture.sheet]
    trials = shown_trials(run, media)
    if not any(trial.copied and item.shown.src for trial in trials for item in trial.items):
        drawn += [(picture, media.picture(picture.path)) for picture in run.pictures if picture.sheet]
    tables = metrics(run)
    figures, plain = distributions(run)
    failed, failures_count = failures(run)
    record = run.record
    names = [[item.name for item in trial.items] for trial in trials]
    values: dict[str, Any] = {
        "title": " · ".join(filter(None, (record.task or "scored outputs", record.profile, ", ".join(record.corpora)))),
        "run": {"folder_name": run.folder.resolve().name},
        "facts": _facts(run),
        "warnings": _warnings(run, media),
        "caption": run.caption,
        "overviews": overviews(tables),
        "metrics": tables,
        "reproduced": [] if reproduced is None else read_reproduced(reproduced),
        "styles": style_tables(run.folder),
        "trials": trials,
        "trial_count": len(run.trials),
        "lined_up": bool(trials) and not any(t.sound for t in trials) and all(own == names[0] for own in names),
        "any_sound": any(item.shown.sound for trial in trials for item in trial.items),
        "spectrogram_seconds": SECONDS,
        "folders": [(folder.name, media.address(folder)) for folder in media_folders(run)],
        "pictures": drawn,
        "distributions": figures,
        "plain": plain,
        "colours": COLOURS,
        "given": record.given is not None,
        "trainings": [(training, curves(training)) for training in run.trainings],
        "failures": failed,
        "failed": failures_count,
        "provenance": provenance(record),
        "files": [name for name in _FILES if (run.folder / name).is_file()],
        "media_note": _media_note(media),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
        "version": record.packages.get("face-voice-benchmark", ""),
    }
    values["sections"] = _sections(values)
    templates = Environment(
        loader=PackageLoader("benchmark.reporting.html", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return templates.get_template("page.html.jinja").render(values), len(trials)


def _sections(values: dict[str, Any]) -> list[tuple[str, str]]:
    heard = "Listen" if values["trials"] and values["trials"][0].sound else "Look"
    names = (
        ("overview", "Overview", "overviews"),
        ("tables", "Tables", "metrics"),
        ("papers", "Papers", "reproduced"),
        ("trials", heard, "trials"),
        ("pictures", "Pictures", "pictures styles"),
        ("distributions", "Distributions", "distributions"),
        ("training", "Training", "trainings"),
        ("failures", "Failures", "failures"),
        ("provenance", "Provenance", "provenance"),
    )
    return [(anchor, name) for anchor, name, keys in names if any(values[key] for key in keys.split())]


def _facts(run: Run) -> list[tuple[str, str]]:
    record = run.record
    splits = {split: sum(t.split == split for t in run.trials) for split in dict.fromkeys(t.split for t in run.trials)}
    split = f" ({', '.join(f'{n:,} {s}' for s, n in splits.items())})" if all(splits) and len(splits) > 1 else ""
    known = {
        "status": record.status,
        "trials": f"{len(run.trials):,}{split}" if run.trials else "",
        "systems": str(len(record.systems)),
        "seeds": ", ".join(map(str, record.seeds)),
        "items failed": f"{len(run.failed):,} of {len(run.scores):,}" if run.scores else "",
        "commit": f"{record.git.commit[:10]}{' + changes' if record.git.dirty else ''}" if record.git.commit else "",
        "device": record.device.name,
        "time": took(record),
        "date": record.started[:10],
    }
    return [(name, value) for name, value in known.items() if value]


def _warnings(run: Run, media: Media) -> Sequence[str]:
    said = list(run.lacks)
    status = run.record.status
    if status != "finished":
        said.insert(0, f"This run is not finished (status: {status}). What follows is what there is so far.")
    if gone := media.counts["missing"]:
        said.append(f"{gone} files of the trials shown are not there or cannot be read: were the media removed?")
    if run.record.partial:
        said.append(f"Fewer trials than asked for: {', '.join(run.record.partial)}.")
    if media.counts["copied"] and real_people(run.record.corpora):
        said.append("Holds recordings or faces of real people. Hand it only to those who may have these.")
    return said


def _media_note(media: Media) -> str:
    counts = media.counts
    said = (
        f"{counts['copied']} files of sound and pictures, {media.written / 1e6:.1f} of at most {media.limit / 1e6:g} MB"
    )
    return f"{said}; {counts['linked']} more are linked." if counts["linked"] else f"{said}."
