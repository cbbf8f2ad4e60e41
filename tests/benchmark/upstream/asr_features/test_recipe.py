"""How the pocket ASR features are trained: what is heard, the loss, reading in pieces, and that steps of it run."""

from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.media.mel import MEL80, log_mel
from benchmark.system import Step
from benchmark.training.loop import TrainSettings, train
from benchmark.upstream.asr_features.characters import TOKENS, codes, greedy
from benchmark.upstream.asr_features.recipe import RECIPE, AsrFeaturesTraining, Settings

PLAIN = Settings(level=0.0, curve=0.0, throat=0.0, smooth=0.0, noise=0.0, masks=0, pieces=0.0)


def step(seed: int = 0) -> Step:
    return Step(0, torch.Generator().manual_seed(seed), np.random.default_rng(seed), lambda t: t)


def training(settings: Settings = PLAIN) -> AsrFeaturesTraining:
    torch.manual_seed(0)
    return AsrFeaturesTraining(settings).eval()


def said(text: str) -> Tensor:
    return codes()[torch.tensor(list(text.encode()))]


def column(mel: Tensor, texts: list[str]) -> dict[str, Tensor]:
    rows = [torch.tensor(list(text.encode())) for text in texts]
    return {
        "mel80": mel,
        "mel80_rows": torch.full((len(mel),), mel.shape[3]),
        "text": torch.nn.utils.rnn.pad_sequence(rows, batch_first=True),
        "text_rows": torch.tensor([len(row) for row in rows]),
    }


def test_letters_are_spelt_and_read_back() -> None:
    assert [TOKENS[int(code)] for code in said("bin a's é")] == [*"bin a's", " ", " ", " "]
    blank = torch.zeros(1, dtype=torch.long)
    path = torch.cat([said("  tth"), blank, said("rre"), blank, said("ee at"), blank])
    assert greedy(torch.nn.functional.one_hot(path, len(TOKENS)).float()) == "three at"
    assert greedy(torch.eye(len(TOKENS))[:1]) == ""


