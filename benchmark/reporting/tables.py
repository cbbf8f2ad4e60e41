"""Scores -> rows: means, intervals and paired differences per split, and the four files of a table.

Everything comes from `run.json`, `trials.csv` and `scores.jsonl`, so a table can be remade from a run folder alone.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path

from pydantic import TypeAdapter, ValidationError

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError
from benchmark.registry import PREFIXES, protocol_version
from benchmark.reporting.cells import difference_row, table_row
from benchmark.reporting.layout import blocks, to_latex, to_markdown
from benchmark.reporting.schema import DifferenceRow, RunRecord, SystemFacts, TableRow
from benchmark.reporting.statistics import MIN_CLUSTERS
from benchmark.reporting.store import RunFolder, read_scores
from benchmark.reporting.strata import by_key, cells, target
from benchmark.tasks import TASKS
from protocols.trial import Score, Trial, read_trials

_OF_PICTURES = (
    (
        ("fid@*", "kid@*"),
        "FID, KID: mean over sets (direction, split, repeat), n = outputs, no interval; directions: see table.csv.",
    ),
    (
        ("lpips@*",),
        "LPIPS: mean over the pairs of a source's outputs, n = sources (its first target stands for the others in the "
        "interval); ᶠ counts outputs.",
    ),
    (
        ("*@pocket", "fid@random"),
        "@pocket (embedded judges) and @random (a fixed random network): never to be put beside a paper's.",
    ),
)
"""Metrics of pictures -> what a reader must know of them."""
_OF_SOURCE = {"wer@": "WER", "f0_corr@": "F0 correlation"}
"""Metrics of what the source gives -> their names."""
FORMS = ("shuffled_reference", "gender_only")
"""The controls made of a system itself that it is compared with (DESIGN.md section 6a)."""
ORDERED = {"cos_target": "cos_input", "cos_input": "cos_random"}
"""Families of metrics of which the first is to be above the second, by one judge (CAE's table 3)."""


def table_rows(record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]) -> list[TableRow]:
    """One row per task, corpus, metric, system and split that has trials.

    Args:
        record: names systems, metrics and corpora, and holds the facts and notes that rows repeat.
        trials: the frozen list; a trial with `system` set counts for that system alone.
        scores: of any order; those of unlisted systems, metrics or trials are an error.

    Raises:
        BenchmarkError: a score that belongs to no row, a trial that belongs to no corpus, two trials of one name, or
            scores of one cell of which only some carry a weight.
    """
    found = by_key(record, trials, scores)
    return [table_row(record, cell, own, found) for cell, own in cells(record, trials)]


def difference_rows(record: RunRecord, trials: Sequence[Trial], scores: Sequence[Score]) -> list[DifferenceRow]:
    """Every system against its own forms, a trained one against the mean face of the target's gender, and each against
    itself under the next of the `ORDERED` metrics; paired on the trials that both have a value for, none where n = 0.

    Raises:
        BenchmarkError: as `table_rows`; two scores of one trial that weigh differently.
    """
    found = by_key(record, trials, scores)
    rows = []
    for _, strata in groupby(cells(record, trials), lambda pair: replace(pair[0], split="")):
        here = list(strata)
        for against in _opponents(record, here[0][0].system):
            rows += [difference_row(record, cell, against, own, found) for cell, own in here]
        family, _, judge = here[0][0].metric.partition("@")
        if lower := ORDERED.get(family):
            rows += [difference_row(record, cell, cell.system, own, found, f"{lower}@{judge}") for cell, own in here]
    return [row for row in rows if row is not None]


def _opponents(record: RunRecord, system: str) -> list[str]:
    trained = record.facts.get(system, SystemFacts()).network is not None and system.split(":")[0] not in PREFIXES
    return [f"{form}:{system}" for form in FORMS] + (["gender_mean_face"] if trained else [])


def caption(record: RunRecord, trials: Sequence[Trial]) -> str:
    """What a reader must know beside the numbers, one line a thing."""
    lines = [
        _origin(record, trials),
        "Mean [95 % interval, clustered by source and target speaker]. "
        f"(k<{MIN_CLUSTERS} clusters): too few speakers for an interval.",
        "ᶠ(k): k of the n items failed and are not in the mean; — : no value.",
    ]
    if any(c.startswith("pocket") for c in record.corpora) and any(m.startswith("nisqa@") for m in record.metrics):
        lines.append("NISQA cannot judge espeak voices: on pocket it shows that the plumbing works, and nothing else.")
    of_source = [name for key, name in _OF_SOURCE.items() if any(m.startswith(key) for m in record.metrics)]
    if of_source and "random_reference" in record.systems:
        lines.append(
            f"{', '.join(of_source)}: ground_truth is the source recording; random_reference says another sentence: "
            "the floor."
        )
    lines += [text for families, text in _OF_PICTURES if any(_is_of(m, families) for m in record.metrics)]
    if any(not t.target_id and target(t) for t in trials):
        lines.append("A latent is drawn for one row alone: intervals are clustered by source speaker.")
    lines += [
        f"{metric}: protocol version {record.protocol_version(metric)}; version {now} is computed today. Never "
        "to be put into one table with it."
        for metric in record.metrics
        if (now := protocol_version(metric)) != record.protocol_version(metric)
    ]
    if record.partial:
        lines.append(f"Partial (fewer trials than asked for): {', '.join(record.partial)}.")
    lines += [f"{metric}: {note}" for metric, note in record.metric_notes.items()]
    return "\n".join([*lines, *record.notes])


def _is_of(metric: str, families: Sequence[str]) -> bool:
    return any(fnmatchcase(metric, family) for family in families)


def _origin(record: RunRecord, trials: Sequence[Trial]) -> str:
    made = f"commit {(record.git.commit or 'unknown')[:10]}{' with changes' if record.git.dirty else ''}"
    if record.given:
        name, digest = Path(record.given.path).name, record.given.sha256[:10]
        return f"Outputs made elsewhere, scored from {name} (sha256 {digest}): {len(trials)} rows; {made}."
    sizes = {cell.corpus: len(own) for cell, own in cells(record, trials) if cell.split == "all"}
    count, seeds = ", ".join(f"{c} ({n} trials)" for c, n in sizes.items()), ", ".join(map(str, record.seeds))
    vocoder = "" if TASKS[record.task].source == "face" else f"vocoder {record.vocoders}; "
    return f"{record.task}, profile {record.profile}: {count}; seed {seeds}; {vocoder}{made}."


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
