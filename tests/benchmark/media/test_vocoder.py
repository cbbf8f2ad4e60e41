"""Vocoders: length, determinism, row independence, and how near they come."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmark.media.audio import read_wave
from benchmark.media.catalogue import FEATURES
from benchmark.media.griffin_lim import griffin_lim
from benchmark.media.mel import HOP, WINDOW, log_mel
from benchmark.media.vocoder import Vocoder
from benchmark.registry import VOCODERS, find
from benchmark.training.feed import silence

SHARED = Path(__file__).resolve().parents[4] / "shared" / "data"


def voice(seconds: float = 1.0, pitch: float = 120.0) -> torch.Tensor:
    """A gliding harmonic tone by formula, (N,) at 24 kHz."""
    time = torch.arange(int(seconds * 24000), dtype=torch.float64) / 24000
    phase = 2 * torch.pi * pitch * (time + 0.1 * time.square())
    partials = [torch.sin(h * phase) / h for h in range(1, 40)]
    return (0.1 * torch.stack(partials).sum(0)).float()


LEARNT_NOTHING = sorted(name for name in VOCODERS if name.startswith("griffin_lim"))


def vocoder(name: str) -> Vocoder:
    made: Vocoder = find("vocoders", name).load()()
    return made


def hop(feature: str) -> float:
    """Samples of a vocoder's output for a frame of its mel."""
    rate = FEATURES[feature].rate
    assert rate is not None
    return 24000 / rate


def mels(feature: str, waves: list[torch.Tensor]) -> torch.Tensor:
    front_end = FEATURES[feature]
    assert front_end.compute is not None
    return torch.cat([front_end.batch(torch.from_numpy(front_end.compute(w.numpy()))[None]) for w in waves])


