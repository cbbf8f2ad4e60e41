"""The trials that a report shows: a few of the list, each with its source, its reference and what every system made."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmark.reporting.html.collect import Run
from benchmark.reporting.html.media import Media, Shown
from benchmark.reporting.picture import spread
from protocols.trial import Score, Trial

_MARK = ("♀", "♂")
_JOINED = "\N{NO-BREAK SPACE}"


@dataclass(frozen=True)
class Item:
    """What stands at one place of a trial. name: "source", "reference" or a system's. about: who it is, or a score."""

    name: str
    about: str
    shown: Shown
    given: bool = False


@dataclass(frozen=True)
class ShownTrial:
    """items: in the order of the columns. scores: a line a system, under `metrics`. copied: whether its media are in
    the report."""

    name: str
    about: str
    items: Sequence[Item]
    metrics: Sequence[str]
    scores: Sequence[tuple[str, ...]]
    copied: bool

    @property
    def sound(self) -> bool:
        """Whether systems made sound here; else pictures."""
        return any(item.shown.sound for item in self.items if not item.given)

    @property
    def longest(self) -> int:
        """Pixels of the widest spectrogram: the others are drawn on its time scale."""
        return max((item.shown.spectrogram[1] for item in self.items if item.shown.spectrogram), default=1)


def shown_trials(run: Run, media: Media) -> list[ShownTrial]:
    """Trials spread over the list, and of a given list one more for every system that has none among them."""
    groups: dict[object, dict[str, Trial]] = defaultdict(dict)
    for row in run.rows:
        groups[_same(run, row)].setdefault(row.system, row)
    scores: dict[tuple[str, str], list[Score]] = defaultdict(list)
    for score in run.scores:
        if score.rows is None:
            scores[score.system, score.trial].append(score)
    captioned = _most_scored(run)
    return [_shown(run, rows, scores, captioned, media) for rows in _chosen(list(groups.values()))]


def _most_scored(run: Run) -> str:
    """The first metric of those that most rows have a score of; it stands beside every output."""
    counts = Counter(score.metric for score in run.scores if score.rows is None)
    return max(run.record.metrics, key=lambda metric: counts[metric], default="")


def _same(run: Run, row: Trial) -> object:
    """Rows of a run share the names of trials; in a given list every row is a trial of its own system."""
    if run.record.given is None:
        return row.trial
    return row.task, row.source, row.reference, row.target_id, row.draw, row.repeat


def _chosen(groups: Sequence[Mapping[str, Trial]]) -> list[Mapping[str, Trial]]:
    places = [int(place) for place in spread([str(i) for i in range(len(groups))])]
    seen = {system for place in places for system in groups[place]}
    for system in dict.fromkeys(name for group in groups for name in group):
        if system not in seen:
            places.append(next(i for i, group in enumerate(groups) if system in group))
            seen |= groups[places[-1]].keys()
    return [groups[place] for place in sorted(places)]


def _shown(
    run: Run,
    rows: Mapping[str, Trial],
    scores: Mapping[tuple[str, str], Sequence[Score]],
    captioned: str,
    media: Media,
) -> ShownTrial:
    first = next(iter(rows.values()))
    systems = [name for name in run.record.systems if name in rows]
    given = {"source": first.source, "reference": first.reference}
    paths = {name: run.root / path for name, path in given.items() if path}
    outputs = {name: run.root / rows[name].output for name in systems if rows[name].output}
    copied = media.show([*paths.values(), *outputs.values()])
    who = {"source": _person(first.source_id, first.source_gender), "reference": _target(first)}
    items = [_item(name, who[name], media.shown[path], given=True) for name, path in paths.items()]
    metrics = [m for m in run.record.metrics if any(s.metric == m for n in systems for s in scores[n, rows[n].trial])]
    lines = []
    for name in systems:
        own = {score.metric: _text(score) for score in scores[name, rows[name].trial]}
        label = run.record.systems[name]
        lines.append((label, *(own.get(metric, "—") for metric in metrics)))
        about = f"{captioned.partition('@')[0]}{_JOINED}{own[captioned]}" if captioned in own else ""
        shown = media.shown[outputs[name]] if name in outputs else Shown(why="the row names no output")
        items.append(_item(label, about, shown))
    about = " · ".join(filter(None, (first.split, first.pairing and f"{first.pairing} gender", first.transcript)))
    return ShownTrial(first.trial, about, items, metrics, lines, copied)


def _item(name: str, about: str, shown: Shown, given: bool = False) -> Item:
    seconds = "" if shown.seconds is None else f"{shown.seconds:.1f}{_JOINED}s"
    return Item(name, " · ".join(filter(None, (about, seconds))), shown, given)


def _target(trial: Trial) -> str:
    return _person(trial.target_id, trial.target_gender)


def _person(name: str, gender: int | None) -> str:
    return name if gender is None else f"{name} {_MARK[gender]}".strip()


def _text(score: Score) -> str:
    return "failed" if score.value is None else f"{score.value:.3f}"


def media_folders(run: Run) -> list[Path]:
    """Where the outputs of all trials lie."""
    return sorted({folder for row in run.rows if row.output and (folder := (run.root / row.output).parent).is_dir()})
