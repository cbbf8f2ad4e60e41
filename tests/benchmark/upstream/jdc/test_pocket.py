"""The shipped F0 network on voices that it never heard, of another seed than its own people."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import Tensor

from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.media.mel import log_mel
from benchmark.upstream.jdc.augment import blurred
from benchmark.upstream.jdc.evaluate import compared, read_f0
from benchmark.upstream.jdc.load import f0_network


@pytest.fixture(scope="module")
def strangers() -> tuple[list[Tensor], np.ndarray]:
    """Mels of twelve speakers of a contestants' pool, six women and six men, and their known F0."""
    corpus = PocketCorpus(seed=3, pool="pocket_voices")
    records = list({r.speaker: r for r in corpus.records()}.values())[:12]
    assert sum(r.gender or 0 for r in records) == 6
    waves = [corpus.load(record).wave for record in records]
    mels = [log_mel(torch.from_numpy(np.asarray(wave))) for wave in waves]
    return mels, np.concatenate([corpus.f0(record) for record in records])


@pytest.mark.slow
def test_it_reads_f0_and_voicing(strangers: tuple[list[Tensor], np.ndarray]) -> None:
    mels, known = strangers
    network = f0_network("pocket")
    figures = compared(np.concatenate([read_f0(network, mel) for mel in mels]), known)
    assert figures["cents"] < 30.0
    assert figures["gross"] < 0.05
    assert figures["voicing_f1"] > max(0.95, compared(np.ones_like(known), known)["voicing_f1"])
    assert figures["unvoiced_f1"] > 0.5


@pytest.mark.slow
def test_a_blurred_mel_costs_it_little(strangers: tuple[list[Tensor], np.ndarray]) -> None:
    mels, known = strangers
    network = f0_network("pocket")
    figures = compared(np.concatenate([read_f0(network, blurred(mel)) for mel in mels]), known)
    assert figures["cents"] < 45.0
    assert figures["voicing_f1"] > 0.93


def test_digital_silence_is_unvoiced_and_0_hz() -> None:
    found = f0_network("pocket")(log_mel(torch.zeros(24000)))
    assert (found.voiced < 0.0).all()
    assert found.f0.max() < 20.0


def test_a_harmonic_tone_of_an_octave_more_reads_higher() -> None:
    """Made by formula, of no corpus: the order is right, whatever the value."""
    time = torch.arange(24000) / 24000
    read = []
    for hertz in (110.0, 160.0, 220.0):
        tone = torch.stack([torch.sin(2 * torch.pi * k * hertz * time) / k for k in range(1, 25)]).sum(0)
        read.append(float(f0_network("pocket")(log_mel(0.1 * tone)).f0.median()))
    assert read == sorted(read)
    assert read[2] > 1.3 * read[0]
