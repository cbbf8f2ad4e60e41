"""Outputs that somebody else produced + their trial list -> the scores, statistics and tables of a run."""

from __future__ import annotations

import hashlib
import json
import shlex
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tqdm import tqdm

from benchmark.atomic import write_json
from benchmark.errors import BenchmarkError
from benchmark.registry import canonical
from benchmark.reporting import tables
from benchmark.reporting.schema import Given, RunRecord, provenance
from benchmark.reporting.store import RunFolder, ScoreLog
from benchmark.runner.given_list import GivenList, read_given
from benchmark.runner.real import folder_pictures, real_counts
from benchmark.runner.score import judges_sha256, remarks, score, together, usable
from benchmark.runner.session import noting_failure, now, peak_memory
from benchmark.tasks import TASKS
from protocols.media_scores import is_picture, is_sound
from protocols.trial import Trial, trials_sha256, write_trials

Contents = Mapping[str, str | None]
"""Path below the root -> sha256 of the file, None where there is none."""


@dataclass(frozen=True)
class _Asked:
    """What a list is scored as: a folder holds one of these."""

    given: Given
    contents: Contents

    @property
    def short(self) -> str:
        given = self.given.model_dump(exclude={"path"}, exclude_none=True)
        text = json.dumps([given, dict(self.contents)], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:8]


