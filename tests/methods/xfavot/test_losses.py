"""XFaVoT's own terms against their equations, written out element by element."""

from __future__ import annotations

import math

import pytest
import torch

from benchmark.media.mel import SCALE, SHIFT
from methods.xfavot import losses


def styles(people: int, seed: int) -> torch.Tensor:
    return torch.randn(people, 6, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def transcribed(faces: torch.Tensor, voices: torch.Tensor, tau: float, form: str) -> float:
    """The sums of papers.md 1.2, term 9, one exponential at a time."""
    n = len(faces)

    def e(k: int, j: int) -> float:
        dot = sum(float(a) * float(b) for a, b in zip(faces[k], voices[j], strict=True))
        lengths = [math.sqrt(sum(float(v) ** 2 for v in x)) for x in (faces[k], voices[j])]
        return math.exp(dot / (lengths[0] * lengths[1]) / tau)

    total = 0.0
    for k in range(n):
        to_voices = sum(e(k, j) for j in range(n))
        to_faces = sum(e(j, k) for j in range(n))
        both = e(k, k) + sum(e(k, j) + e(j, k) for j in range(n) if j != k)
        one = -math.log(e(k, k) / to_voices)
        total += {
            "one_way": one,
            "symmetric": (one - math.log(e(k, k) / to_faces)) / 2,
            "mmv": -math.log(e(k, k) / both),
        }[form]
    return total / n


@pytest.mark.parametrize("form", ["one_way", "symmetric", "mmv"])
@pytest.mark.parametrize("tau", [0.07, 0.5])
def test_style_consistency_is_its_equation(form: str, tau: float) -> None:
    faces, voices = styles(20, 0), styles(20, 1)
    found = losses.style_consistency(faces, voices, tau, form)  # type: ignore[arg-type]
    assert float(found) == pytest.approx(transcribed(faces, voices, tau, form), rel=1e-12)


def test_style_consistency_knows_no_order_and_no_length() -> None:
    faces, voices = styles(8, 0), styles(8, 1)
    order = torch.randperm(8, generator=torch.Generator().manual_seed(2))
    whole = losses.style_consistency(faces, voices, 0.1, "symmetric")
    torch.testing.assert_close(losses.style_consistency(faces[order], voices[order], 0.1, "symmetric"), whole)
    torch.testing.assert_close(losses.style_consistency(3 * faces, 0.2 * voices, 0.1, "symmetric"), whole)
    torch.testing.assert_close(losses.style_consistency(voices, faces, 0.1, "symmetric"), whole)
    assert losses.style_consistency(faces, faces, 0.1, "symmetric") < whole
    assert not torch.allclose(losses.style_consistency(faces, voices[order], 0.1, "symmetric"), whole)


def test_strangers_at_chance_cost_log_n() -> None:
    same = torch.ones(16, 6, dtype=torch.float64)
    assert float(losses.style_consistency(same, same, 0.07, "one_way")) == pytest.approx(math.log(16))
    assert float(losses.style_consistency(same, same, 0.07, "mmv")) == pytest.approx(math.log(31))


def test_norm_is_the_distance_of_log_energies() -> None:
    generator = torch.Generator().manual_seed(0)
    fake, source = (torch.randn(2, 1, 80, 7, generator=generator, dtype=torch.float64) for _ in range(2))
    total = 0.0
    for b in range(2):
        for t in range(7):
            energy = [
                0.5 * math.log(sum(math.exp(2 * (SCALE * float(v) - SHIFT)) for v in x[b, 0, :, t]))
                for x in (fake, source)
            ]
            total += abs(energy[0] - energy[1])
    assert float(losses.norm(fake, source)) == pytest.approx(total / 14, rel=1e-12)


def test_classification_reads_its_own_heads_of_rows_that_differ() -> None:
    logits = torch.randn(4, 7, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    wanted, differ = torch.tensor([0, 4, 2, 1]), torch.tensor([True, False, True, False])
    total = 0.0
    for row in (0, 2):
        mine = [float(v) for v in logits[row, 2:]]
        total -= mine[int(wanted[row])] - math.log(sum(map(math.exp, mine)))
    found = losses.classification(logits, wanted, differ, slice(2, None))
    assert float(found) == pytest.approx(total / 2, rel=1e-12)
    assert float(losses.classification(logits, wanted, torch.zeros(4, dtype=torch.bool), slice(2, None))) == 0.0
