"""What the styles of a run's system say of people: nearest neighbours across modalities, and a picture of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from benchmark.atomic import write_json
from benchmark.corpora.manifest import Split
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from benchmark.media.catalogue import feature
from benchmark.registry import SystemName, parse_system
from benchmark.reporting.statistics import mean_interval
from benchmark.reporting.store import RunFolder
from benchmark.reporting.styles import neighbour_map, write_map
from benchmark.runner.corpora import open_store
from benchmark.runner.settings import RunSettings
from benchmark.runner.shipped import find_shipped, load_shipped
from benchmark.runner.systems import build, display_name, training_folder
from benchmark.settings import load_profile
from benchmark.system import System
from benchmark.training.checkpoint import load_trained, newest
from benchmark.training.records import heard_speakers
from protocols.matching import STRATA, Side
from protocols.styles import nearest_is_own

CLIPS = 4
"""Recordings, and pictures, of a person."""
_SPLITS: tuple[Split, ...] = ("seen", "unseen")
_SIDES = {"image": "face128", "audio": "mel80"}


@dataclass(frozen=True)
class Neighbours:
    """One line: how often the nearest style of the other modality is of the same person.

    probe: whose neighbours are looked for, "face" or "voice". stratum: "U", among everybody; "G", within the gender.
    value, chance: shares. low, high: 95 %, by people; None below 8 of them. n: probes. people: how many.
    """

    corpus: str
    split: str
    probe: str
    stratum: str
    value: float
    low: float | None
    high: float | None
    chance: float
    n: int
    people: int


def styles(run: Path, system: str, jobs: int | None = None) -> tuple[list[Neighbours], list[Path]]:
    """Write `styles-<system>.json` and `styles-<system>-<corpus>-<split>.png` into a run folder.

    Args:
        run: folder of a run, or of `train`, whose systems include `system`.
        system: one that has styles of faces and of voices in one space (`System.guides`).
        jobs: worker processes, where a corpus must be prepared again.

    Returns:
        (lines of the table, pictures).

    Raises:
        BenchmarkError: no such system in that run, not trained yet or trained elsewhere, without styles of both
            modalities, or nobody there who is both seen and heard.
    """
    with RunFolder(run) as folder:
        record = folder.read()
        if system not in record.systems:
            raise BenchmarkError(f"{run} has no system {system}; its systems are {', '.join(record.systems)}.")
        name, profile = parse_system(system), load_profile(record.profile)
        options = RunSettings(record.task, seed=record.settings["seed"])
        roots = record.settings["corpora"]
        stores = [
            open_store(corpus, Path(root) if (root := roots[corpus]) else None, profile, options.seed, jobs)
            for corpus in record.corpora
        ]
        network = build(name, profile, heard_speakers(stores), options.seed)
        if not network.guides >= _SIDES.keys():
            raise BenchmarkError(f"{system} has no styles of both faces and voices; there is nothing to compare.")
        _load(network, name, run, record.settings.get("networks", {}).get(name.network, ""))
        lines, pictures = [], []
        for store in stores:
            for split in _SPLITS:
                if not (records := _people(store, split)):
                    continue
                sides = {guide: _side(network, guide, store, records) for guide in _SIDES}
                lines += _lines(store.corpus, split, sides)
                picture = run / f"styles-{system.replace(':', '_')}-{store.corpus}-{split}.png"
                _draw(picture, f"{display_name(name, profile)}, {store.corpus}, {split} people", store, sides, records)
                pictures.append(picture)
        if not lines:
            raise BenchmarkError(f"Nobody in {', '.join(record.corpora)} is held out and both seen and heard.")
        write_json(run / f"styles-{system.replace(':', '_')}.json", [asdict(line) for line in lines])
        return lines, pictures


def _load(network: System, name: SystemName, run: Path, given: str) -> None:
    """The weights that the run had; `given`: "shipped" or "trained" and their sha256, where it did not train them."""
    origin, _, digest = given.partition(" ")
    if origin == "shipped":
        record = find_shipped(name.network)
        if record is None or record.sha256 != digest:
            raise BenchmarkError(
                f"{run} had a shipped network of {name.full} (sha256 {digest[:12]}) that is not the one shipped now. "
                "Run it again into a new folder."
            )
        load_shipped(network, name.network, record)
    elif origin:
        raise BenchmarkError(
            f"{run} took {name.full} from another folder (--trained; sha256 {digest[:12]}). Ask for the styles of that "
            "folder."
        )
    elif (found := newest(training_folder(run, name))) is not None:
        load_trained(network, found[0])
    else:
        raise BenchmarkError(f"{run} has no weights of {name.full} yet; finish it by the command that began it.")
    network.eval()


def _people(store: Store, split: Split) -> list[int]:
    """Up to CLIPS records of everybody of a split who is seen and heard in them."""
    count: dict[str, int] = {}
    chosen = []
    both = store.index["face"] & store.index["audio"]
    for i, record in enumerate(store.records):
        if record.split == split and record.gender is not None and both[i]:
            count[record.speaker] = count.get(record.speaker, 0) + 1
            if count[record.speaker] <= CLIPS:
                chosen.append(i)
    return chosen


@torch.no_grad()
def _side(network: System, guide: str, store: Store, records: Sequence[int]) -> Side:
    """Styles of the first picture, or of the whole recording, of each record."""
    key, found = _SIDES[guide], []
    for i in records:
        batch = feature(key).batch(torch.from_numpy(_rows(store, key, i)[None]))
        gender = torch.tensor([store.records[i].gender])
        found.append(network.style(guide, {key: batch, "gender": gender}, torch.zeros(1, dtype=torch.int64)))
    names = sorted({store.records[i].speaker for i in records})
    return Side(
        torch.cat(found).double().numpy(),
        np.array([names.index(store.records[i].speaker) for i in records]),
        np.array([store.records[i].gender for i in records]),
    )


def _rows(store: Store, key: str, record: int) -> np.ndarray:
    """The first picture, or all of a recording as float32 from the recording itself, not as the store rounds it."""
    wanted = feature(key)
    if wanted.compute is not None and wanted.source is not None:
        return wanted.compute(store.rows(feature(wanted.source), record))
    return np.array(store.rows(wanted, record)[:1])


def _lines(corpus: str, split: str, sides: Mapping[str, Side]) -> list[Neighbours]:
    lines = []
    for probe, other, shown in (("image", "audio", "face"), ("audio", "image", "voice")):
        for stratum in STRATA:
            right, chance = nearest_is_own(sides[probe], sides[other], stratum)
            people = sides[probe].speaker.tolist()
            found = mean_interval(right.astype(np.float64), people, [("probe", i) for i in range(len(right))])
            lines.append(
                Neighbours(
                    corpus,
                    split,
                    shown,
                    stratum,
                    found.mean,
                    found.low,
                    found.high,
                    float(chance.mean()),
                    found.n,
                    len(set(people)),
                )
            )
    return lines


def _draw(path: Path, title: str, store: Store, sides: Mapping[str, Side], records: Sequence[int]) -> None:
    every = np.concatenate([sides[guide].embeddings for guide in _SIDES])
    people = [store.records[i].speaker for _ in _SIDES for i in records]
    write_map(path, title, neighbour_map(every), people, np.arange(len(every)) >= len(records))
