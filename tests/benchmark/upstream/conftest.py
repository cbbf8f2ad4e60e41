"""Made speech with known bytes, real recordings, and where published weights are looked for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmark import weights

SHARED = Path(__file__).resolve().parents[4] / "shared"


def made_voice(pitch: float, formants: tuple[float, ...], seconds: float, rate: int = 16000) -> np.ndarray:
    """(N,) float32: harmonics under formants, four syllables a second; a voice detector hears a voice."""
    time = np.arange(int(seconds * rate)) / rate
    phase = 2 * np.pi * np.cumsum(pitch * (1 + 0.08 * np.sin(2 * np.pi * 0.7 * time))) / rate
    wave = np.zeros_like(time)
    for k in range(1, int(7000 / pitch)):
        gain = sum(1 / (1 + ((k * pitch - f) / 90.0) ** 2) for f in formants)
        wave += gain / k**0.5 * np.sin(k * phase)
    wave *= 0.55 - 0.45 * np.cos(2 * np.pi * 4 * time)
    return (0.3 * wave / np.abs(wave).max()).astype(np.float32)


@pytest.fixture
def voices() -> list[np.ndarray]:
    """At 16 kHz: a low, a high and a short low voice, and a faint one with a long pause and half a window left over."""
    low, high = (600.0, 1100.0, 2500.0), (850.0, 1900.0, 3000.0)
    pause = 1e-4 * np.random.default_rng(0).standard_normal(20011).astype(np.float32)
    faint = 0.02 * np.concatenate([made_voice(130.0, low, 1.5), pause, made_voice(125.0, low, 1.0)])
    return [made_voice(105.0, low, 4.3), made_voice(215.0, high, 2.7), made_voice(110.0, low, 1.1), faint]


@pytest.fixture
def published(monkeypatch: pytest.MonkeyPatch) -> None:
    """The three published NISQA files are at hand (tests/conftest.py points to ../shared/weights)."""
    monkeypatch.setenv("BENCHMARK_OFFLINE", "1")
    absent = [name for name in ("nisqa.tar", "nisqa_tts.tar", "nisqa_mos_only.tar") if weights.find(name) is None]
    if absent:
        pytest.skip(f"{', '.join(absent)} absent: set BENCHMARK_WEIGHTS")


@pytest.fixture
def recordings() -> Path:
    """The folder of real recordings."""
    if not (SHARED / "data" / "vctk").is_dir():
        pytest.skip("../shared/data is absent")
    return SHARED / "data"
