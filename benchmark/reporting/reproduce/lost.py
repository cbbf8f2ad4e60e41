"""Values that did not survive in the text we have (LOST): what the text still says of each, and whether ours agrees."""

from __future__ import annotations

from collections.abc import Iterator

from benchmark.reporting.layout import Block
from benchmark.reporting.reproduce.lines import Judged, Reproduction
from benchmark.reporting.reproduce.papers import Cell
from benchmark.reporting.reproduce.runs import SPLITS


def lost_blocks(found: Reproduction) -> Iterator[Block]:
    """One a dataset and corpus; a line a lost value and order that the text claims of it."""
    lost = [cell for cell in found.table.cells if not cell.value]
    for place in dict.fromkeys((cell.dataset, cell.corpus) for cell in lost):
        lines = [line for cell in lost if (cell.dataset, cell.corpus) == place for line in _lines(found, cell)]
        heads = ("metric, guidance", "model", "paper", "what the text says", *SPLITS)
        yield Block(f"LOST in the text we have · {' · '.join(place)}", heads, tuple(lines))


def orders(found: Reproduction, cell: Cell, split: str) -> list[str]:
    """Every order that is claimed of a cell, with our verdict: `XFaVoT better than SGSIM: agrees`."""
    return [f"{j.claim.text}: {status(j)}" for j in found.judged if j.split == split and _is_of(j, cell)]


def status(judged: Judged) -> str:
    """`agrees`, `undecided → agrees`, `no run`."""
    verdict = judged.verdict
    return f"{verdict.status} → {verdict.leans}" if verdict.leans else verdict.status


def _lines(found: Reproduction, cell: Cell) -> Iterator[tuple[str, ...]]:
    own = [j for j in found.judged if _is_of(j, cell)]
    name = (f"{cell.metric}, {cell.guidance}", cell.model, "LOST")
    for claim in dict.fromkeys(j.claim for j in own):
        of = {j.split: status(j) for j in own if j.claim == claim}
        yield (*name, claim.text, *(of[split] for split in SPLITS))
    if not own:
        yield (*name, "nothing of its order", *("" for _ in SPLITS))


def _is_of(judged: Judged, cell: Cell) -> bool:
    return cell in (judged.claim.first, judged.claim.second)
