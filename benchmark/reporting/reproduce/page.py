"""A reproduction as text, as one JSON document and as files: the layouts of every other table (`reporting.layout`)."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmark.atomic import write_json, write_text
from benchmark.errors import BenchmarkError
from benchmark.reporting.layout import Block, to_latex, to_markdown
from benchmark.reporting.reproduce.lines import (
    FULL,
    Command,
    Judged,
    Line,
    Reproduction,
    commands_of,
    system_of,
    time_of_all,
)
from benchmark.reporting.reproduce.lost import lost_blocks, orders, status
from benchmark.reporting.reproduce.runs import SPLITS
from benchmark.reporting.reproduce.times import Time
from benchmark.reporting.reproduce.verdicts import SEEDS

_DIGITS = {"NISQA": 2, "FID": 1}
"""As the papers print, 2 for any other; ours have one more."""
_CAPTION = (
    "Gain: how much better the first is than the second, in the metric's unit (of FID and WER lower is better).\n"
    f"agrees, disagrees: of {SEEDS} training seeds or more, the spread and the intervals of the trials both say so.\n"
    "undecided → agrees: where the mean alone leans."
)


_APART = (
    "Other corpora, shrunken systems, judges of the suite's own: no number of ours stands beside the paper's, orders "
    "are compared."
)


def as_markdown(found: Reproduction) -> str:
    return to_markdown(blocks(found), caption([found]))


def as_json(found: Reproduction) -> dict[str, Any]:
    """One document: every line, every claim, the commands of what is missing with their times, the runs that were
    read."""
    commands = list(found.needed.values())
    return {
        "table": found.table.name,
        "title": found.table.title,
        "profile": found.profile,
        "rows": records(found),
        "claims": [_claim(judged) for judged in found.judged],
        "commands": command_records(commands),
        "time": time_record(time_of_all(commands)),
        "runs": [
            {
                "folder": str(folder),
                "seed": run.seed,
                "task": run.record.task,
                "corpora": run.record.corpora,
                "commit": run.record.git.commit,
                "finished": run.record.finished,
            }
            for folder, run in found.runs.used.items()
        ],
        "notes": found.runs.notes,
    }


def command_records(commands: Iterable[Command]) -> list[dict[str, Any]]:
    return [
        {"command": c.text, "run": c.run, "seed": c.seed, "task": c.task, "lacks": [*c.lacks], **time_record(c.time)}
        for c in commands
    ]


def time_record(time: Time) -> dict[str, Any]:
    """seconds: what is known of it; not_measured: what that leaves out; estimate: the same in words."""
    return {"seconds": time.measured, "not_measured": [*time.unknown], "estimate": time.text}


def write(folder: Path, found: Reproduction) -> None:
    """`<table>.md`, `.tex`, `.csv` and `.json`, each atomically.

    Raises:
        BenchmarkError: the folder cannot be written.
    """
    write_files(folder, found.table.name, records(found), blocks(found), caption([found]), as_json(found))


def write_files(
    folder: Path, name: str, rows: Sequence[Mapping[str, Any]], layout: Sequence[Block], said: str, document: Any
) -> None:
    """One thing in four formats: rows as csv, blocks and caption as text, the document as json; each atomically.

    Raises:
        BenchmarkError: the folder cannot be written.
    """
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "values": _listed(row["values"]), "orders": "; ".join(row["orders"])} for row in rows)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        write_text(folder / f"{name}.csv", text.getvalue())
        write_text(folder / f"{name}.md", to_markdown(layout, said))
        write_text(folder / f"{name}.tex", to_latex(layout, said))
        write_json(folder / f"{name}.json", document)
    except OSError as error:
        raise BenchmarkError(f"Cannot write {name} into {folder}: {error.strerror}.") from None


def blocks(found: Reproduction) -> list[Block]:
    """Ours beside the paper's where they may be compared; where not, the paper's stand in a block of their own."""
    what = "Ours beside the paper's." if found.profile == FULL else _APART
    layout = [Block(f"{found.table.title} · profile {found.profile}", remark=what)]
    for place in dict.fromkeys(map(_place, found.lines)):
        layout.append(_values(found, [e for e in found.lines if _place(e) == place]))
    apart = [e for e in found.lines if e.unlike and e.split == SPLITS[0]]
    if apart:
        layout.append(_printed(apart))
    return [*layout, *lost_blocks(found), *_claims(found.judged)]


def _place(line: Line) -> tuple[str, str, str | None, str]:
    return line.cell.dataset, line.cell.corpus, line.corpus, line.cell.metric


def _values(found: Reproduction, lines: Sequence[Line]) -> Block:
    """One line a system; `− paper` only where the paper's number may stand beside ours."""
    compared = [e for e in lines if not e.unlike]
    keys = dict.fromkeys(e.metric for e in lines)
    heads = ["guidance", "system", *(["paper"] if compared else [])]
    for split in SPLITS:
        heads += [split, "− paper"] if compared else [split]
    rows = []
    for cell in dict.fromkeys(e.cell for e in lines):
        own = {e.split: e for e in lines if e.cell == cell}
        row = [cell.guidance, _name(cell.model, system_of(cell, found.profile))]
        row += [_paper(own[SPLITS[0]])] if compared else []
        for split in SPLITS:
            row += [_ours(own[split], found.needed), *([_less(own[split])] if compared else [])]
        rows.append(tuple(row))
    first = lines[0]
    corpus = f"{first.cell.corpus} with another" if first.cell.crosses else first.corpus or first.cell.corpus
    title = f"{first.cell.metric} · {first.cell.dataset} · {corpus} · {', '.join(keys)}"
    why = "; ".join(dict.fromkeys(e.cell.measure.unlike or e.unlike for e in lines if e.unlike))
    why = "" if why == f"profile {found.profile}" else why
    notes = [
        f"{', '.join(dict.fromkeys(e.cell.model for e in lines if e.note == note))}: {note}."
        for note in dict.fromkeys(e.note for e in lines if e.note)
    ]
    remark = [f"Not to be compared with the paper's ({why})."] if why else []
    return Block(title, tuple(heads), tuple(rows), "\n".join(["", *remark, *notes]).rstrip())


