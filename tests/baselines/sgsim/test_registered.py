"""SGSIM under its name: what profiles may say of it, what is trained, and what is the authors'."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch

from benchmark.registry import entries, parse_system
from benchmark.registry.entry import Entry
from benchmark.registry.systems import SYSTEMS
from benchmark.runner.systems import build, display_name, is_learnt, parameters, published_weights
from benchmark.settings import Profile
from benchmark.training.loop import check_phases

POCKET = {
    "space": "pocket",
    "generator": "pocket",
    "anchor": "face",
    "widths": [16, 32, 64, 128],
    "frames": 256,
    "canvas_rows": 128,
    "batch": 32,
    "distinct": True,
    "lambda_identity": 0.0,
    "train": {"steps": 600},
}


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    entry = Entry("baselines.sgsim.system:SGSIM", "", "baseline", ("audio_guided_translation",), variants=("official",))
    monkeypatch.setitem(SYSTEMS, "sgsim", entry)  # type: ignore[arg-type]
    entries.cache_clear()
    yield
    entries.cache_clear()


@pytest.mark.parametrize(("profile", "table"), [("pocket", POCKET), ("paper", {"train": {"steps": 25000}})])
def test_it_is_built_and_trained_at_any_size(profile: str, table: dict[str, object]) -> None:
    loaded = Profile(profile, systems={"sgsim": table})
    for name in map(parse_system, ("sgsim", "gender_only:sgsim")):
        assert is_learnt(name, loaded)
        with torch.device("meta"):
            check_phases(build(name, loaded), 1)
    assert display_name(parse_system("sgsim"), loaded) == ("sgsim:pocket" if profile == "pocket" else "sgsim")


def test_the_official_variant_is_its_authors_and_is_never_trained() -> None:
    name = parse_system("sgsim:official")
    assert published_weights(name) == "sgsim/resnet18_57.pth"
    loaded = Profile("pocket", systems={"sgsim": POCKET})
    assert not is_learnt(name, loaded)
    assert parameters("sgsim:official", loaded) == {
        "generator": 30_034_338,
        "space": 151_277_313,
        "arcface": 43_797_696,
        "encoder": 11_439_198,
    }


def test_sizes_at_pocket() -> None:
    counts = parameters("sgsim", Profile("pocket", systems={"sgsim": POCKET}))
    assert set(counts) == {"generator", "space", "encoder"}
    assert counts["generator"] == 944_768
    assert max(counts.values()) < 2_000_000
