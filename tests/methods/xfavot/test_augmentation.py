"""What a step cuts, mirrors and turns down, read off what its networks are given.

Pictures are ramps that carry their column and row, so that a crop tells whose it is and where it was cut.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from typing import Any, NamedTuple

import pytest
import torch
from torch import Tensor

from benchmark.media.image import resized
from benchmark.system import Step
from methods.xfavot.objective import STYLE_SOURCES, StyleSource
from methods.xfavot.system import XFaVoT

Make = Callable[..., XFaVoT]
Batch = dict[str, dict[str, Tensor]]
Steps = Callable[..., Step]
Drawing = Callable[[StyleSource], None]
Reads = dict[str, list[Tensor]]
Whose = tuple[str, int]

PASSES = {"mapping_network": "latent", "image_style_encoder": "image", "audio_style_encoder": "audio"}
SEE = ("image_generator", "image_style_encoder", "image_discriminator")
HEAR = ("audio_generator", "audio_style_encoder", "audio_discriminator", "f0_network", "asr_network")
FULL, SIZE = 128, 32
FLOOR = 1e-5
"""Of the suite's mels: in every band's power, and no gain changes it."""
COMPARED = {"auxiliary_train_mode": False}
"""Dropout, which is not the step's to draw, would tell apart what is the same."""

rows_of_the_table = pytest.mark.parametrize("row", STYLE_SOURCES, ids=str)
sides = pytest.mark.parametrize("side", ["discriminate", "generate"])


class Cut(NamedTuple):
    left: int
    top: int
    width: int
    height: int
    mirrored: bool


@pytest.fixture
def batch(batch: Batch) -> Batch:
    """In float64, so that a gain can be read off exactly; channels 0 and 1 of a picture say where a pixel is."""
    across = (torch.arange(FULL, dtype=torch.float64) / FULL).expand(FULL, FULL)
    for i, column in enumerate(batch.values()):
        if "face128" in column:
            marks = [torch.full_like(across, (4 * i + row) / 100) for row in range(4)]
            column["face128"] = torch.stack([torch.stack([across, across.T, mark]) for mark in marks])
        else:
            column["mel80"] = column["mel80"].double()
    return batch


def reads(system: XFaVoT, phase: str, batch: Batch, step: Step) -> Reads:
    """What each network is given in a phase, call by call."""
    calls: Reads = defaultdict(list)
    hooks = [
        system.get_submodule(name).register_forward_pre_hook(
            lambda _, given, name=name: calls[name].append(given[0].detach().clone())
        )
        for name in (*SEE, *HEAR)
    ]
    system(phase, batch, step)
    for hook in hooks:
        hook.remove()
    return calls


