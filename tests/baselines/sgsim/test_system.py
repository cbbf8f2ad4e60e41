"""SGSIM as a system: what its encoder learns, and what the edited faces depend on."""

from __future__ import annotations

import copy
import math
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from baselines.sgsim import losses
from baselines.sgsim.canvas import masked, picture, resize, window
from baselines.sgsim.system import SGSIM, SGSIMSettings
from benchmark import weights
from benchmark.corpora.prepared import Store, write_feature
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.media.catalogue import feature
from benchmark.media.image import resized
from benchmark.system import Step
from benchmark.training.attributes import attributes, changed_attributes
from benchmark.training.loop import TrainSettings, check_phases, train
from benchmark.upstream.stylegan2.descend import descend, picture_error
from benchmark.upstream.stylegan2.load import WEIGHTS, stylegan2
from benchmark.weights import Weights

pytestmark = pytest.mark.usefixtures("small_networks")

TASK = "audio_guided_translation"
SMALL = SGSIMSettings(
    space="pocket",
    generator="pocket",
    anchor="face",
    widths=(4, 4, 8, 8),
    frames=60,
    canvas_rows=64,
    canvas_columns=32,
    batch=4,
    log_scale=2.0,
    lr_half=10,
    steps=20,
    lambda_similarity=1e-3,
    lambda_identity=0.0,
    inversion_steps=10,
)


def make(**changes: Any) -> SGSIM:
    torch.manual_seed(0)
    return SGSIM(replace(SMALL, **changes))


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda x: x)


def voices(lengths: list[int] | None = None, seed: int = 0) -> dict[str, Tensor]:
    lengths = lengths or [50, 60, 70, 864]
    mel = torch.rand(len(lengths), 1, 128, 864, generator=torch.Generator().manual_seed(seed)) * 0.9 + 0.1
    for row, length in zip(mel, lengths, strict=True):
        row[..., length:] = 0
    return {"mel128": mel, "gender": torch.arange(len(lengths)) % 2}


def faces(rows: int = 4, seed: int = 0) -> dict[str, Tensor]:
    coarse = torch.rand(rows, 3, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    return {"face128": F.interpolate(coarse, size=128, mode="bilinear"), "gender": torch.arange(rows) % 2}


def rows(column: dict[str, Tensor], *wanted: int) -> dict[str, Tensor]:
    return {key: value[list(wanted)] for key, value in column.items()}


def translated(system: SGSIM, source: dict[str, Tensor], voice: dict[str, Tensor], seeds: list[int]) -> Tensor:
    with torch.no_grad():
        return system.eval().translate(TASK, source, voice, torch.tensor(seeds))


# ------------------------------------------------------------------------------------------------------------ settings


def test_defaults_are_the_official_ones() -> None:
    s = SGSIMSettings()
    assert (s.steps, s.rate, s.lambda_similarity, s.lambda_identity) == (300, 0.05, 0.008, 0.005)
    assert (s.batch, s.lr, s.lr_low, s.momentum, s.weight_decay) == (320, 0.1, 0.001, 0.9, 5e-4)
    assert (s.log_scale, s.guidance_log_scale, s.scrambled, s.clip_normalise) == (0.07, 0.07, True, False)
    assert (s.frames, s.canvas_rows, s.canvas_columns) == (864, 512, 128)
    assert (s.masks, s.mask_columns, s.mask_rows) == (2, 0.15, 0.3)
    assert (s.space, s.generator, s.anchor) == ("clip", "published", "text")


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"batch": 1}, "batch = 1"),
        ({"steps": -1}, "steps = -1"),
        ({"rows": 0}, "rows = 0"),
        ({"frames": 0}, "frames = 0"),
        ({"anchor": "text"}, "holds faces and no texts"),
    ],
)
def test_settings_that_cannot_be_are_refused(changes: dict[str, Any], told: str) -> None:
    with pytest.raises(BenchmarkError, match=told):
        replace(SMALL, **changes)


def test_the_optimiser_is_sgd_between_two_rates() -> None:
    (optimizer,) = make().optimizers().values()
    assert (optimizer.kind, optimizer.modules) == ("sgd", ("encoder",))
    assert optimizer.options == {"momentum": 0.9, "weight_decay": 5e-4}
    assert optimizer.schedule is not None
    assert [optimizer.lr * optimizer.schedule(i) for i in (0, 10, 20)] == pytest.approx([0.001, 0.1, 0.001])


def test_what_a_recording_is_drawn_to_decides_what_is_drawn() -> None:
    (draw,) = make(distinct=True).draws().values()
    assert list(draw.columns) == ["voice", "face"]
    assert draw.columns["face"].same_speaker == "voice"
    assert draw.columns["voice"].distinct
    system = make()
    system.settings = replace(SMALL, space="clip", anchor="text")
    (draw,) = system.draws().values()
    assert draw.columns["voice"].features == ("mel128", "text")
    assert draw.columns["voice"].pool == "any", "also people without a face"
    assert list(draw.columns) == ["voice"]


# ------------------------------------------------------------------------------------------------------------ training


