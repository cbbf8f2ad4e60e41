"""A drawn trial list, and how one is drawn: what the samplers of voices, of faces and of pairs share."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from benchmark.corpora.manifest import Split
from benchmark.corpora.prepared import Store
from benchmark.errors import BenchmarkError
from protocols.trial import Trial

TESTED: tuple[Split, ...] = ("seen", "unseen")


@dataclass(frozen=True)
class VoiceTrialSettings:
    """How the list of a task of voices is drawn, per corpus (`protocols.voice_trials`).

    trials: rows over both splits. natural: recordings of the target that an image-guided output is compared with (10
    in the paper).
    """

    sampler: Literal["paper", "stratified"] = "stratified"
    trials: int = 192
    natural: int = 4

    def __post_init__(self) -> None:
        _at_least(self, trials=1, natural=1)


@dataclass(frozen=True)
class FaceTrialSettings:
    """How the list of a task of faces is drawn, per corpus (`protocols.face_trials`).

    sources: pictures translated per split and direction, 0 = all. draws: outputs of each. batch: sources, and
    references, that the sampler `starganv2` takes at a time. genders: whether a source meets the other gender alone or
    besides as many references of its own.

    Raises:
        BenchmarkError: a number below the least; both genders with a sampler that has no such draw.
    """

    sampler: Literal["paper", "starganv2"] = "paper"
    sources: int = 0
    draws: int = 10
    batch: int = 32
    genders: Literal["other", "both"] = "other"

    def __post_init__(self) -> None:
        _at_least(self, sources=0, draws=1, batch=1)
        if self.genders == "both" and self.sampler != "paper":
            raise BenchmarkError(
                f'genders = "both" in the trial settings, with the sampler "{self.sampler}", which draws for the other '
                'gender alone. Set sampler = "paper".'
            )


@dataclass(frozen=True)
class PairTrialSettings:
    """How the list of a task whose trials pair two people is drawn, per corpus (`protocols.pair_trials`).

    trials: rows over both splits; every one is a probe of retrieval.
    """

    trials: int = 512

    def __post_init__(self) -> None:
        _at_least(self, trials=1)


TrialSettings = VoiceTrialSettings | FaceTrialSettings | PairTrialSettings


def _at_least(settings: TrialSettings, **least: int) -> None:
    for name, bound in least.items():
        if (value := getattr(settings, name)) < bound:
            raise BenchmarkError(f"{name} = {value} in the trial settings; it must be at least {bound}.")


@dataclass(frozen=True)
class Piece:
    """A real recording or picture that a list refers to: where it lies in the prepared stores."""

    store: int
    record: int
    frame: int | None = None  # picture of the record, None = its voice


@dataclass
class TrialList:
    """A drawn list and the pieces behind its paths.

    notes: what could not be met, each beginning with the corpus (its rows are then marked partial). remarks: what else
    a reader of the table should know.
    """

    trials: list[Trial] = field(default_factory=list)
    pieces: dict[str, Piece] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    remarks: list[str] = field(default_factory=list)

    def path(self, store: Store, piece: Piece) -> str:
        """The path of a piece of `store` in this list: `media/real/<corpus>/<record>.flac` or `..._<frame>.png`."""
        name = store.records[piece.record].id
        name = f"{name}.flac" if piece.frame is None else f"{name}_{piece.frame}.png"
        path = f"media/real/{store.corpus}/{name}"
        self.pieces[path] = piece
        return path
