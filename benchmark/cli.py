"""The verbs, one function each, and nothing else. No torch is imported before a verb needs it."""

from __future__ import annotations

import errno
import inspect
import json
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from benchmark.errors import BenchmarkError
from benchmark.runner.settings import RunSettings, plan


@dataclass(frozen=True)
class Train(RunSettings):
    """Train a task's systems and stop; `run` with the same options goes on from there.

    Examples:
        python -m benchmark train --task image_guided_vc --systems adain_cvc
    """


@dataclass(frozen=True)
class Prepare:
    """Decode corpora into the cache ($BENCHMARK_CACHE, default ~/.cache/face-voice-benchmark).

    Examples:
        python -m benchmark prepare pocket
        python -m benchmark prepare grid=/data/grid --jobs 8
    """

    corpora: tyro.conf.Positional[tuple[str, ...]]
    """NAME or NAME=FOLDER."""
    profile: str = "pocket"
    """Whose reader options to use."""
    seed: int = 0
    """Decides the splits (and the pocket people)."""
    jobs: int | None = None
    """Worker processes (default: the number of cores)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


@dataclass(frozen=True)
class List:
    """Show what there is by name.

    Examples:
        python -m benchmark list tasks
        python -m benchmark list systems --profile paper --json
    """

    what: tyro.conf.Positional[Literal["all", "tasks", "systems", "corpora", "metrics", "profiles"]] = "all"
    profile: str | None = None
    """With `systems`: count the parameters of every module under this profile (loads torch)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


@dataclass(frozen=True)
class Weights:
    """The published networks that metrics use: where they are, whether their bytes are right.

    Examples:
        python -m benchmark weights list
        python -m benchmark weights get nisqa.tar
        BENCHMARK_WEIGHTS=/data/weights python -m benchmark weights verify
    """

    action: tyro.conf.Positional[Literal["list", "verify", "get"]]
    names: tyro.conf.Positional[tuple[str, ...]] = ()
    """Which (default: all)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


@dataclass(frozen=True)
class Compare:
    """Compare a run's table with a golden file; exit code 1 where they differ by more than its tolerances.

    Examples:
        python -m benchmark compare results/golden/image_guided_vc-tiny.json results/my_run
    """

    golden: tyro.conf.Positional[Path]
    run: tyro.conf.Positional[Path]
    """A run folder or its table.json."""
    write: tyro.conf.FlagCreatePairsOff[bool] = False
    """Write the golden file from the run instead, with the tolerances of the old one if there is one."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def _verb(name: str, settings: type) -> Any:
    """A subcommand whose help keeps the examples of the docstring."""
    return tyro.conf.subcommand(name, description=inspect.cleandoc(settings.__doc__ or ""))


Verb = (
    Annotated[RunSettings, _verb("run", RunSettings)]
    | Annotated[Train, _verb("train", Train)]
    | Annotated[Prepare, _verb("prepare", Prepare)]
    | Annotated[List, _verb("list", List)]
    | Annotated[Weights, _verb("weights", Weights)]
    | Annotated[Compare, _verb("compare", Compare)]
)
Rows = list[dict[str, Any]]


def run(settings: RunSettings) -> int:
    from benchmark.runner.run import run as run_all

    folder = run_all(plan(settings))
    if settings.json:
        print((folder / "table.json").read_text(encoding="utf-8"))
    else:
        print((folder / "table.md").read_text(encoding="utf-8"))
        print(f"Written to {folder}: table.md, .csv, .tex, .json, scores.jsonl, outputs.csv, run.json, media/.")
    return 0


def train(settings: Train) -> int:
    from benchmark.runner.run import train_all

    trained = train_all(plan(settings))
    _show([{"system": name, "checkpoint": str(path)} for name, path in trained.items()], settings.json)
    return 0