def cut(picture: Tensor, batch: Batch) -> tuple[Whose, Cut] | None:
    """Whose a picture (3, size, size) is and how it was cut; None if it is no crop of the batch's, mirrored or not."""
    code = round(100 * float(picture[2].mean()))
    name = list(batch)[code // 4] if 0 <= code < 4 * len(batch) else ""
    if not name.endswith("face"):
        return None
    (x, width), (y, height) = (
        (FULL * float(line.mean()) + 0.5, FULL * float(line[24] - line[8]) * SIZE / 16)
        for line in (picture[0].mean(0), picture[1].mean(1))
    )
    wide, high = round(abs(width)), round(height)
    left, top = round(x - wide / 2), round(y - high / 2)
    if min(wide, high) < 1 or min(left, top) < 0:
        return None
    piece = batch[name]["face128"][code % 4 : code % 4 + 1, :, top : top + high, left : left + wide]
    expected = resized(piece, SIZE)[0]
    if not torch.allclose(picture, expected.flip(2) if width < 0 else expected, atol=1e-4, rtol=0):
        return None
    return (name, code % 4), Cut(left, top, wide, high, width < 0)


def played(mel: Tensor, batch: Batch) -> tuple[Whose, float] | None:
    """Whose a mel (1, 80, T) is and at which gain; None if it is none of the batch's at one level throughout."""
    power = torch.exp(4 * mel - 4) - FLOOR
    for name, column in batch.items():
        for i, own in enumerate(column.get("mel80", ())):
            full = torch.exp(4 * own - 4) - FLOOR
            squared = power.flatten()[full.argmax()] / full.max()
            if torch.allclose(power, squared * full, rtol=1e-6, atol=1e-10):
                return (name, i), round(float(squared.sqrt()), 6)
    return None


def found(calls: Reads, batch: Batch) -> tuple[dict[Whose, Cut], dict[Whose, float]]:
    """How each picture is cut, and each recording played, that a network is given in a phase: always in one way."""
    both: list[dict[Whose, Any]] = []
    for names, recognised in ((SEE, cut), (HEAR, played)):
        pairs = {recognised(one, batch) for name in names for given in calls[name] for one in given} - {None}
        both.append(dict(pairs))  # type: ignore[arg-type]
        assert len(both[-1]) == len(pairs), f"not always in one way: {sorted(pairs)}"  # type: ignore[type-var]
    return both[0], both[1]


def given_to_networks(side: str, row: StyleSource) -> tuple[set[Whose], set[Whose]]:
    """Sources, references (the second one where styles shall differ) and, where the style encoders step, the people of
    the contrast."""
    seen, heard = {"face"}, {"voice"}
    if row.kind is not None:
        names, what = (seen, "face") if row.encoder == "image_style_encoder" else (heard, "voice")
        names |= {f"{row.kind}_{what}"} | ({f"{row.kind}_other_{what}"} if side == "generate" else set())
    elif side == "generate":
        seen, heard = seen | {"paired_face"}, heard | {"paired_voice"}
    return {(name, i) for name in seen for i in range(4)}, {(name, i) for name in heard for i in range(4)}


@sides
@rows_of_the_table
def test_of_nothing_asked_only_the_side_is_drawn(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource, side: str
) -> None:
    drawing(row)
    system = make(crop_chance=0.0, least_gain=1.0).double()
    cuts, gains = found(reads(system, f"{side}_{PASSES[row.encoder]}", batch, step()), batch)
    seen, heard = given_to_networks(side, row)
    assert set(cuts) == seen
    assert {one[:4] for one in cuts.values()} == {(0, 0, FULL, FULL)}
    assert gains == dict.fromkeys(heard, 1.0)


@sides
@rows_of_the_table
def test_sources_references_and_those_contrasted_are_altered_alike(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource, side: str
) -> None:
    """Each row by a draw of its own."""
    drawing(row)
    system = make(crop_chance=1.0, least_gain=0.5).double()
    seen, heard = given_to_networks(side, row)
    sides_seen: set[tuple[str, bool]] = set()
    levels: list[float] = []
    for seed in range(8):
        cuts, gains = found(reads(system, f"{side}_{PASSES[row.encoder]}", batch, step(seed=seed)), batch)
        assert (set(cuts), set(gains)) == (seen, heard)
        assert len(set(cuts.values())) == len(seen)
        assert len(set(gains.values())) == len(heard)
        for one in cuts.values():
            assert (one.width, one.height) != (FULL, FULL)
            assert 0.78 < one.width * one.height / FULL**2 <= 1
        sides_seen |= {(name, one.mirrored) for (name, _), one in cuts.items()}
        levels += gains.values()
    assert sides_seen == {(name, mirrored) for name, _ in seen for mirrored in (False, True)}
    assert 0.5 <= min(levels) < 0.6
    assert 0.9 < max(levels) < 1


@pytest.mark.parametrize("least", [0.2, 0.9])
@rows_of_the_table
def test_levels_go_down_to_the_least_gain(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource, least: float
) -> None:
    drawing(row)
    system = make(least_gain=least).double()
    levels: dict[str, list[float]] = defaultdict(list)
    for seed in range(6):
        _, gains = found(reads(system, f"generate_{PASSES[row.encoder]}", batch, step(seed=seed)), batch)
        for (name, _), gain in gains.items():
            levels[name].append(gain)
    for column in levels.values():
        assert least <= min(column) < least + 0.3 * (1 - least)
        assert 1 - 0.3 * (1 - least) < max(column) <= 1


@rows_of_the_table
def test_draws_are_the_step_s_alone(make: Make, batch: Batch, step: Steps, drawing: Drawing, row: StyleSource) -> None:
    """And both phases of a pass see one source, and one reference."""
    drawing(row)
    system = make(crop_chance=1.0, least_gain=0.5).double()

    def altered(side: str, seed: int) -> dict[Whose, Cut | float]:
        cuts, gains = found(reads(system, f"{side}_{PASSES[row.encoder]}", batch, step(seed=seed)), batch)
        return {**cuts, **gains}

    torch.manual_seed(1)
    once = altered("generate", 3)
    torch.manual_seed(2)
    assert altered("generate", 3) == once
    assert altered("discriminate", 3).items() <= once.items()
    other = altered("generate", 4)
    assert other.keys() == once.keys()
    assert not other.items() & once.items()


@sides
@rows_of_the_table
def test_all_is_compared_with_what_was_altered(
    make: Make,
    batch: Batch,
    step: Steps,
    drawing: Drawing,
    monkeypatch: pytest.MonkeyPatch,
    row: StyleSource,
    side: str,
) -> None:
    """Every term is the one of a batch that was altered beforehand, whose terms `test_equations` writes out."""
    drawing(row)
    system, phase = make(**COMPARED, least_gain=0.5, crop_chance=1.0).double(), f"{side}_{PASSES[row.encoder]}"
    before: Batch = {name: dict(column) for name, column in batch.items()}

    def keeping(prepare: Callable[..., Tensor], medium: str) -> Callable[..., Tensor]:
        def prepared(self: XFaVoT, batch: Batch, name: str, step: Step) -> Tensor:
            before[name][medium] = prepare(self, batch, name, step)
            return before[name][medium]

        return prepared

    def as_it_is(prepare: Callable[..., Tensor], medium: str) -> Callable[..., Tensor]:
        def prepared(self: XFaVoT, batch: Batch, name: str, step: Step) -> Tensor:
            prepare(self, raw, name, step)  # latent codes are drawn after these
            return batch[name][medium]

        return prepared

    raw, originals = batch, {"face128": ("pictures", XFaVoT.pictures), "mel80": ("mels", XFaVoT.mels)}
    every_term = []
    for wrapped, given in ((keeping, batch), (as_it_is, before)):
        for medium, (name, prepare) in originals.items():
            monkeypatch.setattr(XFaVoT, name, wrapped(prepare, medium))
        every_term.append(system(phase, given, step()))
    terms, expected = every_term
    assert terms.keys() == expected.keys()
    for name, value in expected.items():
        torch.testing.assert_close(terms[name], value, rtol=1e-12, atol=0, msg=name)


@pytest.mark.parametrize("augmented", [False, True])
def test_a_perfect_copy_is_no_further_from_its_source_when_that_is_altered(
    make: Make, batch: Batch, step: Steps, drawing: Drawing, monkeypatch: pytest.MonkeyPatch, augmented: bool
) -> None:
    drawing(StyleSource("audio_style_encoder", "paired", speaker=True))
    system = make(**COMPARED, least_gain=0.3 if augmented else 1.0, crop_chance=float(augmented)).double()
    for generator in (system.image_generator, system.audio_generator):
        monkeypatch.setattr(generator, "forward", lambda source, *_: source)
    terms = system.generate_audio(batch, step())
    own = ("image_diversity", "image_cycle", *(f"audio_{name}" for name in ("diversity", "cycle", "asr", "f0", "norm")))
    assert {name: float(terms[name]) for name in own} == pytest.approx(dict.fromkeys(own, 0.0), abs=1e-12)
