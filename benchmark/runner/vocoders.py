"""Which vocoder makes waveforms of the mels that the systems of a run return."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from benchmark.errors import BenchmarkError, unknown
from benchmark.registry import find
from benchmark.settings import Profile

if TYPE_CHECKING:
    from benchmark.media.vocoder import Vocoder
    from benchmark.runner.settings import Plan

USUAL: Mapping[str, str] = {"mel80": "griffin_lim", "mel512": "griffin_lim_512", "mel326": "griffin_lim_326"}
"""Feature -> vocoder, where neither profile nor command line names one."""


def chosen_vocoders(profile: Profile, asked: str | None) -> dict[str, str]:
    """Feature -> name of its vocoder: the usual one, or the profile's, or the one that was `asked` for.

    Raises:
        BenchmarkError: a name or a feature that is not there, a vocoder of another feature.
    """
    chosen = {**USUAL, **profile.vocoders}
    for feature, name in profile.vocoders.items():
        if feature not in USUAL:
            raise unknown(f"feature in profile {profile.name}, vocoders:", feature, USUAL)
        takes = _feature(name)
        if takes != feature:
            raise BenchmarkError(f"Profile {profile.name}, vocoders: {name} takes {takes}, not {feature}.")
    return chosen if asked is None else {**chosen, _feature(asked): asked}


def _feature(name: str) -> str:
    feature: str = find("vocoders", name).load().feature
    return feature


def open_vocoders(plan: Plan) -> dict[str, Vocoder]:
    """Feature -> vocoder, of the features that the plan's systems return.

    Raises:
        MissingWeights: a vocoder's weights are not to be had; the message names the file and what mends it.
    """
    import torch

    from benchmark.runner.systems import build

    with torch.device("meta"):
        wanted = {build(name, plan.profile).output[plan.task.name] for name in plan.systems}
    return {f: find("vocoders", name).load()() for f, name in plan.vocoders.items() if f in wanted}
