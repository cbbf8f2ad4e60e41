"""The shipped recogniser on people and sentences that it never heard."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import jiwer
import pytest

from benchmark import weights
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.corpora.pocket.sentences import GRAMMAR
from benchmark.media.audio import RATE, resample
from benchmark.media.text import normalise
from benchmark.upstream.recogniser.transcribe import recogniser

NAME = "pocket/recogniser.safetensors"


@pytest.fixture(scope="module")
def path() -> Path:
    return weights.get(NAME)


def test_the_record_belongs_to_the_weights(path: Path) -> None:
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == weights.entry(NAME).sha256
    assert record["vocabulary"] == sorted({word for words in GRAMMAR for word in words})
    assert record["corpus"]["name"] == "pocket_judges"
    assert len(PocketCorpus(pool="pocket_judges").records()) == record["corpus"]["records"]
    training = [r for r in PocketCorpus(pool="pocket_judges").records() if r.split == "train"]
    assert len(training) >= 2500
    assert len({r.speaker for r in training}) >= 64
    assert record["parameters"] == sum(p.numel() for p in recogniser("pocket").speech2text.asr_model.parameters())
    assert record["evaluation"]["wer_unseen"] <= 0.10 < 0.60 <= record["evaluation"]["wer_unseen_unrelated"]


@pytest.mark.slow
def test_words_of_contestants_are_heard_and_unrelated_ones_are_not() -> None:
    corpus = PocketCorpus(seed=3, scale=0.1)
    records = [r for r in corpus.records() if r.split == "unseen"][:32]
    waves = [resample(wave, RATE, 16000) for r in records if (wave := corpus.load(r).wave) is not None]
    heard = [normalise(text) for text in recogniser("pocket").transcribe(waves)]
    said = [normalise(r.transcript or "") for r in records]
    assert jiwer.wer(said, heard) <= 0.10
    assert jiwer.wer(said[1:] + said[:1], heard) > 0.60
