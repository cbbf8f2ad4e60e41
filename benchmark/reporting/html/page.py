"""The page of a report: everything that a run says, laid out by `page.html.jinja`."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from benchmark.reporting.html.collect import Run
from benchmark.reporting.html.extras import read_reproduced, style_tables
from benchmark.reporting.html.figures import COLOURS, curves
from benchmark.reporting.html.media import SECONDS, Media
from benchmark.reporting.html.numbers import distributions, failures, metrics, overviews
from benchmark.reporting.html.origin import provenance, real_people, took
from benchmark.reporting.html.trials import media_folders, shown_trials
from benchmark.tasks import TASKS

FILES = ("run.json", "table.md", "table.csv", "table.tex", "table.json", "differences.json")
"""Of a run folder, which stand beside the page as they are."""


def page(run: Run, media: Media, reproduced: Path | None) -> tuple[str, int]:
    """(HTML, trials shown). Pictures of the whole run go into the media before the trials.

    Args:
        run: as read.
        media: of the report, still empty.
        reproduced: folder of tables of papers, if there is one.

    Raises:
        BenchmarkError: no tables in `reproduced`.
    """
    drawn = [(picture, media.picture(picture.path)) for picture in run.pictures if not picture.sheet]
    trials = shown_trials(run, media)
    if not any(trial.copied and item.shown.src for trial in trials for item in trial.items):
        drawn += [(picture, media.picture(picture.path)) for picture in run.pictures if picture.sheet]
    tables = metrics(run)
    figures, plain = distributions(run)
    failed, failures_count = failures(run)
    record = run.record
    heard = TASKS[record.task].source == "voice" if record.task in TASKS else any(trial.sound for trial in trials)
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
        "heard": heard,
        "lined_up": bool(trials) and not heard and all(own == names[0] for own in names),
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
        "files": [name for name in FILES if (run.folder / name).is_file()],
        "media_note": _media_note(media),
        "made": datetime.now(UTC).isoformat(timespec="seconds"),
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
    names = (
        ("overview", "Overview", "overviews"),
        ("tables", "Tables", "metrics"),
        ("papers", "Papers", "reproduced"),
        ("trials", "Listen" if values["heard"] else "Look", "trials"),
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
