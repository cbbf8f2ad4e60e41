"""What the figures of the record mean, on cases whose answer is known."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.corpora.prepared import Store
from benchmark.upstream.asr_features.characters import TOKENS, codes, greedy
from benchmark.upstream.asr_features.evaluate import crop_distance, evaluate, linear_probe, pairs, warped_distance
from benchmark.upstream.asr_features.load import SIZES
from benchmark.upstream.asr_features.network import AsrFeatures


def warped(a: np.ndarray, b: np.ndarray) -> float:
    """By trying all paths."""
    cost = np.linalg.norm(a[:, None] - b[None], axis=2)
    ends, best = (len(a) - 1, len(b) - 1), np.inf
    stack = [((0, 0), 2.0 * cost[0, 0])]
    while stack:
        (i, j), total = stack.pop()
        if (i, j) == ends:
            best = min(best, total)
        for (di, dj), weight in (((1, 0), 1.0), ((0, 1), 1.0), ((1, 1), 2.0)):
            if i + di < len(a) and j + dj < len(b):
                stack.append(((i + di, j + dj), total + weight * cost[i + di, j + dj]))
    return best / (len(a) + len(b))


def test_the_warped_distance_is_the_least_of_all_paths() -> None:
    draw = np.random.default_rng(0)
    for f, g in itertools.product((1, 2, 5), (1, 3, 4)):
        a, b = draw.standard_normal((f, 3)), draw.standard_normal((g, 3))
        assert warped_distance(a, b) == pytest.approx(warped(a, b), rel=1e-9)
        assert warped_distance(a, b) == pytest.approx(warped_distance(b, a), rel=1e-9)


def test_the_same_at_another_pace_is_no_distance() -> None:
    a = np.random.default_rng(0).standard_normal((12, 4))
    assert warped_distance(a, np.repeat(a, 3, axis=0)) == pytest.approx(0.0, abs=1e-6)
    assert warped_distance(a, a[::-1]) > 0.5


def spoken(text: str, table: Tensor, generator: torch.Generator) -> Tensor:
    """(F, C): every letter for two or three frames, a pause after each, some noise."""
    frames = []
    for code in codes()[torch.tensor(list(text.encode()))].tolist():
        frames += [table[code]] * int(torch.randint(2, 4, (1,), generator=generator)) + [table[0]]
    return torch.stack(frames) + 0.1 * torch.randn(len(frames), table.shape[1], generator=generator)


@pytest.mark.slow
def test_a_linear_probe_reads_what_is_there_and_nothing_else() -> None:
    generator = torch.Generator().manual_seed(0)
    table = torch.randn(len(TOKENS), 40, generator=generator)
    words = ("bin", "lay", "place", "set", "red", "blue", "at", "by", "now", "soon")
    texts = [" ".join(words[(3 * i + k * (i + 1)) % 10] for k in range(3)) for i in range(60)]
    said = [spoken(text, table, generator) for text in texts]
    probe = linear_probe(said[:50], texts[:50])
    right = [greedy(probe(x)) == text for x, text in zip(said[50:], texts[50:], strict=True)]
    assert np.mean(right) >= 0.9
    deaf = linear_probe([torch.randn(x.shape, generator=generator) for x in said[:50]], texts[:50])
    assert not any(greedy(deaf(x)) == text for x, text in zip(said[50:], texts[50:], strict=True))


def test_pairs_are_two_frames_side_by_side() -> None:
    mel = torch.randn(1, 1, 80, 5)
    found = pairs(mel)
    assert found.shape == (1, 160, 3)
    assert torch.equal(found[0, :80], mel[0, 0, :, 0::2])
    assert torch.equal(found[0, 80:, :2], mel[0, 0, :, 1::2])
    assert torch.equal(found[0, 80:, 2], mel[0, 0, :, 4])


def test_the_distance_of_crops_is_nothing_without_surroundings_and_one_for_noise() -> None:
    mels = [torch.randn(1, 1, 80, 240) for _ in range(6)]

    def local(mel: Tensor) -> Tensor:
        return mel[:, 0, :, ::2]

    whole = [local(mel) for mel in mels]
    assert crop_distance(local, mels, whole) == 0.0  # type: ignore[arg-type]

    def noise(mel: Tensor) -> Tensor:
        return torch.randn(1, 80, mel.shape[3] // 2)

    assert crop_distance(noise, mels, whole) == pytest.approx(1.0, abs=0.1)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_network_that_learnt_nothing_reads_nothing(speech: Store) -> None:
    torch.manual_seed(0)
    network = AsrFeatures(SIZES["pocket"]).eval().requires_grad_(False)
    found = evaluate(network, speech)
    assert set(found) == {
        *("wer_seen", "wer_unseen", "wer_smooth", "wer_unrelated", "wer_probe", "wer_probe_mel", "crop"),
        *("same_sentence", "same_sentence_mel", "sentence_nearer", "sentence_nearer_mel"),
    }
    assert min(found[key] for key in found if key.startswith("wer")) > 0.5
    assert found["same_sentence_mel"] > 0.9


def test_everything_is_measured_on_others_than_the_probe_learns(speech: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The probe gets the training recordings, and the sentences of its test are said by no training voice."""
    asked = []

    def note(features: list[Tensor], texts: list[str]) -> torch.nn.Module:
        asked.append(texts)
        return torch.nn.Linear(features[0].shape[1], len(TOKENS)).requires_grad_(False)

    monkeypatch.setattr("benchmark.upstream.asr_features.evaluate.linear_probe", note)
    monkeypatch.setattr("benchmark.upstream.asr_features.evaluate.speaker_free", lambda network, store: {})
    evaluate(AsrFeatures(SIZES["pocket"]).eval().requires_grad_(False), speech)
    trained = sorted(r.transcript for r in speech.records if r.split == "train")
    assert [sorted(texts) for texts in asked] == [trained, trained]
    assert not set(trained) & {r.transcript for r in speech.records if r.split == "unseen"}
