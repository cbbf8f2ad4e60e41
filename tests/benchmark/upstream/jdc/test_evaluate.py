"""The figures of F0, by hand, and of the recordings of a store."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.corpora.manifest import Record
from benchmark.corpora.prepared import Store, write_feature
from benchmark.media.f0 import F0
from benchmark.upstream.jdc.evaluate import compared, evaluate, recorded_mel
from benchmark.upstream.jdc.network import JDC, F0Reading


def test_figures_by_hand() -> None:
    known = np.array([100.0, 100.0, 100.0, 200.0, 0.0, 0.0, 0.0, 100.0])
    found = np.array([100.0, 100.0 * 2 ** (10 / 1200), 100.0 * 2 ** (-20 / 1200), 400.0, 0.0, 0.0, 90.0, 0.0])
    figures = compared(found, known)
    assert figures["cents"] == pytest.approx(15.0)  # of 0, 10, 20 and 1200
    assert figures["gross"] == pytest.approx(1 / 4)
    assert figures["voicing_f1"] == pytest.approx(2 * 4 / (5 + 5))
    assert figures["unvoiced_f1"] == pytest.approx(2 * 2 / (3 + 3))


def test_a_fifth_off_is_wrong_on_either_side() -> None:
    known = np.full(4, 100.0)
    assert compared(np.array([119.0, 81.0, 121.0, 79.0]), known)["gross"] == 0.5


def test_without_a_voice_in_both_there_is_no_error_to_speak_of() -> None:
    figures = compared(np.array([0.0, 100.0]), np.array([100.0, 0.0]))
    assert math.isnan(figures["cents"])
    assert math.isnan(figures["gross"])
    assert figures["voicing_f1"] == figures["unvoiced_f1"] == 0.0


class Told(JDC):
    """A network that is told the answer for a mel, by its squares, and leaves out the first twenty frames."""

    def __init__(self, answers: dict[float, np.ndarray]) -> None:
        super().__init__()
        self.answers = answers

    def forward(self, mel: Tensor) -> F0Reading:
        answer = self.answers.get(float(mel.square().sum()), np.ones(mel.shape[-1], np.float32))
        f0 = torch.from_numpy(answer)[None]
        voiced = torch.where((f0 > 0) & (torch.arange(f0.shape[1]) >= 20), 1.0, -1.0)
        return F0Reading(f0, mel, mel, voiced)


def test_a_network_that_knows_errs_in_what_it_leaves_out(
    speech_store: Callable[..., Store], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Figures are of the right recordings, and against the F0 of the very corpus that the store was made of; a blurred
    mel is another mel; WORLD's F0 is the store's, here half a semitone above the known one."""
    store = speech_store(train=4, unseen=2, recordings=(1, 2, 3))
    made = {"seed": 5, "pool": "pocket_upstream", "frames_per_clip": 1}
    store.meta["fingerprint"].update(made)
    known = {
        record.id: np.where(np.arange(41) % 7 < 2 + i % 4, 0.0, 100.0 + 10.0 * i).astype(np.float32)
        for i, record in enumerate(store.records)
    }

    class Corpus:
        def __init__(self, **given: object) -> None:
            assert given == made

        def f0(self, record: Record) -> np.ndarray:
            return known[record.id]

    monkeypatch.setattr("benchmark.upstream.jdc.evaluate.PocketCorpus", Corpus)
    write_feature(store.folder, F0, [known[record.id] * 2 ** (50 / 1200) for record in store.records])
    answers = {
        float(recorded_mel(store, i).square().sum()): known[record.id]
        for i, record in enumerate(store.records)
        if record.split != "train"
    }
    assert len(answers) == 4 * 2 + 2 * 3
    figures = evaluate(Told(answers), store)
    for split in ("seen", "unseen"):
        own = [known[record.id] for record in store.records if record.split == split]
        voiced = sum(int((f0 > 0).sum()) for f0 in own)
        lost = sum(int((f0[:20] > 0).sum()) for f0 in own)
        assert figures[f"cents_{split}"] == figures[f"gross_{split}"] == 0.0
        assert figures[f"voicing_f1_{split}"] == pytest.approx(2 * (voiced - lost) / (2 * voiced - lost), abs=1e-4)
        assert figures[f"blurred_gross_{split}"] == 1.0
        assert figures[f"world_cents_{split}"] == pytest.approx(50.0, abs=0.01)
        assert figures[f"world_voicing_f1_{split}"] == figures[f"world_unvoiced_f1_{split}"] == 1.0
        everywhere = 2 * voiced / (voiced + 41 * len(own))
        assert figures[f"always_f1_{split}"] == pytest.approx(everywhere, abs=1e-4)
