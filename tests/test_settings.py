"""Settings out of TOML: every mistake is named, and every profile of ours fits the systems it names."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from benchmark.errors import BenchmarkError
from benchmark.settings import PROFILES, load_profile, make


@dataclass(frozen=True)
class Example:
    size: int = 1
    rate: float = 0.5
    kind: Literal["a", "b"] = "a"
    sizes: tuple[int, ...] = ()
    limit: int | None = None


def test_values_are_taken() -> None:
    assert make(Example, {"size": 3, "rate": 1, "sizes": [1, 2], "limit": 4}, "here") == Example(3, 1.0, "a", (1, 2), 4)


@pytest.mark.parametrize(
    ("table", "part"),
    [
        ({"sice": 3}, "'sice'"),
        ({"size": 3.5}, "size = 3.5 is a float"),
        ({"size": True}, "size = True is a bool"),
        ({"kind": "c"}, "kind = 'c'"),
        ({"rate": "fast"}, "rate = 'fast'"),
        ({"sizes": 3}, "sizes = 3"),
    ],
)
def test_mistakes_are_named(table: dict[str, object], part: str) -> None:
    with pytest.raises(BenchmarkError, match="here") as error:
        make(Example, table, "here")
    assert part in str(error.value)


def test_broken_toml(tmp_path: Path) -> None:
    path = tmp_path / "x.toml"
    path.write_text("[trials\n")
    with pytest.raises(BenchmarkError, match="not valid TOML"):
        load_profile(str(path))


@pytest.mark.parametrize("name", PROFILES)
def test_our_profiles_fit_their_systems(name: str) -> None:
    import torch

    from benchmark.registry import parse_system
    from benchmark.runner.systems import build, tables
    from benchmark.tasks import get_task
    from benchmark.training.loop import TrainSettings
    from protocols.trial_list import FaceTrialSettings, PairTrialSettings, VoiceTrialSettings

    profile = load_profile(name)
    for system in profile.systems:
        with torch.device("meta"):  # frozen networks of published weights are absent here
            build(parse_system(system), profile)
        make(TrainSettings, tables(parse_system(system), profile)[1], system)
    for task, table in profile.trials.items():
        of_faces = PairTrialSettings if get_task(task).pairs else FaceTrialSettings
        make(VoiceTrialSettings if get_task(task).source == "voice" else of_faces, table, task)


def test_the_papers_trial_counts() -> None:
    trials = load_profile("paper").trials
    assert (trials["image_guided_vc"]["trials"], trials["image_guided_vc"]["natural"]) == (180, 10)
    assert trials["audio_guided_vc"]["trials"] == 140
