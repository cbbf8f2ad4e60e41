"""What the papers say of order, as data: one claim is about two cells of one table (papers.md 1.7, 1.8, 1.10, 2.4).

`gain` of a claim is how much better its first cell is than its second, in the unit of the metric (of FID and WER lower
is better). A claim is a range that the gain must lie in.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations

from benchmark.reporting.reproduce.papers import Cell, PaperTable

COMPETITIVE = 0.25
"""Assumed: "competitive" is at most a quarter behind (issue 7 allows audio-guided FID as much)."""
FLAT = {"NISQA": 0.15, "WER": 0.05, "SpkSim": 0.02}
"""Assumed: what "flat" allows, a little more than the rows of Table 5 that the text calls flat lie apart."""
NEAR_REAL = 0.05
"""Assumed: what "close to the ground truth" allows in CPR; the paper's own 30 triplets tell no finer."""


@dataclass(frozen=True)
class Claim:
    """`least` < gain <= `most`; both are shares of the second's value where `relative`."""

    words: str
    first: Cell
    second: Cell
    least: float = -math.inf
    most: float = math.inf
    relative: bool = False

    @property
    def text(self) -> str:
        """`XFaVoT better than SGSIM`; what the two cells share is not said."""
        return f"{_label(self.first, self.second)} {self.words} {_label(self.second, self.first)}"


def claims(table: PaperTable) -> list[Claim]:
    """Every claim about a table, in the order of its story; the same on each corpus of a dataset."""
    made = {
        "xfavot.table2": _table2,
        "xfavot.table3": _table3,
        "xfavot.table4": _table4,
        "xfavot.table5": _table5,
        "xfavot.figure5": _figure5,
        "cae.table2": _cae_table2,
        "cae.table3": _cae_table3,
        "cae.retrieval": _cae_retrieval,
    }
    return list(made[table.name](table.cells))


def _better(first: Cell, second: Cell) -> Claim:
    return Claim("better than", first, second, least=0.0)


def _no_better(first: Cell, second: Cell) -> Claim:
    return Claim("no better than", first, second, most=0.0)


def _level(first: Cell, second: Cell, margin: float) -> Claim:
    return Claim(f"level (within {margin:g}) with", first, second, -margin, margin)


def _competitive(first: Cell, second: Cell) -> Claim:
    return Claim(f"at most {COMPETITIVE:.0%} behind", first, second, least=-COMPETITIVE, relative=True)


def _near(first: Cell, second: Cell) -> Claim:
    return Claim(f"at most {NEAR_REAL:g} behind", first, second, least=-NEAR_REAL)


def _places(cells: Iterable[Cell]) -> list[tuple[str, str]]:
    """(dataset, corpus) in the order of the table."""
    return list(dict.fromkeys((c.dataset, c.corpus) for c in cells))


def _by(cells: Iterable[Cell], dataset: str, corpus: str) -> dict[tuple[str, str, str], Cell]:
    """(metric, guidance, model) -> cell."""
    return {(c.metric, c.guidance, c.model): c for c in cells if (c.dataset, c.corpus) == (dataset, corpus)}


