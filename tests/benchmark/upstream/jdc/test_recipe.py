"""How the F0 network is trained: what it hears, what it is asked, and that steps of it teach."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.corpora.prepare import derive
from benchmark.corpora.prepared import Store
from benchmark.media.catalogue import FEATURES, feature
from benchmark.media.f0 import F0
from benchmark.media.mel import MEL80, log_mel
from benchmark.system import Step
from benchmark.training.feed import Feed
from benchmark.training.loop import TrainSettings, train
from benchmark.training.plan import Plan
from benchmark.upstream.jdc.network import F0Reading
from benchmark.upstream.jdc.recipe import RECIPE, JDCTraining, Settings

PLAIN = Settings(batch=4, crop=48, steps=4, warm_up=2, quietest=1.0, soft=0.0, noise=0.0)


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda t: t)


@pytest.fixture
def labelled(speech_store: Callable[..., Store]) -> Store:
    """Tones of many pitches in a little noise, so that no two moments of one are alike."""
    store = speech_store(train=4, unseen=1, recordings=(3, 1, 1), seconds=1.0)
    derive(store, MEL80, jobs=1, progress=False)
    derive(store, F0, jobs=1, progress=False)
    return store


def test_crops_of_mel_and_f0_are_of_the_same_moment(labelled: Store) -> None:
    plan = Plan([labelled], JDCTraining(PLAIN).draws(), seed=0, features=FEATURES)
    mel80 = feature("mel80")
    with Feed(plan, torch.device("cpu")) as feed:
        speech = feed.batches("speech", 0)[0]["speech"]
    assert speech["f0"].shape == (4, 48)
    for mel, f0, record in zip(speech["mel80"], speech["f0"], speech["record"].tolist(), strict=True):
        whole = mel80.batch(torch.from_numpy(labelled.rows(mel80, record)[None].copy()))[0]
        start = next(t for t in range(whole.shape[-1] - 47) if torch.equal(whole[..., t : t + 48], mel))
        assert torch.equal(f0, torch.from_numpy(labelled.rows(F0, record)[start : start + 48].copy()))


def test_the_terms_by_hand(make_mels: Callable[[int, int], Tensor], monkeypatch: pytest.MonkeyPatch) -> None:
    """Huber's loss of 1 Hz, over unvoiced frames too, which ask for 0; and cross entropy of voicing."""
    trained = JDCTraining(replace(PLAIN, f0=0.3))
    target = torch.tensor([[100.0, 100.0, 0.0, 200.0]])
    reading = F0Reading(
        f0=torch.tensor([[103.0, 100.5, 2.0, 200.0]]),
        features=torch.zeros(1),
        pooled=torch.zeros(1),
        voiced=torch.tensor([[2.0, -1.0, 0.5, 3.0]]),
    )
    monkeypatch.setattr(trained.network, "forward", lambda mel: reading)
    terms = trained.read({"speech": {"mel80": make_mels(1, 4), "f0": target}}, step())
    assert float(terms["f0"]) == pytest.approx(0.3 * (2.5 + 0.125 + 1.5 + 0.0) / 4)
    odds = np.exp(np.array([2.0, -1.0, -0.5, 3.0]))
    assert float(terms["voiced"]) == pytest.approx(float(-np.log(odds / (1 + odds)).mean()), rel=1e-5)


def test_what_is_heard_is_as_loud_as_the_draw_says() -> None:
    wave = 0.05 * torch.randn(6, 6000, generator=torch.Generator().manual_seed(1))
    quieter = JDCTraining(replace(PLAIN, quietest=0.5)).heard(log_mel(wave), torch.Generator().manual_seed(3))
    gain = 0.5 + 0.5 * torch.rand(6, generator=torch.Generator().manual_seed(3))
    torch.testing.assert_close(quieter, log_mel(gain[:, None] * wave), atol=1e-4, rtol=0)
    assert JDCTraining(PLAIN).heard(log_mel(wave), torch.Generator()).sub(log_mel(wave)).abs().max() < 1e-4


def test_soft_and_noisy_rows_are_other_rows(make_mels: Callable[[int, int], Tensor]) -> None:
    mel = make_mels(1, 20).expand(200, -1, -1, -1)
    heard = JDCTraining(replace(PLAIN, soft=0.4, noise=0.4)).heard(mel, torch.Generator().manual_seed(0))
    changed = (heard - mel).abs().flatten(1).amax(1) > 1e-3
    assert 0.54 < changed.float().mean() < 0.74  # 1 - 0.6 * 0.6


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    trained = JDCTraining(Settings(steps=100, warm_up=10))
    rates = [trained._rate(number) for number in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1.0
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 1e-3


@pytest.mark.slow
def test_steps_of_it_teach_and_ship_what_the_loader_takes(labelled: Store, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = JDCTraining(replace(PLAIN, batch=8, steps=30, warm_up=5))
    result = train(trained, [labelled], tmp_path, TrainSettings(steps=30, log_every=5, device="cpu"))
    lines = [json.loads(line) for line in (result.checkpoint.parent / "train.jsonl").read_text().splitlines()]
    first, last = lines[0]["read/f0"], lines[-1]["read/f0"]
    assert last < 0.5 * first
    assert RECIPE.network(trained) is trained.network


def test_the_record_says_what_a_loader_needs(labelled: Store) -> None:
    described = RECIPE.describe(labelled)
    assert described["mel"] == MEL80.hash
    assert described["network"]["unit"] == 100.0
