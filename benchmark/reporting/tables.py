"""Scores -> rows: means, intervals and paired differences per split, and the four files of a table.

Everything comes from `run.json`, `trials.csv` and `scores.jsonl`, so a table can be remade from a run folder alone.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError
from benchmark.reporting.layout import blocks, to_latex, to_markdown
from benchmark.reporting.paper import paper_value
from benchmark.reporting.schema import DifferenceRow, RunRecord, SystemFacts, TableRow
from benchmark.reporting.statistics import MIN_CLUSTERS, mean_interval, paired_difference
from benchmark.reporting.store import RunFolder, read_scores
from protocols.trial import Score, Trial, read_trials

SPLITS = ("all", "seen", "unseen", "seen/same", "seen/cross", "unseen/same", "unseen/cross")
FORMS = ("shuffled_reference", "gender_only")
"""The controls made of a system itself, `<form>:<system>`; what a system is compared with (DESIGN.md section 6a)."""
NAMED_FAILURES = 3
_SHRUNKEN = ("tiny", "pocket", "small")

Scores = Mapping[tuple[str, str], Mapping[str, Score]]
"""(system, metric) -> trial -> score."""


def table_rows(record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]) -> list[TableRow]:
    """One row per corpus, metric, system and split that has trials.

    Args:
        record: names systems, metrics and corpora, and holds the facts and notes that rows repeat.
        trials: the frozen list; a trial with `system` set counts for that system alone.
        scores: of any order; those of unlisted systems, metrics or trials are an error.

    Raises:
        BenchmarkError: a score that belongs to no row, a trial that belongs to no corpus, two trials of one name.
    """
    by_key, groups = _index(record, trials, scores), _groups(record, trials)
    return [
        _row(record, corpus, metric, system, split, _own(groups[corpus, split], system), by_key)
        for corpus in record.corpora
        for metric in record.metrics
        for system in record.systems
        for split in SPLITS
        if _own(groups[corpus, split], system)
    ]


def difference_rows(record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]) -> list[DifferenceRow]:
    """Every system against its own forms, paired on the trials that both have a value for; none where n = 0.

    Raises:
        BenchmarkError: as `table_rows`.
    """
    by_key, groups = _index(record, trials, scores), _groups(record, trials)
    pairs = [(s, f"{form}:{s}") for s in record.systems for form in FORMS if f"{form}:{s}" in record.systems]
    found = [
        _difference(record, corpus, metric, pair, split, groups[corpus, split], by_key)
        for corpus in record.corpora
        for metric in record.metrics
        for pair in pairs
        for split in SPLITS
    ]
    return [row for row in found if row is not None]


def caption(record: RunRecord, trials: Sequence[Trial]) -> str:
    """What a reader must know beside the numbers, one line a thing."""
    count = ", ".join(f"{c} ({n} trials)" for c in record.corpora if (n := len(_groups(record, trials)[c, "all"])))
    made = f"commit {(record.git.commit or 'unknown')[:10]}{' with changes' if record.git.dirty else ''}"
    seeds = ", ".join(map(str, record.seeds))
    lines = [
        f"{record.task}, profile {record.profile}: {count}; seed {seeds}; vocoder {record.vocoder or 'none'}; {made}.",
        "Mean [95 % interval, clustered by source and target speaker]. "
        f"(k<{MIN_CLUSTERS} clusters): too few speakers for an interval.",
        "ᶠ(k): k of the n items failed and are not in the mean; — : no value.",
    ]
    if any(c.startswith("pocket") for c in record.corpora) and any(m.startswith("nisqa@") for m in record.metrics):
        lines.append("NISQA cannot judge espeak voices: on pocket it shows that the plumbing works, and nothing else.")
    if record.partial:
        lines.append(f"Partial (fewer trials than asked for): {', '.join(record.partial)}.")
    lines += [f"{metric}: {note}" for metric, note in record.metric_notes.items()]
    return "\n".join([*lines, *record.notes])


def write_tables(folder: Path, rows: Sequence[TableRow], differences: Sequence[DifferenceRow], caption: str) -> None:
    """table.md, table.tex, table.csv, table.json and differences.json, each atomically.

    Raises:
        BenchmarkError: the disk is full or fails; the files not yet written are still the old ones.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(TableRow.model_fields), lineterminator="\n")
    writer.writeheader()
    writer.writerows(row.model_dump() for row in rows)
    layout = blocks(rows, differences)
    try:
        write_text(folder / "table.csv", text.getvalue())
        write_text(folder / "table.md", to_markdown(layout, caption))
        write_text(folder / "table.tex", to_latex(layout, caption))
        write_json(folder / "differences.json", [row.model_dump() for row in differences])
        write_json(folder / "table.json", [row.cells() for row in rows])
    except OSError as error:
        raise BenchmarkError(f"Cannot write the tables into {folder}: {error.strerror}. The scores are kept.") from None


def read_rows(path: Path) -> list[TableRow]:
    """The rows of a table.json.

    Raises:
        BenchmarkError: no such file, or not a list of table rows.
    """
    if not path.is_file():
        raise BenchmarkError(f"No table at {path}. `python -m benchmark run` writes one into its run folder.")
    try:
        return TypeAdapter(list[TableRow]).validate_json(path.read_bytes())
    except ValidationError as error:
        raise BenchmarkError(f"{path} is no table.json: {error}") from None


def remake(folder: Path) -> list[TableRow]:
    """Write the tables of a run folder again from what it holds; no network and no media are read.

    Raises:
        BenchmarkError: not a run folder, or its files do not belong together.
    """
    run = RunFolder(folder)
    record, trials, scores = run.read(), read_trials(run.trials), read_scores(run.scores)
    rows = table_rows(record, trials, scores)
    write_tables(folder, rows, difference_rows(record, trials, scores), caption(record, trials))
    return rows