def score_given(
    path: Path,
    root: Path | None = None,
    metrics: Sequence[str] = (),
    out: Path | None = None,
    real: Path | None = None,
) -> Path:
    """Score a list, or finish scoring it; the same list over the same files on the same folder goes on.

    Args:
        path: CSV with at least the columns output, system and task (`protocols.trial.Trial`).
        root: folder of its paths (default: the folder of the list).
        metrics: metric keys for the rows of every task (default: the metrics of each row's task).
        out: run folder (default `results/score-<stem>-<hash of list, root, metrics and files>`).
        real: folder with female/ and male/, the pictures that sets of outputs are compared with (FID, KID).

    Returns:
        The run folder, with table.{md,csv,tex,json} written.

    Raises:
        BenchmarkError: as `read_given` and `folder_pictures`; unknown metric; no such root; not one output in it; a
            metric of sets named without `real`; the folder holds something else, or scores of files that have changed
            since.
    """
    metrics = tuple(dict.fromkeys(map(canonical, metrics)))
    given = read_given(path, metrics)
    root = path.parent if root is None else root
    if not root.is_dir():
        raise BenchmarkError(f"--root {root}: no such folder.")
    contents = _contents(given.rows, root, path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    tasks = {task: list(keys) for task, keys in given.tasks.items()}
    wanted = list(dict.fromkeys(metric for keys in tasks.values() for metric in keys))
    protocols, metric_notes = usable(wanted, asked=bool(metrics))
    if real is None:
        metric_notes |= _without_real(protocols, asked=bool(metrics))
    if not metrics:
        metric_notes |= _unfit(protocols, given)
    protocols = {metric: protocol for metric, protocol in protocols.items() if metric not in metric_notes}
    pictures = [] if real is None else [folder_pictures(real, path.stem)]
    shared = together(protocols, pictures)
    bytes_of = pictures[0].sha256 if pictures else None
    asked = _Asked(Given(path=str(path), sha256=digest, root=str(root.resolve()), tasks=tasks, real=bytes_of), contents)
    with RunFolder(out or Path("results") / f"score-{path.stem}-{asked.short}") as folder:
        record = folder.open(_record(path, given, asked.given, wanted, metric_notes))
        with noting_failure(folder, record):
            _same_files(folder.path / "files.json", contents)
            write_trials(folder.trials, given.rows)
            log = ScoreLog(folder.scores)
            counts = score(shared, given.rows, _wrong_kind(given.rows), root, log, lambda m, row: m in tasks[row.task])
            said = remarks(shared, given.rows, lambda m, row: m in tasks[row.task])
        record = record.model_copy(
            update={
                "trials_sha256": trials_sha256(given.rows),
                "weights_sha256": judges_sha256(protocols),
                "real_pictures": real_counts(pictures),
                "counts": counts,
                "notes": list(dict.fromkeys([*record.notes, *said])),
                "peak_memory": max(record.peak_memory or 0, peak_memory()),
                "finished": now(),
                "status": "finished",
            }
        )
        folder.write(record)
        tables.remake(folder.path)
        return folder.path


def _without_real(protocols: Mapping[str, Any], asked: bool) -> dict[str, str]:
    """Metric of sets -> how to mend that there is nothing to compare them with.

    Raises:
        BenchmarkError: such a metric was asked for by name.
    """
    metrics = [metric for metric, protocol in protocols.items() if metric in getattr(protocol, "of_sets", ())]
    why = "compares outputs with real pictures: name them with --real FOLDER, which holds female/ and male/"
    if metrics and asked:
        raise BenchmarkError(f"{metrics[0]} {why}.")
    return dict.fromkeys(metrics, f"it {why}")


def _unfit(protocols: Mapping[str, Any], given: GivenList) -> dict[str, str]:
    """Metric -> why it is left out unless it is asked for: a judge that says of itself that it cannot judge such rows
    (a recogniser of 51 words, of real speech) would only fill a column with noise."""
    why = {}
    for metric, protocol in protocols.items():
        rows = [row for row in given.rows if metric in given.tasks[row.task]]
        if hasattr(protocol, "fits") and not protocol.fits(rows):
            said = " ".join(remarks({metric: protocol}, rows)).removeprefix(f"{metric}: ")
            why[metric] = f"{said} Named with --metrics it is computed."
    return why


def _record(
    path: Path, given: GivenList, listed: Given, metrics: Sequence[str], metric_notes: dict[str, str]
) -> RunRecord:
    return RunRecord(
        kind="score",
        command=shlex.join(["python", "-m", "benchmark", *sys.argv[1:]]),
        task="",
        profile="",
        systems=dict(given.systems),
        corpora=[path.stem],
        metrics=list(metrics),
        seeds=[],
        settings={},
        metric_notes=metric_notes,
        notes=list(given.notes),
        given=listed,
        started=now(),
        **provenance(),
    )


def _contents(rows: Iterable[Trial], root: Path, path: Path) -> Contents:
    """What lies at every path the rows name.

    Raises:
        BenchmarkError: not one output is there; the message names a root under which the first one is.
    """
    rows = list(rows)
    outputs = {row.output for row in rows if row.output}
    if not outputs:
        raise BenchmarkError(f"{path}: no row names an output; the column `output` is empty.")
    if not any((root / name).is_file() for name in outputs):
        first = next(iter(row.output for row in rows if row.output), "")
        folders = [path.parent, *path.resolve().parents, Path.cwd()]
        fitting = next((f for f in folders if first and (f / first).is_file()), None)
        hint = (
            f"Did you mean --root {fitting}?" if fitting else "Name the folder that the paths start from with --root."
        )
        raise BenchmarkError(f"None of the {len(outputs)} outputs of {path} is below {root}, {first!r} is not. {hint}")
    names = sorted({name for row in rows for name in _files(row)})
    return {name: _sha256(root / name) for name in tqdm(names, "files", disable=None, leave=False)}


def _files(row: Trial) -> list[str]:
    single = (row.output, row.source, row.reference, row.content, row.other_target_face, row.other_face)
    return [name for name in (*single, *row.natural_target_voice) if name]


def _sha256(path: Path) -> str | None:
    if not path.is_file():
        return None
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:  # a metric that needs it says so of its row
        return None


def _same_files(path: Path, contents: Contents) -> None:
    """Note what is judged; a file that was missing may have come since, one that was judged may not have changed.

    Raises:
        BenchmarkError: the folder holds scores of other contents.
    """
    if path.is_file():
        before: Contents = json.loads(path.read_text(encoding="utf-8"))
        changed = [name for name, digest in before.items() if digest is not None and contents.get(name) != digest]
        if changed:
            raise BenchmarkError(
                f"{path.parent} holds scores of files that have changed since: {', '.join(changed[:3])}"
                f"{f' and {len(changed) - 3} more' if len(changed) > 3 else ''}. Name another folder with --out."
            )
    write_json(path, dict(contents))


def _wrong_kind(rows: Sequence[Trial]) -> dict[tuple[str, str], str]:
    """(system, trial) -> why its output is none, for pictures where the task gives voices and the other way round:
    metrics of one pass over the other, and a row passed over would be missing from the count."""
    voices = {
        (row.system, row.trial): f"{row.output} is a picture; {row.task} gives voices"
        for row in rows
        if TASKS[row.task].source == "voice" and is_picture(row.output)
    }
    return voices | {
        (row.system, row.trial): f"{row.output} is a recording; {row.task} gives faces"
        for row in rows
        if TASKS[row.task].source == "face" and is_sound(row.output)
    }
