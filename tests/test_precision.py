"""The error budget of docs/precision.md, measured again; `python tests/test_precision.py` writes it anew.

Nothing of it needs weights or recordings: made signals, the reference beside ours, the largest difference.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from itertools import combinations
from pathlib import Path

import numpy as np
import pytest
import torch

PAGE = Path(__file__).parents[1] / "docs/precision.md"
BEGIN, END = "<!-- budget: tests/test_precision.py writes it -->", "<!-- end of the budget -->"


def voice(seconds: float = 2.0) -> np.ndarray:
    """A buzz with two formants and some noise, (N,) float32 at 24 kHz."""
    time = np.arange(round(24000 * seconds)) / 24000
    buzz = sum(np.sin(2 * np.pi * 120 * k * time) * math.exp(-(((120 * k - 700) / 900) ** 2)) for k in range(1, 40))
    wave = buzz + np.random.default_rng(0).normal(0, 0.01, len(time))
    return np.asarray(0.9 * wave / np.abs(wave).max(), np.float32)


def mel() -> float:
    """Against torchaudio's MelSpectrogram as StarGANv2-VC calls it, in float64; of values of about -1.9 to 3.5."""
    import torchaudio

    from benchmark.media.mel import log_mel

    wave = torch.from_numpy(voice())
    official = torchaudio.transforms.MelSpectrogram(n_mels=80, n_fft=2048, win_length=1200, hop_length=300).double()
    wanted = (torch.log(1e-5 + official(wave.double())) + 4) / 4
    return float((log_mel(wave)[0, 0] - wanted).abs().max())


def samples() -> float:
    """A wave in 16 bits and back, of full scale 1."""
    from benchmark.media.audio import rows_to_wave, to_int16

    wave = voice()
    return float(np.abs(rows_to_wave(to_int16(wave)).numpy().ravel() - wave).max())


def pixels() -> float:
    """A picture in 8 bits and back, in [-1, 1]."""
    from benchmark.media.image import to_uint8

    picture = torch.linspace(-1, 1, 3 * 64 * 64, dtype=torch.float64).reshape(3, 64, 64)
    back = torch.from_numpy(to_uint8(picture)).movedim(-1, -3).double() / 127.5 - 1
    return float((back - picture).abs().max())


def features(rows: int, shift: float) -> np.ndarray:
    rng = np.random.default_rng(rows)
    return np.asarray(rng.normal(shift, 1, (rows, 24)) @ rng.normal(0, 1, (24, 24)))


def frechet() -> float:
    """Against the formula with scipy's sqrtm, relative; 300 and 200 vectors of 24 numbers."""
    from scipy.linalg import sqrtm

    from protocols.frechet import frechet_distance

    x, y = features(300, 0.0), features(200, 0.3)
    cov = [np.cov(rows, rowvar=False) for rows in (x, y)]
    gap = x.mean(0) - y.mean(0)
    wanted = gap @ gap + np.trace(cov[0] + cov[1] - 2 * sqrtm(cov[0] @ cov[1]).real)
    return abs(frechet_distance(x, y) - wanted) / wanted


def kernel() -> float:
    """Against the definition, pair by pair, relative."""
    from protocols.frechet import kernel_distance

    x, y = features(40, 0.0), features(30, 0.3)

    def k(a: np.ndarray, b: np.ndarray) -> float:
        return float((a @ b / len(a) + 1) ** 3)

    within = [sum(2 * k(a, b) for a, b in combinations(r, 2)) / (len(r) * (len(r) - 1)) for r in (x, y)]
    wanted = sum(within) - 2 * sum(k(a, b) for a in x for b in y) / (len(x) * len(y))
    return abs(kernel_distance(x, y) - wanted) / abs(wanted)


def lpips() -> float:
    """The mean over 45 pairs at once against a loop over them in float64, absolute; maps of two layers."""
    from protocols.perceptual import mean_pairwise

    torch.manual_seed(0)
    maps = [torch.rand(10, 16, 8, 8), torch.rand(10, 32, 4, 4)]

    def distance(i: int, j: int) -> float:
        total = 0.0
        for layer in maps:
            a, b = (layer[n].double() / (layer[n].double().norm(dim=0, keepdim=True) + 1e-10) for n in (i, j))
            total += float((a - b).square().sum(0).mean())
        return total

    wanted = np.mean([distance(i, j) for i, j in combinations(range(10), 2)])
    return abs(mean_pairwise([maps]) - float(wanted))


