"""The figures of the record: whether they measure what they say."""

from __future__ import annotations

import numpy as np
import pytest
from torch import Tensor

from benchmark.media.vocoder import GriffinLim
from benchmark.upstream.parallel_wavegan.evaluate import fidelity, resynthesised


@pytest.mark.slow
def test_a_recording_is_itself_and_noise_is_not(voice: Tensor) -> None:
    waves = [np.tile(row.numpy(), 4) for row in voice]
    same = fidelity(waves, waves)
    assert same == pytest.approx({"mel_l1": 0.0, "mr_stft": 0.0, "spksim": 1.0}, abs=1e-6)
    rng = np.random.default_rng(0)
    noisy = fidelity(waves, [(wave + 0.01 * rng.standard_normal(len(wave))).astype(np.float32) for wave in waves])
    noisier = fidelity(waves, [(wave + 0.1 * rng.standard_normal(len(wave))).astype(np.float32) for wave in waves])
    assert 0.0 < noisy["mel_l1"] < noisier["mel_l1"]
    assert 0.0 < noisy["mr_stft"] < noisier["mr_stft"]
    assert 1.0 > noisy["spksim"] > noisier["spksim"]


def test_what_comes_back_is_as_long_and_timed(voice: Tensor) -> None:
    waves = [voice[0, :5000].numpy(), voice[1].numpy()]
    made, factor = resynthesised(GriffinLim(), waves)
    assert [len(wave) for wave in made] == [5000, 9000]
    assert factor > 0.0