def _printed(lines: Sequence[Line]) -> Block:
    """A column a metric."""
    metrics = list(dict.fromkeys(e.cell.metric for e in lines))
    places = dict.fromkeys((e.cell.dataset, e.cell.guidance, e.cell.model) for e in lines)
    said = {(e.cell.dataset, e.cell.guidance, e.cell.model, e.cell.metric): e.cell.value or "LOST" for e in lines}
    rows = tuple((*place, *(said.get((*place, metric), "") for metric in metrics)) for place in places)
    return Block("the paper's own numbers, as printed", ("dataset", "guidance", "model", *metrics), rows)


def _claims(judged: Sequence[Judged]) -> list[Block]:
    """A line a claim, one block a dataset and split; below, what keeps a claim open besides its interval."""
    blocks = []
    for place in dict.fromkeys((j.claim.first.dataset, j.claim.first.corpus, j.split) for j in judged):
        own = [j for j in judged if (j.claim.first.dataset, j.claim.first.corpus, j.split) == place]
        lines = [(f"{j.claim.first.metric}, {j.claim.first.guidance}", j.claim.text, *_said(j)) for j in own]
        whys = dict.fromkeys(f"{j.claim.first.metric}: {j.verdict.why}." for j in own if j.verdict.why)
        heads = ("metric", "the paper's order", "ours", "gain [95 %]", "seeds")
        title = f"does the order agree? · {' · '.join(place)}"
        blocks.append(Block(title, heads, tuple(lines), "\n".join(["", *whys]).rstrip()))
    return blocks


def caption(found: Sequence[Reproduction]) -> str:
    """What is said below one table, or below several of one profile: a line each of terms, runs read, runs missing."""
    used = {folder: run for one in found for folder, run in one.runs.used.items()}
    commands = commands_of(found)
    lines = ["Ours: mean ± standard deviation over seeds (n seeds, and of how many trainings where fewer).", _CAPTION]
    folders = ", ".join(f"{folder.name} (seed {run.seed})" for folder, run in used.items())
    lines.append(f"Runs of profile {found[0].profile}: {folders or 'none'}.")
    lines += dict.fromkeys(note for one in found for note in one.runs.notes)
    lines += _missing(commands)
    if commands:
        total = time_of_all(commands)
        lines.append(f"All missing runs, one after another (--make trains a network once a seed): {total.text}.")
        lines.append(found[0].how)
    return "\n".join(line.rstrip("\n") for line in lines)


