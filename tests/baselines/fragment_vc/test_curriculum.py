"""Who is whose reference at which step, and at what rate it is learnt."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch.optim.lr_scheduler import LambdaLR

from baselines.fragment_vc.curriculum import concatenate, exclusion, other_records, own_frames, warm_half_cosine


def official_rates(steps: int, warmup: int, total: int) -> list[float]:
    """Factors of `get_cosine_schedule_with_warmup` (FragmentVC@79cc2ce:models/utils.py) as its optimiser meets them."""

    def factor(step: int) -> float:
        if step < warmup:
            return float(step) / float(max(1, warmup))
        progress = float(step - warmup) / float(max(1, total - warmup))
        return max(0.0, 0.5 * (1.0 + math.cos(math.pi * progress)))

    optimiser = torch.optim.AdamW([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    scheduler = LambdaLR(optimiser, factor)
    rates = []
    for _ in range(steps):
        rates.append(float(scheduler.get_last_lr()[0]))
        optimiser.step()
        scheduler.step()
    return rates


@pytest.mark.parametrize(("start", "warmup", "stop"), [(0, 5, 40), (12, 5, 40), (0, 1, 30), (7, 30, 40)])
def test_rates_are_the_official_schedulers(start: int, warmup: int, stop: int) -> None:
    expected = official_rates(stop - start, warmup, stop - start)
    got = [warm_half_cosine(step, start, warmup, stop) for step in range(start, stop)]
    assert got == pytest.approx(expected, abs=1e-12)
    assert got[0] == 0.0
    assert warm_half_cosine(stop, start, warmup, stop) == warm_half_cosine(10 * stop, start, warmup, stop) == 0.0


def test_the_published_rates() -> None:
    first, second = (
        [warm_half_cosine(k, start, 500, 250_000) for k in (50_000, 50_500, 150_000)] for start in (0, 50_000)
    )
    assert first == pytest.approx([0.90598, 0.90414, 0.34669], abs=1e-4)
    assert second == pytest.approx([0.0, 1.0, 0.50197], abs=1e-4)


def official_exclusion(steps: int, milestones: tuple[int, int]) -> list[float]:
    """What `self_exclude` is at each step of FragmentVC@79cc2ce:train.py, read off its loop."""
    value, values = 0.0, []
    for step in range(steps):
        values.append(value)
        if (step + 1) >= milestones[1]:
            value = 1.0
        elif (step + 1) > milestones[0]:
            value = (step + 1 - milestones[0]) / (milestones[1] - milestones[0])
    return values


@pytest.mark.parametrize(("start", "stop"), [(3, 9), (0, 4), (5, 6)])
def test_the_target_leaves_its_references_as_in_the_official_loop(start: int, stop: int) -> None:
    assert [exclusion(k, start, stop) for k in range(20)] == pytest.approx(official_exclusion(20, (start, stop)))


@given(st.integers(2, 6), st.integers(0, 10**6))
def test_the_references_are_the_other_recordings(count: int, seed: int) -> None:
    generator = torch.Generator().manual_seed(seed)
    records = torch.stack([torch.randperm(9, generator=generator)[: count + 1] for _ in range(4)])
    target = torch.randint(9, (4,), generator=generator)
    order, used = other_records(records, target)
    chosen = records.gather(1, order)
    assert chosen.shape == (4, count)
    assert used.all()
    assert (chosen != target[:, None]).all()
    for row, own, all_ in zip(chosen.tolist(), target.tolist(), records.tolist(), strict=True):
        assert len(set(row)) == count
        assert row == [r for r in all_ if r != own][:count], "the first ones, in their order"


def test_a_speaker_of_few_recordings_gives_what_there_is() -> None:
    """Twice the same one, the target's not used; a speaker of one recording has nothing else."""
    order, used = other_records(torch.tensor([[1, 7, 1, 7], [7, 7, 7, 7]]), torch.tensor([7, 7]))
    assert torch.tensor([1, 7, 1, 7])[order[0]].tolist() == [1, 1, 7]
    assert used.tolist() == [[True, True, False], [True, True, True]]


def test_recordings_stand_one_after_the_other_as_in_the_official_batches() -> None:
    lengths = torch.tensor([[3, 1, 4], [2, 2, 1]])
    mels = torch.arange(2 * 3 * 2 * 5.0).reshape(2, 3, 2, 5)
    joined, padding = concatenate(mels, own_frames(lengths, 5))
    assert joined.shape == (2, 2, 8)
    assert (~padding).sum(1).tolist() == [8, 5]
    for row in range(2):
        expected = torch.cat([mels[row, i, :, : lengths[row, i]] for i in range(3)], dim=1)
        assert torch.equal(joined[row, :, ~padding[row]], expected)
        assert padding[row].tolist() == sorted(padding[row].tolist()), "what pads stands behind"