def magnitude(wave: torch.Tensor, n_fft: int) -> torch.Tensor:
    """(T, F) of frames centred at 0, 300, ... with the 1200 samples of the window at the front of the transform."""
    padded = torch.nn.functional.pad(wave, (WINDOW // 2, WINDOW // 2))
    return torch.fft.rfft(padded.unfold(0, WINDOW, HOP) * torch.hann_window(WINDOW), n_fft).abs()


@pytest.mark.parametrize("name", LEARNT_NOTHING)
def test_shape_determinism_and_independent_rows(name: str) -> None:
    make = vocoder(name)
    mel = mels(make.feature, [voice(pitch=p) for p in (100.0, 170.0, 260.0)])
    waves = make(mel)
    assert waves.shape == (3, hop(make.feature) * mel.shape[-1])
    assert waves.shape[1] >= 24000
    assert waves.dtype == torch.float32
    assert waves.isfinite().all()
    assert torch.equal(waves, make(mel))
    for i, row in enumerate(mel):
        assert torch.equal(waves[i], make(row[None])[0])


@pytest.mark.parametrize("name", LEARNT_NOTHING)
@pytest.mark.parametrize("frames", [1, 2, 7])
def test_few_frames_and_silence(name: str, frames: int) -> None:
    make = vocoder(name)
    (bands,), level = FEATURES[make.feature].tail, float(silence(FEATURES[make.feature], FEATURES).mean())
    quiet = make(torch.full((1, 1, bands, frames), level))
    assert quiet.shape == (1, hop(make.feature) * frames)
    assert quiet.abs().max() < 1e-2


def test_the_wave_has_the_mel_and_the_place_it_came_from() -> None:
    wave = voice(1.5)
    again = vocoder("griffin_lim")(log_mel(wave))[:, : len(wave)]
    difference = (log_mel(again) - log_mel(wave))[..., 2:-2].abs().mean()
    assert difference < 0.06
    pulse = torch.zeros(24000)
    pulse[12000:12600] = voice()[:600]
    found = vocoder("griffin_lim")(log_mel(pulse))[0].square().unfold(0, 300, 300).sum(-1)
    assert int(found.argmax()) in (39, 40, 41)


def test_the_512_band_vocoder_gives_back_the_level() -> None:
    wave = voice(1.5)
    again = vocoder("griffin_lim_512")(mels("mel512", [wave]))[0]
    middle = slice(3000, 30000)
    assert float(again[middle].std() / wave[middle].std()) == pytest.approx(1.0, abs=0.25)


def test_fragment_vcs_vocoder_gives_back_the_mel_and_the_place() -> None:
    wave = voice(1.5)
    again = vocoder("griffin_lim_326")(mels("mel326", [wave]))[:, : len(wave)]
    # The mel is of a recording of peak 1.
    assert float(again.std() * wave.abs().max() / wave.std()) == pytest.approx(1.0, abs=0.25)
    difference = (mels("mel326", [again[0]]) - mels("mel326", [wave]))[..., 2:-2]
    # Other phases make another peak, and so another level.
    assert (difference - difference.mean()).abs().mean() < 0.35, "of a range of ten nepers"
    pulse = torch.zeros(24000)
    pulse[12000:12600] = voice()[:600]
    found = vocoder("griffin_lim_326")(mels("mel326", [pulse]))[0].square().unfold(0, 300, 300).sum(-1)
    assert int(found.argmax()) in (39, 40, 41)


@pytest.mark.parametrize("n_fft", [1200, 2048])
@pytest.mark.parametrize("momentum", [0.0, 0.99])
def test_iterations_come_nearer(n_fft: int, momentum: float) -> None:
    target = magnitude(voice() + 0.01 * torch.randn(24000, generator=torch.Generator().manual_seed(0)), n_fft)

    def error(iterations: int) -> float:
        got = magnitude(griffin_lim(target, iterations, momentum)[:-HOP], n_fft)[: len(target)]
        return float((got - target)[3:-3].norm() / target[3:-3].norm())

    errors = [error(k) for k in (0, 4, 16, 64)]
    assert errors == sorted(errors, reverse=True)
    assert errors[2] < 0.2


def test_momentum_is_faster_than_none() -> None:
    target = magnitude(voice(), 1200)

    def error(momentum: float) -> float:
        got = magnitude(griffin_lim(target, 16, momentum)[:-HOP], 1200)[: len(target)]
        return float((got - target)[3:-3].norm())

    assert error(0.99) < error(0.0)


@settings(deadline=None, max_examples=10)
@given(frames=st.integers(1, 40), n_fft=st.sampled_from([1200, 1536, 2048]))
def test_a_frame_is_a_hop(frames: int, n_fft: int) -> None:
    draw = torch.rand(frames, n_fft // 2 + 1, generator=torch.Generator().manual_seed(frames))
    assert griffin_lim(draw, 2).shape == (300 * frames,)


@settings(deadline=None, max_examples=10)
@given(level=st.floats(1e-2, 100.0))
def test_the_level_only_scales(level: float) -> None:
    """In norm, not sample by sample: a bin of almost no magnitude has a phase that rounding decides."""
    target = magnitude(voice(), 1200)
    plain, scaled = griffin_lim(target, 16), griffin_lim(level * target, 16) / level
    assert (plain - scaled).norm() < 2e-2 * plain.norm()


def test_a_vocoder_has_the_name_it_is_found_by() -> None:
    for name in LEARNT_NOTHING:
        assert vocoder(name).name == name


@pytest.mark.real
@pytest.mark.skipif(not SHARED.is_dir(), reason="../shared/data is absent")
def test_a_real_voice_is_still_that_voice() -> None:
    resemblyzer = pytest.importorskip("resemblyzer")
    encoder = resemblyzer.VoiceEncoder("cpu", verbose=False)
    for path in sorted(SHARED.glob("vctk/**/*_023_mic1.flac"))[:2]:
        wave = read_wave(path)[:96000]
        again = vocoder("griffin_lim")(log_mel(torch.from_numpy(wave)))[0].numpy()
        one, two = (encoder.embed_utterance(resemblyzer.preprocess_wav(w, source_sr=24000)) for w in (wave, again))
        assert np.dot(one, two) > 0.95