def _index(record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]) -> Scores:
    rows = {(trial.system, trial.trial) for trial in trials}
    names = {name for _, name in rows}
    if len(rows) < len(trials):
        raise BenchmarkError("The trial list names two of its rows alike; every row needs a `trial` of its own.")
    found: dict[tuple[str, str], dict[str, Score]] = defaultdict(dict)
    for score in scores:
        if score.system not in record.systems or score.metric not in record.metrics or score.trial not in names:
            raise BenchmarkError(
                f"A score of system {score.system!r}, metric {score.metric!r}, trial {score.trial!r} belongs to no row "
                f"of this run. Is scores.jsonl from another one?"
            )
        found[score.system, score.metric][score.trial] = score
    return found


def _groups(record: RunRecord, trials: Sequence[Trial]) -> Mapping[tuple[str, str], list[Trial]]:
    """(corpus, split) -> trials."""
    groups: dict[tuple[str, str], list[Trial]] = defaultdict(list)
    for trial in trials:
        corpus = _corpus(record, trial)
        for split in {"all", trial.split, f"{trial.split}/{trial.pairing}"} & set(SPLITS):
            groups[corpus, split].append(trial)
    return groups


def _corpus(record: RunRecord, trial: Trial) -> str:
    """Trials of several corpora are named `<corpus>-...`."""
    if len(record.corpora) == 1:
        return record.corpora[0]
    fitting = [c for c in record.corpora if trial.trial.startswith(f"{c}-")]
    if not fitting:
        raise BenchmarkError(
            f"Trial {trial.trial!r} begins with none of the run's corpora {', '.join(record.corpora)}."
        )
    return max(fitting, key=len)


def _own(trials: Sequence[Trial], system: str) -> list[Trial]:
    return [t for t in trials if t.system in ("", system)]


def _row(
    record: RunRecord, corpus: str, metric: str, system: str, split: str, trials: Sequence[Trial], scores: Scores
) -> TableRow:
    of = scores.get((system, metric), {})
    judged = [(t, s) for t in trials if (s := of.get(t.trial)) is not None]
    good = [(t, s.value) for t, s in judged if s.value is not None]
    failed = [s for _, s in judged if s.error is not None]
    value, low, high, clusters = None, None, None, None
    notes: list[str] = []
    if good:
        value, low, high, clusters, notes = _summary([v for _, v in good], [t for t, _ in good])
    elif not failed:
        notes.append(record.metric_notes.get(metric, "no scores"))
    if failed and split == "all":
        named = "; ".join(f"{s.trial} ({s.error})" for s in failed[:NAMED_FAILURES])
        more = f"; {len(failed) - NAMED_FAILURES} more in scores.jsonl" if len(failed) > NAMED_FAILURES else ""
        notes.append(f"{len(failed)} failed: {named}{more}")
    name, paper = record.systems[system], None
    whole = record.profile == "paper" and split == "all" and corpus not in record.partial
    if whole and not set(name.split(":")) & set(_SHRUNKEN):
        paper, note = paper_value(record.task, corpus, name, metric)
        notes += [note] if note else []
    facts = record.facts.get(system, SystemFacts())
    return TableRow(
        task=record.task,
        corpus=corpus,
        system=name,
        split=split,
        metric=metric,
        value=value,
        low=low,
        high=high,
        n=len(good),
        failed=len(failed),
        paper_value=paper,
        parameters=facts.parameters,
        train_seconds=facts.train_seconds,
        real_time_factor=facts.real_time_factor,
        clusters=clusters,
        partial=corpus in record.partial,
        note="; ".join(notes),
    )


def _summary(
    values: Sequence[float], trials: Sequence[Trial]
) -> tuple[float, float | None, float | None, int | None, list[str]]:
    """Mean, low, high, clusters where they are too few, notes."""
    if not all(t.source_id and t.target_id for t in trials):
        return sum(values) / len(values), None, None, None, ["no interval: a row has no source_id or target_id"]
    found = mean_interval(values, [t.source_id for t in trials], [t.target_id for t in trials])
    few = min(found.clusters)
    if few < MIN_CLUSTERS:
        note = f"no interval: {found.clusters[0]} source and {found.clusters[1]} target speakers, 8 of each needed"
        return found.mean, None, None, few, [note]
    return found.mean, found.low, found.high, None, []


def _difference(
    record: RunRecord,
    corpus: str,
    metric: str,
    pair: tuple[str, str],
    split: str,
    trials: Sequence[Trial],
    scores: Scores,
) -> DifferenceRow | None:
    first, second = (scores.get((system, metric), {}) for system in pair)
    both = [
        (t, a.value, b.value)
        for t in trials
        if (a := first.get(t.trial)) and (b := second.get(t.trial)) and a.value is not None and b.value is not None
    ]
    if not both:
        return None
    ours, theirs = [a for _, a, _ in both], [b for _, _, b in both]
    mean = (sum(ours) - sum(theirs)) / len(both)
    low = high = p = few = None
    if all(t.source_id and t.target_id for t, _, _ in both):
        found = paired_difference(ours, theirs, [t.source_id for t, _, _ in both], [t.target_id for t, _, _ in both])
        mean, low, high, p = found.mean, found.low, found.high, found.p
        few = min(found.clusters) if low is None else None
    return DifferenceRow(
        task=record.task,
        corpus=corpus,
        system=record.systems[pair[0]],
        against=record.systems[pair[1]],
        split=split,
        metric=metric,
        difference=mean,
        low=low,
        high=high,
        p=p,
        n=len(both),
        clusters=few,
    )
