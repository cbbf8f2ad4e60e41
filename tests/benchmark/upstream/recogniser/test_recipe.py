"""How the shipped recogniser is trained: what it hears, what it must say, and that two steps of it run."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from benchmark.corpora.prepared import Store
from benchmark.runner.corpora import derive_wanted
from benchmark.system import Step
from benchmark.training.loop import TrainSettings, train
from benchmark.upstream.recogniser.network import TOKENS
from benchmark.upstream.recogniser.recipe import RECIPE, RecogniserTraining, Settings, token_codes


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda t: t)


@pytest.fixture(scope="module")
def trained() -> RecogniserTraining:
    torch.manual_seed(0)
    return RecogniserTraining(Settings(batch=4, steps=4, warm_up=2))


def test_a_transcript_is_spelt_with_the_tokens() -> None:
    codes = token_codes()[torch.frombuffer(bytearray(b"bin a's 9"), dtype=torch.uint8).long()]
    said = [TOKENS[int(code)] for code in codes]
    assert said == ["b", "i", "n", "<space>", "a", "'", "s", "<space>", "<unk>"]


@pytest.mark.parametrize(("share", "expected"), [(0.0, "clean"), (1.0, "again")])
def test_rows_are_clean_or_resynthesised(trained: RecogniserTraining, share: float, expected: str) -> None:
    speech = {"wave16k": torch.zeros(6, 100), "resynth16k": torch.ones(6, 100)}
    trained.settings = Settings(resynthesised=share, noise=0.0)
    assert torch.equal(trained.heard(speech, step()), speech["wave16k" if expected == "clean" else "resynth16k"])


def test_noise_lies_5_to_35_decibel_below_the_speech(trained: RecogniserTraining) -> None:
    waves = torch.sin(torch.arange(16000) * 0.1).repeat(64, 1) * torch.linspace(0.01, 0.9, 64)[:, None]
    trained.settings = Settings(resynthesised=0.0, noise=1.0)
    noise = trained.heard({"wave16k": waves, "resynth16k": waves}, step()) - waves
    ratio = 20 * torch.log10(waves.square().mean(1).sqrt() / noise.square().mean(1).sqrt())
    assert float(ratio.min()) > 4.7
    assert float(ratio.max()) < 35.3
    assert float(ratio.max() - ratio.min()) > 20


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    trained = RecogniserTraining.__new__(RecogniserTraining)
    torch.nn.Module.__init__(trained)
    trained.settings = Settings(steps=100, warm_up=10)
    rates = [trained._rate(i) for i in range(101)]
    assert rates[9] == rates[10] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.0)


def test_the_loss_is_espnets_own() -> None:
    torch.manual_seed(0)
    system = RecogniserTraining(Settings(resynthesised=0.0, noise=0.0))
    waves, text = torch.randn(2, 16000) * 0.1, torch.randint(3, 29, (2, 10))
    lengths, rows = torch.tensor([16000, 12000]), torch.tensor([10, 7])
    inverse = {code: byte for byte, code in enumerate(token_codes().tolist()) if code > 2}
    as_bytes = torch.tensor([[inverse[code] for code in row] for row in text.tolist()])
    column = {"wave16k": waves, "resynth16k": waves, "wave16k_rows": lengths, "text": as_bytes, "text_rows": rows}
    network = system.network.eval()
    with torch.no_grad():
        theirs = network(waves, lengths, text.clone(), rows)[0]
        ours = sum(system.recognise({"speech": column}, step()).values())
    assert float(ours) == pytest.approx(float(theirs), rel=1e-6)


def test_two_steps_of_training(speech_store: Callable[..., Store], tmp_path: Path) -> None:
    store = speech_store(train=4, unseen=2, frames=0)
    torch.manual_seed(0)
    system = RecogniserTraining(Settings(batch=4, steps=2, warm_up=1))
    derive_wanted(system, [store], jobs=1)
    before = {k: v.clone() for k, v in system.network.state_dict().items()}
    result = train(system, [store], tmp_path / "training", TrainSettings(steps=2, device="cpu"))
    assert result.steps == 2
    assert any(not torch.equal(before[k], v) for k, v in system.network.state_dict().items())


def test_the_record_says_what_a_loader_needs(speech_store: Callable[..., Store]) -> None:
    described = RECIPE.describe(speech_store(train=2, unseen=1))
    assert described["vocabulary"] == ["0", "1", "word"], "words of the training recordings alone"
    assert described["config"]["token_list"] == list(TOKENS)
    assert RECIPE.corpus == "pocket_judges", "a judge never hears a contestant's pool"