def test_the_loss_is_minus_the_logarithm_of_all_paths_that_say_it() -> None:
    """Of 'ab' over 3 frames there are 5: aab, abb, ab-, a-b, -ab; a mean over letters, then over rows."""
    trained = training()
    mel = torch.rand(2, 1, 80, 6, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = float(trained.read({"speech": column(mel, ["ab", "x"])}, step())["ctc"])
        chance = trained.network.ctc(trained.network(mel)).softmax(2).double()
    a, b, x = (TOKENS.index(letter) for letter in "abx")
    first = sum(
        float(chance[0, 0, i] * chance[0, 1, j] * chance[0, 2, k])
        for i, j, k in ((a, a, b), (a, b, b), (a, b, 0), (a, 0, b), (0, a, b))
    )
    second = sum(
        float(chance[1, 0, i] * chance[1, 1, j] * chance[1, 2, k])
        for i, j, k in ((x, x, x), (x, x, 0), (0, x, x), (x, 0, 0), (0, x, 0), (0, 0, x))
    )
    assert found == pytest.approx((-math.log(first) / 2 - math.log(second)) / 2, rel=1e-5)


def test_only_a_rows_own_frames_can_speak() -> None:
    trained = training()
    mel = torch.rand(2, 1, 80, 40, generator=torch.Generator().manual_seed(0))
    rows = column(mel, ["ab", "cd"])
    with torch.no_grad():
        whole = trained.read({"speech": rows}, step())["ctc"]
        rows["mel80_rows"] = torch.tensor([40, 9])
        short = trained.read({"speech": rows}, step())["ctc"]
        log = trained.network.ctc(trained.network(mel)).log_softmax(2)
    wanted = [
        torch.nn.functional.ctc_loss(log[i, :frames], said(text), torch.tensor(frames), torch.tensor(2))
        for i, (text, frames) in enumerate((("ab", 20), ("cd", 5)))
    ]
    assert float(short) == pytest.approx(float(sum(wanted)) / 2, rel=1e-5)
    assert float(whole) != pytest.approx(float(short), rel=1e-3)


def test_pieces_are_read_as_if_nothing_were_around_them() -> None:
    trained = training()
    mel = torch.randn(3, 1, 80, 50, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = trained.in_pieces(mel, 20)
        assert found.shape == (3, trained.network.channels, 30)
        for row in range(3):
            for piece in range(2):
                alone = trained.network(mel[row : row + 1, ..., 20 * piece : 20 * piece + 20])
                torch.testing.assert_close(found[row, :, 10 * piece : 10 * piece + 10], alone[0], atol=1e-5, rtol=0)
        silence = log_mel(torch.zeros(1, 3000))[..., :10]
        last = trained.network(torch.cat([mel[2:, ..., 40:], silence], dim=3))
        torch.testing.assert_close(found[2, :, 20:], last[0], atol=1e-3, rtol=0)
        torch.testing.assert_close(trained.in_pieces(mel, 50), trained.network(mel), atol=1e-5, rtol=0)


def test_some_batches_are_read_in_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    trained = training(dataclasses.replace(PLAIN, pieces=0.5, shortest=8, longest=16))
    lengths = []

    def note(mel: Tensor, frames: int) -> Tensor:
        lengths.append(frames)
        return trained.network(mel)

    monkeypatch.setattr(trained, "in_pieces", note)
    rows = column(torch.randn(1, 1, 80, 30), ["ab"])
    for seed in range(60):
        trained.read({"speech": rows}, step(seed))
    assert 18 <= len(lengths) <= 42
    assert set(lengths) == {8, 10, 12, 14, 16}


def test_plain_settings_hear_the_recording_and_the_others_do_not() -> None:
    mel = log_mel(0.1 * torch.randn(8, 9000, generator=torch.Generator().manual_seed(0)))
    heard = training().heard(mel, torch.Generator().manual_seed(0))
    torch.testing.assert_close(heard, mel, atol=1e-3, rtol=0)
    for name in ("level", "curve", "throat", "smooth", "noise", "masks"):
        one = dataclasses.replace(PLAIN, **{name: getattr(Settings(), name)})
        changed = training(one).heard(mel, torch.Generator().manual_seed(0))
        assert (changed - mel).abs().max() > 0.05, name
        assert changed.shape == mel.shape
    everything = training(Settings()).heard(mel, torch.Generator().manual_seed(0))
    assert (everything - mel).abs().amax((1, 2, 3)).min() > 0.1


def test_the_rate_warms_up_and_falls_to_nothing() -> None:
    trained = training(Settings(steps=100, warm_up=10))
    rates = [trained._rate(i) for i in range(101)]
    assert rates[9] == rates[10] == 1.0
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == pytest.approx(0.0)


@pytest.mark.slow
def test_twenty_steps_learn_from_a_small_store(speech: Store, tmp_path: Path) -> None:
    torch.manual_seed(0)
    trained = AsrFeaturesTraining(Settings(batch=4, steps=20, warm_up=2))
    result = train(trained, [speech], tmp_path, TrainSettings(steps=20, log_every=1, device="cpu"))
    assert result.steps == 20
    lines = [json.loads(line) for line in (tmp_path / "train.jsonl").read_text().splitlines()]
    assert lines[-1]["read/ctc"] < 0.6 * lines[0]["read/ctc"], [line["read/ctc"] for line in lines]


def test_the_record_says_mel_sizes_and_tokens(speech: Store) -> None:
    described = json.loads(json.dumps(RECIPE.describe(speech)))
    assert described["mel"] == MEL80.hash
    assert described["tokens"] == list(TOKENS)
    assert described["sizes"]["channels"] == training().network.channels
    assert RECIPE.corpus == "pocket_upstream", "networks inside losses see no contestant's pool"
    assert RECIPE.train["steps"] == Settings.steps, "the rate ends where the training does"
