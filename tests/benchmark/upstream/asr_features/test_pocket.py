"""The shipped ASR features on voices of pools that they never saw: they hear the words and not the speaker."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jiwer
import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark import weights
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.identity import make_identity
from benchmark.corpora.pocket.pools import POOLS
from benchmark.corpora.pocket.sentences import pool_sentences
from benchmark.corpora.pocket.voice import synthesise
from benchmark.media.mel import MEL80, log_mel
from benchmark.upstream.asr_features.augment import amplified, smooth
from benchmark.upstream.asr_features.characters import TOKENS, greedy
from benchmark.upstream.asr_features.evaluate import warped_distance
from benchmark.upstream.asr_features.load import WEIGHTS, asr_features
from benchmark.upstream.asr_features.network import AsrFeatures

POOL = "pocket_voices"


@pytest.fixture(scope="module")
def network() -> AsrFeatures:
    return asr_features("pocket")


def mel(person: int, sentence: str) -> Tensor:
    wave = synthesise(make_identity(POOL, person, 3), sentence, 0)
    return log_mel(torch.from_numpy(wave)[None].float())


@pytest.fixture(scope="module")
def heard() -> list[tuple[str, Tensor]]:
    """24 sentences of a contestants' pool, each said by another person of it."""
    sentences = pool_sentences(POOL, 24, np.random.default_rng(0))
    return [(sentence, mel(i, sentence)) for i, sentence in enumerate(sentences)]


def test_the_record_belongs_to_the_weights(network: AsrFeatures) -> None:
    path: Path = weights.get(WEIGHTS["pocket"])
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == weights.entry(WEIGHTS["pocket"]).sha256
    assert record["bytes"] == path.stat().st_size == weights.entry(WEIGHTS["pocket"]).bytes
    assert record["parameters"] == sum(p.numel() for p in network.parameters())
    assert record["mel"] == MEL80.hash
    assert record["tokens"] == list(TOKENS)
    assert record["corpus"]["name"] == "pocket_upstream"
    assert record["corpus"]["records"] == POOLS["pocket_upstream"].size
    figures = record["evaluation"]
    assert figures["wer_probe"] < 0.2, "the acceptance of the network"
    assert figures["wer_unseen"] < 0.05
    assert figures["wer_smooth"] < 0.1
    assert figures["wer_unrelated"] > 0.7
    assert figures["same_sentence"] < 0.5 < figures["same_sentence_mel"]


def test_it_is_frozen_and_in_eval_mode(network: AsrFeatures) -> None:
    assert not network.training
    assert not any(p.requires_grad for p in network.parameters())
    assert network.channels == network(torch.zeros(1, 1, 80, 3)).shape[1]


def test_strangers_are_understood(network: AsrFeatures, heard: list[tuple[str, Tensor]]) -> None:
    """As recorded, much fainter, and as a generator might smooth them."""
    texts = [text for text, _ in heard]
    quiet = torch.full((1, 1, 1, 1), -15.0)
    for change in (lambda x: x, lambda x: amplified(x, quiet), smooth):
        read = [greedy(network.ctc(network(change(x)))[0]) for _, x in heard]
        assert jiwer.wer(texts, read) < 0.1
        assert jiwer.wer(texts[-1:] + texts[:-1], read) > 0.6


def test_another_voice_is_nearer_than_another_sentence(network: AsrFeatures, heard: list[tuple[str, Tensor]]) -> None:
    """Features move when the words do and stay when the voice alone changes (a woman for a man); the mel does not."""
    distances = []
    for i, (sentence, own) in enumerate(heard[:8]):
        other_voice, other_words = mel(i + 41, sentence), mel(i, heard[i + 8][0])
        seen = [network(x)[0].T.numpy().astype(np.float64) for x in (own, other_voice, other_words)]
        plain = [x[0, 0].T.numpy().astype(np.float64) for x in (own, other_voice, other_words)]
        distances.append([warped_distance(x[0], x[k]) for x in (seen, plain) for k in (1, 2)])
    voice, words, voice_mel, words_mel = np.array(distances).T
    assert (voice < 0.6 * words).all()
    assert voice_mel.mean() > words_mel.mean()


def test_a_crop_says_what_the_whole_says_there(network: AsrFeatures, heard: list[tuple[str, Tensor]]) -> None:
    """Training losses look at 96 frames: these lie nearer to the same moments of the whole than to any others."""
    for _, x in heard[:8]:
        whole, crop = network(x)[0], network(x[..., 60:156])[0]
        shifts = torch.stack(
            [(whole[:, s : s + 48] - crop).norm(dim=0).mean() for s in range(whole.shape[1] - crop.shape[1] + 1)]
        )
        assert int(shifts.argmin()) == 30


def test_the_pool_of_training_is_no_contestants() -> None:
    made = PocketCorpus(pool="pocket_upstream").records()
    for name in ("pocket_av", "pocket_av_many", POOL):
        other = PocketCorpus(pool=name).records()
        assert not {r.speaker for r in made} & {r.speaker for r in other}
        assert not {r.transcript for r in made} & {r.transcript for r in other}