def test_terms_equal_the_objective_written_out() -> None:
    system = make().train()
    data = {"voice": voices(), "face": faces(seed=3)}
    twin = copy.deepcopy(system)
    terms = system.contrast(data, step())
    generator = torch.Generator().manual_seed(0)
    canvas = resize(window(data["voice"]["mel128"], 60, torch.rand(4, generator=generator)), 64, 32)
    hidden = masked(canvas, 0.15, 0.3, 2, generator)
    found, again = (twin.encoder(picture(x, True)) for x in (canvas, hidden))
    # The space sees faces at the generator's size, as it will when it guides.
    anchor = F.normalize(twin.space.network(resized(resized(data["face"]["face128"], 16), 64)))
    torch.testing.assert_close(terms["anchor"], losses.contrast(found, anchor, 2.0) / 4)
    torch.testing.assert_close(terms["self"], losses.contrast(found, again, 2.0) / 4)


def test_transcripts_reach_the_space_as_they_are_spelled(monkeypatch: pytest.MonkeyPatch) -> None:
    system, told = make(), []
    system.settings = replace(SMALL, space="clip", anchor="text")
    monkeypatch.setattr(system.space, "texts", lambda given: (told.extend(given), torch.eye(64)[: len(given)])[1])
    text = torch.zeros(2, 9, dtype=torch.int64)
    text[0, :7] = torch.tensor(list(b"bin red"))
    text[1, :9] = torch.tensor(list(b"lay green"))
    voice = {**voices([50, 60]), "text": text, "text_rows": torch.tensor([7, 9])}
    terms = system.contrast({"voice": voice}, step())
    assert told == ["bin red", "lay green"]
    assert set(terms) == {"anchor", "self"}


@pytest.fixture
def store(speech_store: Callable[..., Store]) -> Store:
    made = speech_store(train=4, unseen=2, recordings=(2, 1, 2), frames=1)
    mel = feature("mel128")
    assert mel.compute is not None
    waves = [made.rows(feature("wave24k"), i) for i in range(len(made.records))]
    write_feature(made.folder, mel, [mel.compute(wave).astype(np.float16) for wave in waves])
    return Store(made.folder)


def test_the_encoder_alone_learns(store: Store, tmp_path: Path) -> None:
    system = make(distinct=True, lr=0.02, lr_low=0.01)
    check_phases(system, 1)
    before, start = attributes(system), {k: v.clone() for k, v in system.state_dict().items()}
    train(system, [store], tmp_path / "run", TrainSettings(steps=3, save_every=3, log_every=1, device="cpu"))
    assert changed_attributes(system, before) == []
    moved = {k.partition(".")[0] for k, v in system.state_dict().items() if not torch.equal(v, start[k])}
    assert moved == {"encoder"}


def test_repeated_steps_learn_a_batch_by_heart() -> None:
    system = make(masks=0, log_scale=2.66).train()
    data = {"voice": voices(), "face": faces(seed=3)}
    optimiser = torch.optim.SGD(system.encoder.parameters(), lr=0.05, momentum=0.9)
    values = []
    for _ in range(25):
        optimiser.zero_grad()
        loss = system.contrast(data, step())["anchor"]
        loss.backward()
        optimiser.step()
        values.append(float(loss.detach()))
    assert values[-1] < values[0] - 0.02


# --------------------------------------------------------------------------------------------------------- translation


def test_pictures_of_the_generators_size() -> None:
    out = translated(make(), faces(), voices(), [0, 1, 2, 3])
    assert out.shape == (4, 3, 16, 16)
    assert out.abs().max() <= 1
    assert not out.requires_grad


def test_the_objective_written_out() -> None:
    system = make()
    start, styles = torch.randn(2, 6, 12), torch.randn(2, 6, 12)
    audio = F.normalize(torch.randn(2, 64))
    found = system.objective(start, system.generator(start), audio, styles)
    for i in range(2):
        image = F.normalize(system.space.network(resized(system.generator(styles[i : i + 1]), 64)))[0]
        expected = 1 - image @ audio[i] * math.exp(0.07) + 1e-3 * (styles[i] - start[i]).square().sum()
        torch.testing.assert_close(found[i], expected, rtol=1e-4, atol=1e-4)


def test_the_objective_falls_in_the_mean() -> None:
    """Over 20 trials, at 0, 5, 20 and 60 steps."""
    system = make().eval()
    with torch.no_grad():
        pictures = resized(faces(20)["face128"], 16)
        start = system.inverted(pictures)
        audio = system.embed(voices([60] * 20))
        objective = partial(system.objective, start, system.generator(start), audio)
        means = []
        for steps in (0, 5, 20, 60):
            means.append(float(objective(descend(start, objective, steps, 0.05)).mean()))
    assert means == sorted(means, reverse=True)
    assert means[-1] < means[0] - 1e-3


def test_the_same_seeds_give_the_same_pictures() -> None:
    first = translated(make(), faces(), voices(), [0, 1, 2, 3])
    assert torch.equal(first, translated(make(), faces(), voices(), [0, 1, 2, 3]))