def _missing(commands: Sequence[Command]) -> Iterator[str]:
    """A line each; those that differ in the seed alone are one."""
    for run in dict.fromkeys(c.run for c in commands):
        own = [c for c in commands if c.run == run]
        first, *others = own
        lacks = f" (this version does not have {', '.join(first.lacks)})" if first.lacks else ""
        seeds = f" (also --seed {', '.join(str(c.seed) for c in others)})" if others else ""
        yield f"run {run}{lacks}: {first.kind} --seed {first.seed}{seeds}"
        if not first.lacks:
            said = {t: [str(c.seed) for c in own if c.time.text == t] for t in dict.fromkeys(c.time.text for c in own)}
            parts = [f"seed {', '.join(of)} {text}" if len(said) > 1 else text for text, of in said.items()]
            each = " each" if len(said) == 1 and others else ""
            yield f"run {run} takes: {'. '.join(parts)}{each}."


def _ours(line: Line, commands: Mapping[int, Command]) -> str:
    if line.mean is None:
        if line.tried or not line.commands:
            return "—"
        return f"no run → run {commands[line.commands[0]].run}"
    digits = _DIGITS.get(line.cell.metric, 2) + 1
    sd = "" if line.sd is None else f" ± {line.sd:.{digits}f}"
    seeds = f"{len(line.values)} seed{'s' if len(line.values) > 1 else ''}"
    trainings = f", {line.networks} training" if line.networks < len(line.values) else ""
    return f"{line.mean:.{digits}f}{sd} ({seeds}{trainings})"


def _paper(line: Line) -> str:
    if line.unlike:
        return ""
    return line.cell.value or "LOST" if line.paper is None or line.cell.measure.unit == 1 else f"{line.paper:g}"


def _less(line: Line) -> str:
    digits = _DIGITS.get(line.cell.metric, 2) + 1
    return "" if line.difference is None else f"{line.difference:+.{digits}f}"


def _name(model: str, system: str) -> str:
    return model if model == system else f"{model} ({system})"


def _said(judged: Judged) -> tuple[str, str, str]:
    verdict = judged.verdict
    if verdict.gain is None:
        return verdict.status, "", ""
    digits = _DIGITS.get(judged.claim.first.metric, 2) + 1
    bounds = "" if verdict.low is None else f" [{verdict.low:+.{digits}f}, {verdict.high:+.{digits}f}]"
    return status(judged), f"{verdict.gain:+.{digits}f}{bounds}", str(len(verdict.seeds))


def records(found: Reproduction) -> list[dict[str, Any]]:
    """A row a line, keyed alike in json and csv."""
    return [_record(found, line) for line in found.lines]


def _record(found: Reproduction, line: Line) -> dict[str, Any]:
    cell = line.cell
    system, at, home = system_of(cell, found.profile).partition("@")
    return {
        "dataset": cell.dataset,
        "corpus": line.corpus,
        "guidance": cell.guidance,
        "model": cell.model,
        "task": cell.task,
        "system": system if found.profile == FULL else f"{system}:{found.profile}{at}{home}",
        "paper_metric": cell.metric,
        "metric": line.metric,
        "split": line.split,
        "paper_value": line.paper,
        "paper_printed": None if line.unlike else cell.value or "LOST",
        "paper_note": None if line.unlike else cell.note,
        "lost": cell.value == "",
        "orders": orders(found, cell, line.split) if cell.value == "" else [],
        "value": line.mean,
        "sd": line.sd,
        "seeds": len(line.values),
        "trainings": line.networks,
        "values": {str(seed): value for seed, value in line.values.items()},
        "difference": line.difference,
        "unlike": line.unlike,
        "note": line.note,
        "command": found.needed[line.commands[0]].text if line.commands else None,
    }


def _claim(judged: Judged) -> dict[str, Any]:
    claim, verdict = judged.claim, judged.verdict
    return {
        "dataset": claim.first.dataset,
        "corpus": claim.first.corpus,
        "metric": claim.first.metric,
        "guidance": claim.first.guidance,
        "claim": claim.text,
        "split": judged.split,
        "verdict": verdict.status,
        "leans": verdict.leans or None,
        "gain": verdict.gain,
        "low": verdict.low,
        "high": verdict.high,
        "seeds": list(verdict.seeds),
        "why": verdict.why,
    }


def _listed(values: dict[str, float]) -> str:
    return ";".join(f"{seed}:{value:.6g}" for seed, value in values.items())
