"""Does what we measured agree with what a paper says of order? One rule for every claim.

For every seed that both sides of a claim have, the gain of the first over the second is taken on one trial list, as a
paired difference clustered by speakers where the metric is of rows and both were scored on equal trials, as a
difference of means where not (another task or corpus, FID). Over seeds two intervals of 95 % are looked at: the spread
over seeds (Student's, n - 1 degrees of freedom) and the mean of the seeds' own trial intervals, which holds whatever
the seeds share. What counts is the range that covers both:

- agrees: all of it fulfils the claim;
- disagrees: none of it does;
- undecided: the border of the claim lies in it. So it is, whatever the numbers, with fewer than 3 training seeds on a
  side that is trained (an ordering rests on 3, DESIGN.md section 6a; runs of one shipped checkpoint are one), where the
  sides went through different vocoders of one mel, and where metric, corpus or network cannot tell.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev
from typing import Literal

from scipy.special import stdtrit

from benchmark.reporting.cells import difference_row
from benchmark.reporting.reproduce.claims import Claim
from benchmark.reporting.reproduce.runs import Found
from benchmark.reporting.strata import Cell
from protocols.trial import Trial

SEEDS = 3
"""Training seeds that an ordering rests on at least."""
Status = Literal["agrees", "disagrees", "undecided", "no run"]


@dataclass(frozen=True)
class Verdict:
    """gain: mean over `seeds`, None where no seed has both sides. low, high: the range that decides, None where there
    is none. leans: what the mean alone would say, where the verdict is open. why: why it is open."""

    status: Status
    gain: float | None = None
    low: float | None = None
    high: float | None = None
    seeds: tuple[int, ...] = ()
    leans: Literal["agrees", "disagrees", ""] = ""
    why: str = ""


def verdict(claim: Claim, first: Mapping[int, Found], second: Mapping[int, Found], unable: str = "") -> Verdict:
    """Of one claim on one split. `unable`: why metric, corpus or network cannot tell, whatever the numbers are."""
    seeds = [s for s in first if s in second and first[s].row.value is not None and second[s].row.value is not None]
    if not seeds:
        return Verdict("no run", why="no seed has a value on both sides" if first and second else unable)
    pairs = [(first[s], second[s]) for s in seeds]
    sign = 1 if claim.first.higher else -1
    gains, bounds = [], []
    for a, b in pairs:
        mean, low, high = _difference(a, b)
        gains.append(sign * mean)
        if low is not None and high is not None:
            bounds.append(sorted((sign * low, sign * high)))
    gain, scale = fmean(gains), 1.0
    if claim.relative:
        scale = abs(fmean(_value(b) for _, b in pairs))
    least, most = claim.least * scale, claim.most * scale
    found = Verdict("undecided", gain, seeds=tuple(seeds), leans="agrees" if least < gain <= most else "disagrees")
    few = min(_independent([a for a, _ in pairs]), _independent([b for _, b in pairs]))
    whys = [
        unable,
        "the two sides went through different vocoders" if any(_differ(*pair) for pair in pairs) else "",
        f"{few} of {SEEDS} training seeds" if few < SEEDS else "",
    ]
    if any(whys):
        return replace(found, why="; ".join(filter(None, whys)))
    half = float(stdtrit(few - 1, 0.975)) * stdev(gains) / len(gains) ** 0.5
    low, high = gain - half, gain + half
    if len(bounds) == len(gains):
        low, high = min(low, fmean(b[0] for b in bounds)), max(high, fmean(b[1] for b in bounds))
    found = replace(found, low=low, high=high)
    if least < low and high <= most:
        return replace(found, status="agrees", leans="")
    if high <= least or low > most:
        return replace(found, status="disagrees", leans="")
    return found


def _independent(side: Sequence[Found]) -> int:
    """Seeds of a side, as many as its networks where it is trained: two runs of one checkpoint are one training."""
    networks = {found.network for found in side}
    return len(side) if None in networks else len(networks)


def _differ(a: Found, b: Found) -> bool:
    """Whether two vocoders made waveforms of one mel: then the difference is theirs too. Systems of different mels have
    different ones by design."""
    mel = _mel(a)
    return mel is not None and mel == _mel(b) and a.row.vocoder != b.row.vocoder


def _mel(found: Found) -> str | None:
    """The feature that a vocoder took, as the run's settings name it."""
    of = found.run.record.settings.get("vocoders", {})
    return next((feature for feature, name in of.items() if name == found.row.vocoder), None)


def _difference(a: Found, b: Found) -> tuple[float, float | None, float | None]:
    """(a - b, its interval) of one seed, paired where both judged equal trials."""
    shared = _shared(a, b)
    if shared:
        systems = {"first": a.row.system, "second": b.row.system}
        record = a.run.record.model_copy(update={"systems": systems})
        cell = Cell(a.cell.task, a.cell.corpus, a.cell.metric, "first", a.cell.split)
        scores = {
            ("first", a.cell.metric): a.run.scores.get((a.cell.system, a.cell.metric), {}),
            ("second", b.cell.metric): b.run.scores.get((b.cell.system, b.cell.metric), {}),
        }
        row = difference_row(record, cell, "second", shared, scores, b.cell.metric)
        if row is not None and row.difference is not None:
            return row.difference, row.low, row.high
    return _value(a) - _value(b), None, None


def _shared(a: Found, b: Found) -> list[Trial]:
    """The trials of a cell where both runs judged the same; empty where their lists differ in anything."""
    if (a.cell.task, a.cell.corpus) != (b.cell.task, b.cell.corpus):
        return []
    ours, theirs = ([replace(t, output="", system="") for t in found.trials] for found in (a, b))
    return ours if ours == theirs else []


def _value(found: Found) -> float:
    assert found.row.value is not None
    return found.row.value
