"""The shipped vocoder: on voices that it never heard, and on real ones."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import pytest

from benchmark import weights
from benchmark.corpora.pocket.corpus import PocketCorpus
from benchmark.errors import MissingWeights
from benchmark.media.audio import RATE, read_wave
from benchmark.media.mel import MEL80
from benchmark.media.vocoder import GriffinLim
from benchmark.reporting.statistics import paired_difference
from benchmark.upstream.nisqa import nisqa_network, predict
from benchmark.upstream.parallel_wavegan import load
from benchmark.upstream.parallel_wavegan.evaluate import fidelity, resynthesised
from benchmark.upstream.parallel_wavegan.vocoder import PocketVocoder

VCTK = Path(__file__).parents[5] / "shared" / "data" / "vctk" / "wav48_silence_trimmed"


def test_the_record_belongs_to_the_weights() -> None:
    path, entry = weights.get(load.POCKET), weights.entry(load.POCKET)
    record = json.loads(path.with_suffix(".json").read_text())
    assert hashlib.sha256(path.read_bytes()).hexdigest() == record["sha256"] == entry.sha256
    assert record["bytes"] == path.stat().st_size == entry.bytes
    assert record["parameters"] == sum(p.numel() for p in load.pocket_generator().parameters())
    assert record["mel"] == MEL80.hash
    figures = record["evaluation"]
    assert figures["mel_l1"] <= 0.8 * figures["mel_l1_griffin_lim"]
    assert figures["mr_stft"] < figures["mr_stft_griffin_lim"]
    assert figures["spksim"] >= figures["spksim_griffin_lim"]
    assert figures["wer"] <= figures["wer_griffin_lim"] + 0.01


@pytest.mark.slow
def test_unheard_voices_are_nearer_than_by_griffin_lim() -> None:
    corpus = PocketCorpus(seed=9, pool="pocket_voices", scale=0.02)
    waves = [wave for record in corpus.records()[:6] if (wave := corpus.load(record).wave) is not None]
    ours, theirs = (fidelity(waves, resynthesised(vocoder, waves)[0]) for vocoder in (PocketVocoder(), GriffinLim()))
    assert ours["mel_l1"] < 0.9 * theirs["mel_l1"]
    assert ours["mr_stft"] < theirs["mr_stft"]
    assert ours["spksim"] > theirs["spksim"]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not VCTK.is_dir(), reason="needs ../shared/data/vctk")
def test_real_voices_stay_themselves() -> None:
    files = sorted(VCTK.rglob("*.flac"))[::8][:5]
    waves = [read_wave(path)[: 4 * RATE] for path in files]
    found = fidelity(waves, resynthesised(PocketVocoder(), waves)[0])
    other = fidelity(waves, [np.resize(wave, len(waves[i])) for i, wave in enumerate([*waves[1:], waves[0]])])
    assert found["spksim"] > other["spksim"] + 0.1
    assert found["mel_l1"] < 0.5 * other["mel_l1"]


@pytest.mark.slow
@pytest.mark.real
@pytest.mark.skipif(not VCTK.is_dir(), reason="needs ../shared/data/vctk")
def test_real_voices_sound_more_natural_than_by_griffin_lim() -> None:
    """By nisqa_tts.tar 3.56 against 3.21 (32 recordings of 11 people); nisqa.tar does not tell them apart."""
    name = "nisqa_tts.tar"
    try:
        network = nisqa_network(name)
    except MissingWeights as error:
        pytest.skip(str(error))
    files = sorted(VCTK.rglob("*_mic1.flac"))[:32]
    waves = [read_wave(file) for file in files]
    ours, theirs = (
        predict([(np.asarray(wave, dtype=np.float32), RATE) for wave in resynthesised(vocoder, waves)[0]], network)
        for vocoder in (PocketVocoder(), GriffinLim())
    )
    people = [file.parent.name for file in files]
    found = paired_difference(ours[:, 0], theirs[:, 0], people, people)
    assert found.low > 0
