"""A variant that is its authors' own weights: loaded and never trained, at any profile; a clear error where absent."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
import torch

from baselines.adain_vc.system import AdainVC
from benchmark import weights
from benchmark.errors import BenchmarkError, MissingWeights
from benchmark.registry import parse_system
from benchmark.runner.networks import published_networks
from benchmark.runner.settings import Plan, RunSettings, plan
from benchmark.runner.systems import build, display_name, is_learnt
from benchmark.settings import load_profile

NAME = "adain_vc:official"
SMALL = {"channels": 12, "bank_channels": 4, "bank_size": 2, "code": 4, "embedding": 8}


@pytest.fixture
def file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the weights of the made-up published variant are looked for."""
    entry = weights.Weights("adain/authors.pt", "adain.pt", "MIT", "Ask the authors.")
    monkeypatch.setattr(weights, "entries", lambda: {entry.name: entry})
    monkeypatch.setenv("BENCHMARK_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("BENCHMARK_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(AdainVC, "variants", {"official": SMALL})
    monkeypatch.setattr(AdainVC, "published", {"official": entry.name})
    monkeypatch.setattr(AdainVC, "load_published", lambda self, path: self.load_state_dict(torch.load(path)))
    return tmp_path / entry.file


def asked(*systems: str) -> Plan:
    return plan(RunSettings("audio_guided_vc", systems, profile="tiny"))


def test_published_weights_are_loaded_as_they_are(file: Path) -> None:
    authors = build(parse_system(NAME), load_profile("paper"), seed=3)
    torch.save(authors.state_dict(), file)
    (network,) = published_networks(asked(NAME, f"shuffled_reference:{NAME}", "adain_vc", "copy_source")).values()
    assert (network.name, network.origin, network.path) == (NAME, "published", file)
    assert network.sha256 == hashlib.sha256(file.read_bytes()).hexdigest()
    assert "adain/authors.pt" in network.note
    ours = build(parse_system(NAME), load_profile("tiny"), seed=0)
    assert not all(torch.equal(a, b) for a, b in zip(ours.parameters(), authors.parameters(), strict=True))
    network.load(ours)
    assert all(torch.equal(a, b) for a, b in zip(ours.parameters(), authors.parameters(), strict=True))


def test_no_profile_touches_or_renames_it(file: Path) -> None:
    name = parse_system(NAME)
    for profile in map(load_profile, ("tiny", "pocket", "paper")):
        assert build(name, profile).settings == AdainVC.Settings(**SMALL)
        assert not is_learnt(name, profile)
        assert display_name(name, profile) == NAME
    assert is_learnt(parse_system("adain_vc"), load_profile("tiny"))


def test_absent_weights_are_named_with_what_mends_it(file: Path) -> None:
    with pytest.raises(MissingWeights) as error:
        published_networks(asked(NAME))
    for word in (NAME, "adain/authors.pt", "Ask the authors.", "$BENCHMARK_WEIGHTS as adain.pt"):
        assert word in str(error.value)


def test_a_control_that_would_train_it_is_refused(file: Path) -> None:
    with pytest.raises(BenchmarkError, match="is not trained"):
        published_networks(asked(f"gender_only:{NAME}"))
