"""The whole contract between the suite and what it trains or runs (DESIGN.md section 4).

A method, a baseline or a vocoder says *what* it needs (picks, draws, optimisers, phases) and computes
losses; the trainer owns devices, precision, accumulation, clipping, EMA, checkpoints, resume, logging,
seeding and distribution.

A batch is a plain mapping: `batch[column][key]`. Keys are the features that the column's `Pick` names
and the labels that always travel along:

    gender   (B,) int64, 0 = female, 1 = male
    speaker  (B,) int64, code of a training speaker: 0..S-1 of those with a training recording, S.. of those who are
             only seen, -1 for one that no training record shows
    record   (B,) int64, index into the draw's records (for messages)

Feature tensors have the shapes of `benchmark.media.features`; with `Pick.count = n > 1` every tensor of
the column has a further axis n after the batch axis. The n records of a row are of one speaker, and
differ as far as the speaker has so many.

A crop starts at the same moment in all features of its column. A record that is shorter is padded at its
end with digital silence as the feature shows it. An audio feature without a crop (or without a rate, as
tokens are) comes whole, padded to the longest of the global batch, and then `<feature>_rows` (B,) int64
says how many rows are its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from benchmark.corpora.prepared import Store

Column = Mapping[str, Tensor]
Batch = Mapping[str, Column]
Terms = Mapping[str, Tensor]

FACE = "face"
"""What a system returns whose output is a picture (`System.output`)."""


@dataclass(frozen=True)
class Pick:
    """One column of a batch: a rule for drawing records.

    Columns are drawn in order; `same_gender`, `same_speaker` and `other_speaker` name an earlier column.
    """

    modality: Literal["face", "audio"]
    features: tuple[str, ...]
    pool: Literal["any", "paired", "faces", "voices"] = "any"
    balance: Literal["gender", "speaker"] | None = None
    same_gender: str | None = None
    same_speaker: str | None = None
    other_speaker: str | None = None
    distinct: bool = False  # no speaker twice in the GLOBAL batch
    count: int = 1  # records per row
    crop: int | None = None  # rows of the first feature (frames or samples); None for faces


@dataclass(frozen=True)
class FixedPartner(Pick):
    """A column whose record goes with that of column `same_gender` all through training: a permutation of the records
    of each gender, drawn once from the seed (StarGANv2, quirk Q19c). Both columns have one pool and count 1."""


@dataclass(frozen=True)
class Draw:
    """A batch as data: drawn once a step from (seed, step), shared by the phases that name it."""

    size: int
    columns: Mapping[str, Pick]


@dataclass(frozen=True)
class Optimizer:
    """One optimiser is one state, however many phases step it. `modules` are attribute names."""

    modules: tuple[str, ...]
    kind: Literal["adam", "adamw", "radam", "sgd"] = "adam"
    lr: float = 1e-4
    options: Mapping[str, Any] = field(default_factory=dict)
    schedule: Callable[[int], float] | None = None  # factor of lr, a pure function of the step
    clip: float | None = None
    betas: Callable[[int], tuple[float, float]] | None = field(default=None, repr=False)  # instead of those of options


@dataclass(frozen=True)
class Phase:
    """One backward pass; `system.<name>(batch, step)` returns named, already weighted terms.

    `accumulate` cuts the draw into so many micro-batches, whose terms are averaged.
    """

    name: str
    steps: tuple[str, ...]  # optimisers stepped; all other parameters are frozen meanwhile
    draw: str
    start: int = 0
    stop: int | None = None  # [start, stop)
    accumulate: int = 1


@dataclass(frozen=True)
class Step:
    """What a phase method is told about the step besides its batch.

    Both generators start anew in every phase, so that two phases of a step that draw alike see the same noise
    and the same branch (StarGANv2's discriminator and generator share their latents).
    """

    index: int
    generator: torch.Generator  # CPU, seeded from (seed, step, rank): the only source of noise
    choices: Any  # numpy Generator seeded from (seed, step): branch choices, equal on every rank
    gather: Callable[[Tensor], Tensor]  # (B, ...) of this rank -> (global B, ...), with gradient


class Trainable(nn.Module):
    """Whatever the trainer trains; upstream networks stop here."""

    ema: Mapping[str, float] = MappingProxyType({})  # module -> decay
    upstream: frozenset[str] = frozenset()  # frozen modules: eval, no weight gradient, not checkpointed
    statistics: frozenset[str] = frozenset()
    """Features whose training mean and standard deviation per bin the trainer writes into the buffers
    `<feature>_mean` and `<feature>_std` before step 0."""

    def optimizers(self) -> Mapping[str, Optimizer]:
        raise NotImplementedError(f"{type(self).__name__} names no optimisers")

    def draws(self) -> Mapping[str, Draw]:
        raise NotImplementedError(f"{type(self).__name__} names no draws")

    def phases(self) -> tuple[Phase, ...]:
        raise NotImplementedError(f"{type(self).__name__} names no phases")

    def averages(self) -> Mapping[str, nn.Module]:
        """What the moving averages are copied from before step 0, one module for each of `ema`: the live ones, unless a
        system says otherwise."""
        return {name: self.get_submodule(name) for name in self.ema}

    def forward(self, phase: str, batch: Batch, step: Step) -> Terms:
        """The trainer's only door (so that DDP and autocast see every loss); never overridden."""
        terms: Terms = getattr(self, phase)(batch, step)
        return terms


class System(Trainable):
    """Anything that can translate: a method, a baseline or a control.

    `Settings` is a frozen dataclass; `variants` maps the part after the colon of a system's name to
    settings that replace the defaults. `gender_only`, where not None, is the settings of the control
    whose reference encoder sees the gender alone (DESIGN.md section 6a).
    """

    Settings: ClassVar[type]
    variants: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    gender_only: ClassVar[Mapping[str, Any] | None] = None
    published: ClassVar[Mapping[str, str]] = {}
    """Variant -> name in `weights.toml` of its authors' own weights. Such a variant is never trained and no profile
    touches it: its settings are the defaults and what `variants` says, and `load_published` fills it."""
    tasks: ClassVar[frozenset[str]] = frozenset()
    source: Literal["source", "reference", "target", "other"] = "source"
    """Which record of a trial is handed over as `source`: the trial's source or reference, another recording or
    picture of the target (ground truth), or one of another identity of the target's gender. Only controls differ
    from "source"."""
    copies: ClassVar[frozenset[str]] = frozenset()
    """Tasks of faces in which `translate` gives back the picture it got as `source`: the runner then names that file as
    the output, and writes none."""

    guides: ClassVar[frozenset[str]] = frozenset()
    """Kinds of references ("image", "audio") whose styles lie in one space, as `style` gives them; most have none."""

    inputs: Mapping[str, tuple[str, ...]]
    """task -> features `translate` needs. Audio features are read from the voice side, `face128` from the
    face side of the trial, whichever of source and reference that is."""
    output: Mapping[str, str]
    """task -> what is returned: the feature of a voice, which selects the vocoder, or `FACE`, pictures (B, 3, H, H) in
    [-1, 1] of the system's own size."""

    def __init__(self, settings: Any, speakers: int = 0) -> None:
        """`speakers` is S, the number of people with a training recording (size of speaker heads)."""
        super().__init__()
        self.settings = settings
        self.speakers = speakers

    def load_published(self, path: Path) -> None:
        """Put the weights of a file that `published` names into this fresh system, ready to translate.

        Raises:
            BenchmarkError: not such a file, or of other shapes.
        """
        raise NotImplementedError(f"{type(self).__name__} has no published weights")

    def look(self, stores: Sequence[Store]) -> None:
        """Called once before translating with the prepared corpora of the run: for what a control computes of training
        records without learning (a mean face). Learnt systems leave it."""

    def kept(self, name: str, tensor: Tensor) -> Tensor:
        """The part that translating reads of a tensor of the trained state, a view of it: what is shipped."""
        return tensor

    def own_judge(self) -> tuple[nn.Module, nn.Linear] | None:
        """The face network (a `FaceTrunk`) that a trained system judges by itself, and its classifier of training
        speakers in the order of their codes: what metrics `@own` ask (`benchmark.upstream.face_embedding.own`). None:
        it has none."""
        return None

    def style(self, guide: str, reference: Column, seeds: Tensor) -> Tensor:
        """Styles (B, S) of references of a kind that `guides` names: their `face128`, or `mel80` of equal length, and
        `gender`. `seeds` as in `translate`; a style that is read and not drawn does not use them."""
        raise NotImplementedError(f"{type(self).__name__} has no styles to show")

    def translate(self, task: str, source: Column, reference: Column, seeds: Tensor) -> Tensor:
        """Rows of equal length in, rows out; row i depends on row i and `seeds[i]` (int64) alone.

        Called under no_grad, never inference_mode: a system that optimises at inference opens
        enable_grad itself. In latent-guided tasks `reference` holds the target's `gender` (B,) and nothing else, and
        the style is drawn from `seeds[i]`.
        """
        raise NotImplementedError(f"{type(self).__name__} cannot translate")