def in_double(column: dict[str, Tensor]) -> dict[str, Tensor]:
    return {key: value.double() if value.is_floating_point() else value for key, value in column.items()}


def test_a_row_depends_on_itself_and_its_seed_alone() -> None:
    """In float64: convolutions of other numbers of rows round otherwise, which a random network's descent enlarges."""
    source, voice, seeds = in_double(faces()), in_double(voices()), [5, 6, 7, 8]
    together = translated(make(rows=4).double(), source, voice, seeds)
    alone = [translated(make().double(), rows(source, i), rows(voice, i), seeds[i : i + 1]) for i in range(4)]
    torch.testing.assert_close(torch.cat(alone), together, atol=1e-5, rtol=0)
    wanted = (3, 0, 1, 2)
    other = translated(make(rows=3).double(), rows(source, *wanted), rows(voice, *wanted), [8, 5, 1, 2])
    torch.testing.assert_close(other[:2], together[[3, 0]], atol=1e-5, rtol=0)


def test_the_recording_decides() -> None:
    system, source = make(steps=60, lambda_similarity=0.0), rows(faces(), 0, 0)
    first, second = translated(system, source, voices([60, 60]), [0, 0])
    assert (first - second).abs().max() > 1e-2


def test_seeds_decide_where_a_long_recording_is_looked_at_and_nothing_else() -> None:
    system = make()
    with torch.no_grad():
        for lengths, same in (([60, 50], True), ([300, 864], False)):
            source, voice = faces(2), voices(lengths)
            pictures = [translated(system, source, voice, seeds) for seeds in ([0, 1], [2, 3])]
            assert torch.equal(*pictures) == same


def test_a_picture_is_inverted_once_and_comes_nearer() -> None:
    system = make(inversion_steps=40)
    wanted = resized(faces(3)["face128"], 16)
    with torch.no_grad():
        found = system.inverted(wanted)
        mean = system.generator.spread(system.generator.mean_style()[None])
        before, after = (picture_error(system.generator(w), wanted) for w in (mean.expand(3, -1, -1), found))
        assert (after < before).all()
        assert len(system.inversions) == 3
        again = system.inverted(wanted[[2, 0, 2]])
    assert torch.equal(again, found[[2, 0, 2]])
    assert len(system.inversions) == 3


def test_identity_is_kept_by_arcface(monkeypatch: pytest.MonkeyPatch) -> None:
    class Judge(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return F.normalize(x.mean((2, 3)))

    monkeypatch.setattr("baselines.sgsim.system.ArcFace", Judge)
    monkeypatch.setattr("baselines.sgsim.system.load_arcface", lambda path, network: None)
    monkeypatch.setattr("baselines.sgsim.system.weights.get", lambda name: Path(name))
    system = make(lambda_identity=0.5)
    assert system.upstream == {"generator", "space", "arcface"}
    start, styles, audio = torch.randn(2, 6, 12), torch.randn(2, 6, 12), F.normalize(torch.randn(2, 64))
    first, made = system.generator(start), system.generator(styles)
    more = system.objective(start, first, audio, styles) - make().objective(start, first, audio, styles)
    expected = 0.5 * (1 - (F.normalize(first.mean((2, 3))) * F.normalize(made.mean((2, 3)))).sum(1))
    torch.testing.assert_close(more, expected, rtol=1e-4, atol=1e-4)


def test_the_gender_alone_guides_its_control() -> None:
    system = make(reference="gender").eval()
    voice = voices([60, 60, 60, 60])
    found = system.embed(voice)
    assert torch.equal(found[0], found[2])
    assert not torch.equal(found[0], found[1])
    terms = system.contrast({"voice": voice, "face": faces()}, step())
    assert set(terms) == {"anchor"}
    with pytest.raises(BenchmarkError, match="unknown gender"):
        system.embed({**voice, "gender": torch.tensor([0, -1, 0, 1])})


def test_silence_and_the_shortest_sound_have_pictures_and_leave_their_neighbours_alone() -> None:
    system, source, voice = make().double(), in_double(faces(3)), in_double(voices([0, 60, 1]))
    out = translated(system, source, voice, [0, 1, 2])
    assert torch.isfinite(out).all()
    alone = translated(system, rows(source, 1), rows(voice, 1), [1])
    torch.testing.assert_close(out[1:2], alone, atol=1e-5, rtol=0)
    one = {"mel128": voice["mel128"][2:, ..., :1], "gender": voice["gender"][2:]}
    torch.testing.assert_close(translated(system, rows(source, 2), one, [2]), out[2:], atol=1e-5, rtol=0)


def test_absent_weights_are_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Of the audio encoder's neighbours, the first that is looked for: the generator."""
    monkeypatch.setattr("baselines.sgsim.system.stylegan2", stylegan2)
    entry = Weights(WEIGHTS["pocket"], "absent.safetensors", "MIT", "")
    monkeypatch.setattr(weights, "entries", lambda: {entry.name: entry})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    with pytest.raises(MissingWeights, match=r"absent.safetensors.*BENCHMARK_WEIGHTS|stylegan2"):
        make()
