"""SGSIM under its name: what profiles say of it, what is trained, and what is the authors'."""

from __future__ import annotations

import pytest
import torch

from benchmark.registry import parse_system
from benchmark.runner.systems import build, display_name, is_learnt, parameters, published_weights
from benchmark.settings import load_profile
from benchmark.training.loop import check_phases


@pytest.mark.parametrize("profile", ["tiny", "pocket", "small", "paper"])
def test_it_is_built_and_trained_at_any_size(profile: str) -> None:
    loaded = load_profile(profile)
    for name in map(parse_system, ("sgsim", "gender_only:sgsim")):
        assert is_learnt(name, loaded)
        with torch.device("meta"):
            check_phases(build(name, loaded), 1)
    assert display_name(parse_system("sgsim"), loaded) == ("sgsim" if profile == "paper" else f"sgsim:{profile}")


@pytest.mark.parametrize("profile", ["pocket", "paper"])
def test_the_official_variant_is_its_authors_and_is_never_trained(profile: str) -> None:
    name = parse_system("sgsim:official")
    assert published_weights(name) == "sgsim/resnet18_57.pth"
    loaded = load_profile(profile)
    assert not is_learnt(name, loaded)
    assert parameters("sgsim:official", loaded) == {
        "generator": 30_034_338,
        "space": 151_277_313,
        "arcface": 43_797_696,
        "encoder": 11_439_198,
    }


def test_sizes_at_pocket() -> None:
    counts = parameters("sgsim", load_profile("pocket"))
    assert set(counts) == {"generator", "space", "encoder"}
    assert counts["generator"] == 944_768
    assert max(counts.values()) < 2_000_000