def words() -> float:
    """Errors of 200 pairs of sentences against jiwer's, in words."""
    import jiwer

    from protocols.wer import word_errors

    rng = np.random.default_rng(0)
    said = [[" ".join(rng.choice(list("abcdef"), rng.integers(1, 9))) for _ in range(200)] for _ in range(2)]
    off = 0
    for truth, heard in zip(*said, strict=True):
        found = jiwer.process_words(truth, heard)
        off += abs(word_errors(truth, heard)[0] - (found.substitutions + found.deletions + found.insertions))
    return float(off)


def interval() -> float:
    """The two-way clustered standard error against sums written out, relative."""
    from benchmark.reporting.statistics import standard_error

    rng = np.random.default_rng(0)
    values, source, target = rng.normal(size=96), rng.integers(0, 12, 96), 12 + rng.integers(0, 16, 96)
    residuals = (values - values.mean()) / 96

    def squares(groups: list[object]) -> float:
        return sum(math.fsum(r for r, g in zip(residuals, groups, strict=True) if g == one) ** 2 for one in set(groups))

    sides = [list(map(int, side)) for side in (source, target)]
    single = [squares(side) for side in sides]  # type: ignore[arg-type]
    cells = squares(list(zip(*sides, strict=True))) * 96 / 95
    parts = [s * len(set(side)) / (len(set(side)) - 1) for s, side in zip(single, sides, strict=True)]
    speakers = len(set(sides[0] + sides[1]))
    dyadic = sum(single) * speakers / (speakers - 1) - cells
    wanted = math.sqrt(max(sum(parts) - cells, *parts, dyadic))
    found = float(standard_error(values[None], source[None], target[None])[0][0])
    return abs(found - wanted) / wanted


BUDGET: dict[str, tuple[Callable[[], float], str, float]] = {
    "mel of a wave": (mel, "torchaudio as StarGANv2-VC calls it, float64; absolute", 1e-4),
    "wave to 16 bits": (samples, "the wave; absolute, full scale 1", 2**-15),
    "picture to 8 bits": (pixels, "the picture; absolute, in [-1, 1]", 1 / 255 + 1e-6),
    "Frechet distance": (frechet, "scipy's sqrtm, float64; relative", 1e-8),
    "kernel distance": (kernel, "the definition, pair by pair; relative", 1e-10),
    "LPIPS over ten outputs": (lpips, "a loop over 45 pairs, float64; absolute", 1e-5),
    "word errors": (words, "jiwer; words of 200 sentences", 0.0),
    "clustered standard error": (interval, "sums written out; relative", 1e-12),
}
"""Stage -> (what measures it, against what, how large it may be)."""


def table() -> str:
    lines = ["| stage | against | measured | bound |", "|---|---|---|---|"]
    lines += [f"| {name} | {what} | {measure():.1e} | {bound:.1e} |" for name, (measure, what, bound) in BUDGET.items()]
    return "\n".join(lines)


def written() -> dict[str, list[str]]:
    """Stage -> the cells of its row in the page."""
    text = PAGE.read_text()
    rows = re.findall(r"^\| (.*) \|$", text[text.index(BEGIN) : text.index(END)], flags=re.MULTILINE)
    return {cells[0]: cells[1:] for row in rows[1:] if (cells := row.split(" | "))}


def test_the_page_has_every_stage_with_its_bound() -> None:
    assert {n: (c[0], c[2]) for n, c in written().items()} == {n: (w, f"{b:.1e}") for n, (_, w, b) in BUDGET.items()}


def test_every_test_that_the_page_names_is_there() -> None:
    named = re.findall(r"`(tests/[^`]+\.py)`", PAGE.read_text())
    assert len(named) > 12
    assert [name for name in named if not (PAGE.parents[1] / name).is_file()] == []


@pytest.mark.parametrize("stage", BUDGET)
def test_a_stage_keeps_its_bound_and_what_the_page_says(stage: str) -> None:
    """Another machine rounds otherwise: what is written holds within a factor of ten."""
    measure, _, bound = BUDGET[stage]
    found, said = measure(), float(written()[stage][1])
    assert found <= bound
    assert said <= bound
    assert found <= max(10 * said, 1e-14), f"the page says {said:.1e}, measured {found:.1e}; write it anew"


if __name__ == "__main__":
    page = PAGE.read_text()
    PAGE.write_text(page[: page.index(BEGIN)] + f"{BEGIN}\n\n{table()}\n\n" + page[page.index(END) :])