def prepare(settings: Prepare) -> int:
    from benchmark.runner.corpora import open_store
    from benchmark.runner.settings import parse_corpus
    from benchmark.settings import load_profile

    if settings.seed < 0 or (settings.jobs is not None and settings.jobs < 1):
        raise BenchmarkError(f"--seed {settings.seed} --jobs {settings.jobs}: at least 0 and at least 1, please.")
    profile = load_profile(settings.profile)
    rows: Rows = []
    for name, root in dict(map(parse_corpus, settings.corpora or ("pocket",))).items():
        store = open_store(name, root, profile, settings.seed, settings.jobs)
        skipped = store.meta["skipped"]
        rows.append(
            {"corpus": name, "records": len(store.records), "skipped": len(skipped), "store": str(store.folder)}
        )
    _show(rows, settings.json)
    return 0


def list_names(settings: List) -> int:
    from benchmark import listing

    if settings.what != "all":
        _show(listing.rows(settings.what, settings.profile), settings.json)
        return 0
    kinds = {kind: listing.rows(kind, settings.profile) for kind in listing.KINDS}
    if settings.json:
        print(json.dumps(kinds, indent=2))
    else:
        for kind, rows in kinds.items():
            print(f"\n{kind}\n")
            _show(rows, as_json=False)
    return 0


def weights(settings: Weights) -> int:
    from benchmark import weights as store

    names = settings.names or store.names()
    if settings.action == "get":
        for name in settings.names or [n for n in names if store.entry(n).fetchable]:
            store.get(name)
    rows: Rows = store.status(names)
    _show(rows, settings.json)
    return 1 if settings.action == "verify" and any(row["verified"] is False for row in rows) else 0


def compare(settings: Compare) -> int:
    from benchmark.reporting import golden

    table = settings.run / "table.json" if settings.run.is_dir() else settings.run
    if settings.write:
        golden.rewrite(table, settings.golden)
        return 0
    mismatches = golden.compare_golden(table, settings.golden)
    if settings.json:
        print(json.dumps([m.__dict__ for m in mismatches], indent=2))
    else:
        print(golden.verdict(mismatches, settings.golden))
    return 1 if mismatches else 0


def _show(rows: Rows, as_json: bool) -> None:
    """Rows as one JSON document or as an aligned table."""
    if as_json:
        print(json.dumps(rows, indent=2))
    elif rows:
        heads = list(rows[0])
        cells = [[_cell(row.get(h)) for h in heads] for row in rows]
        widths = [max(len(h), *(len(line[i]) for line in cells)) for i, h in enumerate(heads)]
        for line in [heads, ["-" * w for w in widths], *cells]:
            print("  ".join(text.ljust(w) for text, w in zip(line, widths, strict=True)).rstrip())


def _cell(value: object) -> str:
    if isinstance(value, list | tuple):
        return ", ".join(map(str, value))
    if isinstance(value, dict):
        return ", ".join(f"{k} {v:,}" if isinstance(v, int) else f"{k} {v}" for k, v in value.items())
    return "-" if value is None else str(value)


VERBS: dict[type, Callable[[Any], int]] = {
    RunSettings: run,
    Train: train,
    Prepare: prepare,
    List: list_names,
    Weights: weights,
    Compare: compare,
}


def main(arguments: Sequence[str] | None = None) -> None:
    """Parse, run the verb, exit. A `BenchmarkError` becomes one message on stderr and its exit code."""
    try:
        settings: Any = tyro.cli(Verb, prog="python -m benchmark", description=_ABOUT, args=arguments)
        code = VERBS[type(settings)](settings)
    except BenchmarkError as error:
        print(f"error: {error}", file=sys.stderr)
        code = error.exit_code
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES):
            raise
        where = f" ({error.filename})" if error.filename else ""
        print(f"error: {error.strerror}{where}. What was written is kept; the same command goes on.", file=sys.stderr)
        code = 2
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        code = 130
    raise SystemExit(code)


_ABOUT = """The face <-> voice style-transfer benchmark: train, translate, score, and read a table beside the papers'.

Start with: python -m benchmark run --task image_guided_vc
"""
