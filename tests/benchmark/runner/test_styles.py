"""The lines of `styles`: probes of one person are one observation."""

from __future__ import annotations

import numpy as np
import pytest

from benchmark.reporting.statistics import mean_interval
from benchmark.runner.styles import _lines
from protocols.matching import Side


def test_ten_clips_of_a_person_are_one_person() -> None:
    people, clips = 24, 10
    rng = np.random.default_rng(0)
    known = rng.random(people) < 0.5
    voices = np.eye(people)
    faces = np.where(known[:, None], voices, np.roll(voices, 2, axis=0))  # whoever is not known looks like another
    speaker = np.repeat(np.arange(people), clips)
    sides = {
        guide: Side(np.repeat(styles, clips, axis=0), speaker, speaker % 2)
        for guide, styles in (("image", faces), ("audio", voices))
    }
    line = next(x for x in _lines("made", "unseen", sides) if (x.probe, x.stratum) == ("face", "G"))
    alone = mean_interval(known.astype(float), [f"p{i}" for i in range(people)], [f"q{i}" for i in range(people)])
    assert line.value == known.mean()
    assert (line.n, line.people) == (people * clips, people)
    assert line.low is not None
    assert alone.low is not None
    assert line.low == pytest.approx(alone.low, abs=0.02)
    assert line.high == pytest.approx(alone.high, abs=0.02)
