"""`reproduce`: the tables of the papers beside what our runs have."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import tyro

from benchmark.errors import BenchmarkError

if TYPE_CHECKING:
    from benchmark.reporting.reproduce.lines import Command, Reproduction


@dataclass(frozen=True)
class Reproduce:
    """One table of a paper, or --all: its numbers, ours over seeds, the difference, and whether our order agrees.

    Reads finished runs of the profile in results/ and in --runs. Seen and unseen speakers stand apart, because the
    paper does not say which it has. Where a run is missing, the command that makes it is printed, with the time it
    takes as far as anything of it was measured; --make runs these. Values that are lost (LOST) stand with what the
    text says of their order. At any profile but `paper` the systems are shrunken and the corpora embedded: then no
    number stands beside the paper's, and only orders are compared.

    Tables: xfavot.table2, xfavot.table3, xfavot.table4, xfavot.table5, xfavot.figure5, cae.table2, cae.table3,
    cae.retrieval.

    Examples:
        python -m benchmark reproduce xfavot.table5 --profile pocket
        python -m benchmark reproduce xfavot.table3 --runs /data/runs --out tables/
        python -m benchmark reproduce cae.table3 --corpus voxceleb_vggface=/data/vox --make --json
        python -m benchmark reproduce --all --profile pocket --out tables/
    """

    table: tyro.conf.Positional[str] = ""
    """Which table."""
    all: tyro.conf.FlagCreatePairsOff[bool] = False
    """Every table of both papers, and a summary; a run that several of them lack is named, or made, once."""
    profile: str = "paper"
    """The profile of the runs: a name, or a path to a .toml of your own."""
    runs: tuple[Path, ...] = ()
    """Run folders, or folders of run folders, besides those in results/."""
    seeds: tuple[int, ...] = (0, 1, 2)
    """Seeds that there should be runs of: the missing ones are printed, or made. Runs of other seeds count too."""
    corpus: tyro.conf.UseAppendAction[tuple[str, ...]] = ()
    """NAME=FOLDER, may be repeated: where the papers' corpora lie, for the commands."""
    make: tyro.conf.FlagCreatePairsOff[bool] = False
    """Run the missing commands first, in the order of the table (their folders are in results/)."""
    out: Path | None = None
    """Write <table>.md, .csv, .tex and .json into this folder too (with --all also papers.md and so on)."""
    json: tyro.conf.FlagCreatePairsOff[bool] = False
    """Print one JSON document on stdout, and nothing else there."""


def main(settings: Reproduce) -> int:
    from benchmark.reporting.reproduce import every, page
    from benchmark.reporting.reproduce.lines import commands_of

    if bool(settings.table) == settings.all:
        raise BenchmarkError("Name one table, or ask for --all of them. `reproduce --help` lists the names.")
    found = _reproductions(settings)
    if settings.make:
        made: list[tuple[Command, Path]] = []
        for command in commands_of(found):
            if folder := _run(command, made):
                made.append((command, folder))
        found = _reproductions(settings)
    if settings.out is not None:
        every.write(settings.out, found) if settings.all else page.write(settings.out, found[0])
    if settings.json:
        print(json.dumps(every.as_json(found) if settings.all else page.as_json(found[0]), indent=2))
    else:
        print(every.as_markdown(found) if settings.all else page.as_markdown(found[0]))
    return 0


def _reproductions(settings: Reproduce) -> list[Reproduction]:
    from benchmark.reporting.reproduce.lines import reproductions
    from benchmark.reporting.reproduce.papers import NAMES, paper_table
    from benchmark.reporting.reproduce.runs import find_runs
    from benchmark.reporting.reproduce.times import paces
    from benchmark.settings import load_profile

    tables = [paper_table(name) for name in (NAMES if settings.all else (settings.table,))]
    folders = dict(text.partition("=")[::2] for text in settings.corpus)
    profile = load_profile(settings.profile)
    runs = find_runs(profile.name, settings.runs)
    return reproductions(tables, runs, settings.seeds, folders, paces(profile, runs.runs))


def _run(command: Command, made: Sequence[tuple[Command, Path]]) -> Path | None:
    """Make one missing run, with networks that runs `made` before it have trained; one of a system that this version
    does not have is left to a later one."""
    import sys

    if command.lacks:
        print(f"left out, {', '.join(command.lacks)} is not in this version: {command.text}", file=sys.stderr)
        return None
    from benchmark.registry import parse_system
    from benchmark.runner.networks import trained_in
    from benchmark.runner.run import run
    from benchmark.runner.settings import RunSettings, plan

    print(command.text, file=sys.stderr)
    networks = list(dict.fromkeys(parse_system(name).network for name in command.systems))
    alike = [folder for other, folder in made if (other.seed, other.corpora) == (command.seed, command.corpora)]
    return run(
        plan(
            RunSettings(
                task=command.task,
                systems=command.systems,
                corpus=command.corpora,
                profile=command.profile,
                metrics=command.metrics,
                seed=command.seed,
                trained=tuple(folder for folder in alike if trained_in(folder, networks)),
            )
        )
    )