def _table2(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    """All values are lost; what the text says of them is not."""
    places = _places(cells)
    for metric in ("FID", "LPIPS"):
        for place in places:
            of = _by(cells, *place)
            yield _competitive(of[metric, "image", "XFaVoT"], of[metric, "image", "StarGANv2"])
            yield _better(of[metric, "audio", "XFaVoT"], of[metric, "audio", "SGSIM"])
            yield _competitive(of[metric, "audio", "XFaVoT"], of[metric, "image", "XFaVoT"])
    for model in ("XFaVoT", "StarGANv2"):
        first = _by(cells, "CelebA-HQ", "celeba_hq")["FID", "image", model]
        middle = _by(cells, "GRID", "grid")["FID", "image", model]
        yield _better(first, middle)
        for place in (p for p in places if p[0] == "LRS3+Lip2Wav"):
            yield _better(middle, _by(cells, *place)["FID", "image", model])


def _table3(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    """The order of the printed numbers. The text claims a win of XFaVoT everywhere; SpkSim on GRID is a tie."""
    learnt = [c for c in cells if c.guidance != "none" and c.number is not None]
    for key in dict.fromkeys((c.dataset, c.guidance, c.metric) for c in learnt):
        here = [c for c in learnt if (c.dataset, c.guidance, c.metric) == key]
        for a, b in combinations(sorted(here, key=lambda c: c.model != "XFaVoT"), 2):
            assert a.number is not None
            assert b.number is not None
            if a.number == b.number:
                yield _level(a, b, FLAT[a.metric])
            else:
                yield _better(a, b) if (a.number > b.number) == a.higher else _better(b, a)


def _table4(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    of = _by(cells, "GRID?", "grid")
    a0, a1, a2, a3, a4 = "A0_StarGANv2", "A1_joint", "A2_joint+csc", "A3_XFaVoT", "A4_XFaVoT_no_csc"
    yield _better(of["LPIPS", "image", a0], of["LPIPS", "image", a1])
    yield _better(of["FID", "image", a1], of["FID", "audio", a1])
    for guidance in ("image", "audio"):
        yield _better(of["FID", guidance, a2], of["FID", guidance, a1])
        yield _no_better(of["LPIPS", guidance, a2], of["LPIPS", guidance, a1])
    for metric in ("FID", "LPIPS"):
        for guidance in ("image", "audio"):
            yield _better(of[metric, guidance, a3], of[metric, guidance, a2])
            yield _better(of[metric, guidance, a3], of[metric, guidance, a4])
        yield _competitive(of[metric, "audio", a3], of[metric, "image", a3])
    yield _competitive(of["LPIPS", "image", a3], of["LPIPS", "image", a0])


def _table5(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    of = _by(cells, "GRID", "grid")
    a0, a1, a2, a3 = "A0_StarGANv2VC+one-shot", "A1_joint", "A2_joint+csc", "A3_XFaVoT"
    for first, second, guidance in ((a3, a2, "audio"), (a3, a2, "image"), (a3, a0, "audio")):
        yield _better(of["SpkSim", guidance, first], of["SpkSim", guidance, second])
    for first, second, guidance in ((a1, a0, "audio"), (a2, a1, "audio"), (a2, a1, "image")):
        yield _level(of["SpkSim", guidance, first], of["SpkSim", guidance, second], FLAT["SpkSim"])
    for metric in ("NISQA", "WER"):
        for guidance, second, others in (("audio", a0, (a1, a2, a3)), ("image", a1, (a2, a3))):
            for first in others:
                yield _level(of[metric, guidance, first], of[metric, guidance, second], FLAT[metric])


def _figure5(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    """All values are lost. "High" on CelebA-HQ+VCTK and "close to GT" on GRID are the text's."""
    for guidance, rival in (("audio->image", "SGSIM"), ("image->audio", "AdaIN-CVC")):
        for dataset in ("GRID", "CelebA-HQ+VCTK"):
            here = {c.model: c for c in cells if (c.dataset, c.guidance) == (dataset, guidance)}
            yield _better(here["XFaVoT"], here[rival])
            task = here["XFaVoT"].task
            real = [c for c in cells if (c.dataset, c.model, c.task) == (dataset, "GroundTruth", task)]
            yield from (_near(here["XFaVoT"], cell) for cell in real)


def _cae_table2(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    real, made, random = cells
    yield _better(made, random)
    yield _better(real, made)


def _cae_table3(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    """.42 > .32 > .21: nearer to the voice's owner than to the proposal, and to the proposal than to anybody."""
    proposal, target, random = cells
    yield _better(target, proposal)
    yield _better(proposal, random)


def _cae_retrieval(cells: tuple[Cell, ...]) -> Iterator[Claim]:
    """21 % is far above chance; a random face of the target's gender has what chance and gender give."""
    (found,) = cells
    yield _better(found, replace(found, model="random", system="random_reference", value="", note="not in the paper"))


def _label(cell: Cell, beside: Cell) -> str:
    """The model (of the ablations the rung), with what tells the two cells apart besides."""
    apart = [
        getattr(cell, word)
        for word in ("metric", "guidance", "corpus")
        if getattr(cell, word) != getattr(beside, word) and cell.model == beside.model
    ]
    name = rung.group() if (rung := re.match(r"A\d(?=_)", cell.model)) else cell.model
    return f"{name} ({', '.join(apart)})" if apart else name
